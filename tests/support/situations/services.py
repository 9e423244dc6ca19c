"""Situations of the real services behind the pair: hung, expired, given up; what is one's own is told as that."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.model.events import ClientProbed, DatastoreProbed, HttpProbed, Target, TlsProbed, UnitReported
from iamops.model.facts import Certificate, ProbeOutcome, ProbeReport, TlsReport, UnitReport
from iamops.model.inspection import ComplaintKind as Kind
from iamops.model.profile import Profile
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.finding_samples import DOMAIN, complaint, state
from tests.support.looks import A, B, requests, traffic_look, view
from tests.support.profiles import pair
from tests.support.situations.situation import Situation, asked, erring

API, AUTHZ, PUMP = "iam-apiserver", "iam-authz-server", "iam-pump"
AUTHZ_DOMAIN = "iam.authz.marmotedu.com"
HUNG = ProbeReport(ProbeOutcome.TIMEOUT, detail="accepts, but no answer within 1.5 s", accepted=True)


def services() -> Iterator[Situation]:
    unanswered = ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer within 1 s", accepted=True, host=DOMAIN)
    yield Situation(
        "R5",
        "the apiserver hangs on iam-b (SIGSTOP)",
        "every other run: dark-outside, HAVIP not bound, a firewall, or a route",
        state(*asked(B, API, HUNG), ClientProbed(NOW + 1, "VI_1", unanswered)),
        "service-unhealthy",
        B,
        "iamops restart iam-apiserver iam-b",
        never=("dark-outside",),
        explains=("client-dark",),
    )
    yield from _needs()
    yield _expired()
    yield from _given_up()
    second = ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer within 1 s", accepted=True, host=AUTHZ_DOMAIN)
    yield Situation(
        "R20",
        "the authz-server hangs on both nodes",
        "the client's witness was green: it asked the first domain only",
        state(*asked(A, AUTHZ, HUNG), *asked(B, AUTHZ, HUNG), ClientProbed(NOW + 1, "VI_1", second)),
        "service-unhealthy",
        None,
        "iamops restart iam-authz-server",
        never=("dark-outside",),
        explains=("client-dark",),
    )


def _given_up() -> Iterator[Situation]:
    bad = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 502, "HTTP 502")
    domains = [HttpProbed(NOW, A, A, Target.DOMAIN, each, bad) for each in (DOMAIN, AUTHZ_DOMAIN)]
    look = erring(A, complaint(Kind.NO_LIVE_UPSTREAMS, unit="nginx"))
    failing = {int(NOW) - 20: requests(10, 190)}
    yield Situation(
        "R16",
        "the seconds after a rolling restart under load",
        "three false roots: nginx asks other addresses, the new owner is not as good, usually the database",
        view(
            fed(healthy(), [*domains, ClientProbed(NOW + 1, "VI_1", bad)]),
            a=look,
            traffic={A: traffic_look(failing), B: traffic_look()},
        ),
        "no-live-upstreams",
        A,
        "iamops traffic",
        explains=("proxy-fails", "requests-failing", "client-dark"),
    )


def _expired() -> Situation:
    raw = pair().model_dump(mode="json")
    raw["services"][API]["tls_ports"] = [8443, 8081]
    raw["services"][AUTHZ]["needs"] = ["iam-apiserver:8081", "redis"]
    profile = Profile.model_validate(raw)
    ended = Certificate("CN=iam", "CN=ca", NOW - 9e6, NOW - 100, (DOMAIN,))
    shown = TlsReport(ProbeReport(ProbeOutcome.OK, 1.0), ended, unasked="the profile names no CA")
    expired = fed(healthy(profile=profile), [TlsProbed(NOW, B, port, shown) for port in (8081, 8443)])
    failing = {int(NOW) - 20: requests(20, 20, host=AUTHZ_DOMAIN)}
    return Situation(
        "R13",
        "the certificate of the apiserver's TLS and gRPC ports has expired on iam-b: no new secret is taken there",
        "all green",
        view(expired, traffic={A: traffic_look(failing), B: traffic_look()}),
        "certificate-expired",
        B,
        "look: which file does iam-apiserver on iam-b name",
        ("ports 8081 and 8443 of iam-apiserver",),
        explains=("requests-failing",),
        means=("iam-authz-server on iam-b stops deciding for new secrets",),
    )


def _needs() -> Iterator[Situation]:
    refused = ProbeReport(ProbeOutcome.REFUSED, detail="connection refused")
    failed = UnitReport("activating", "auto-restart")
    yield Situation(
        "R6",
        "the apiserver is down on one node, and the authz-server there gets no policies",
        "two roots that have nothing to do with each other",
        state(
            UnitReported(NOW, B, API, UnitReport("inactive", "dead")),
            *asked(B, API, refused),
            *asked(B, AUTHZ, refused),
        ),
        "unit-down",
        B,
        "iamops start iam-apiserver iam-b",
        explains=("service-unhealthy",),
        means=("iam-authz-server on iam-b stops deciding for new secrets",),
    )
    down = [DatastoreProbed(NOW, node, "redis", refused) for node in (A, B)]
    yield Situation(
        "R7",
        "Redis is down",
        "that it is down, and nothing of what it means",
        state(*down),
        "datastore-down",
        None,
        "look: redis on iam-a",
        means=("iam-pump on iam-a and iam-b is idle: no audit record is stored", "hears of no policy change"),
    )
    lost = UnitReport("activating", "auto-restart", 13, exits="exit 1, 13 times in 70 s", reason="port in use")
    yield Situation(
        "R4",
        "a service that cannot start: its port is taken",
        "is activating; next: journalctl, whose last lines are a stack trace",
        state(UnitReported(NOW, B, PUMP, lost)),
        "unit-down",
        B,
        "look: what iam-pump on iam-b says it lacks",
        ("does not start: exit 1, 13 times in 70 s", "port in use"),
    )
    gone = [DatastoreProbed(NOW, node, "mariadb", refused) for node in (A, B)]
    yield Situation(
        "R3",
        "MariaDB is down, and the apiserver that was restarted does not come up",
        "two roots; is activating",
        state(*gone, UnitReported(NOW, B, API, failed), *asked(B, API, refused)),
        "datastore-down",
        None,
        "look: mariadb on iam-a",
        explains=("unit-down",),
        means=("iam-apiserver on iam-a and iam-b answers 5xx and does not start again",),
    )
    refused = ProbeReport(ProbeOutcome.HOST_NOT_ALLOWED, detail="Host '10.0.4.99' is not allowed to connect")
    yield Situation(
        "A21",
        "the VIP has become the source address, and MariaDB knows no such host",
        "datastore-host-not-allowed; next: the grants for iam-b, past the cause",
        state(DatastoreProbed(NOW, B, "mariadb", refused)),
        "datastore-host-not-allowed",
        B,
        "look: ip -4 route get",
        ("comes from VIP 10.0.4.99", "/32"),
    )
