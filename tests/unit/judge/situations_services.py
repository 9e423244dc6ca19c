"""Situations of the real services behind the pair: hung, expired, given up; what is one's own is told as that."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.model.events import ClientProbed, HttpProbed, Target, TlsProbed
from iamops.model.facts import Certificate, ProbeOutcome, ProbeReport, TlsReport
from iamops.model.inspection import ComplaintKind as Kind
from iamops.model.profile import Profile
from tests.profiles import pair
from tests.scenes import NOW, fed, healthy
from tests.unit.judge.looks import A, B, requests, traffic_look, view
from tests.unit.judge.samples import DOMAIN, complaint, state
from tests.unit.judge.situation import Situation, asked, erring

API, AUTHZ = "iam-apiserver", "iam-authz-server"
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
