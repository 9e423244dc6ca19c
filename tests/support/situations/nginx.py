"""Situations of nginx, of the backends behind it, and of the requests through it."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.model.config import DaemonCheck
from iamops.model.events import (
    ClientProbed,
    DatastoreProbed,
    HttpProbed,
    LinkChanged,
    Target,
    UnitReported,
    VrrpReported,
)
from iamops.model.facts import ProbeOutcome, ProbeReport, UnitReport, VrrpReport, VrrpState
from iamops.model.inspection import ComplaintKind as Kind
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.finding_samples import DOWN, complaint, state
from tests.support.looks import A, B, node_look, requests, traffic_look, view
from tests.support.profiles import pair
from tests.support.situations.situation import RIGHT, Situation, asked, erring

API, AUTHZ, PUMP = "iam-apiserver", "iam-authz-server", "iam-pump"
SILENT = ProbeReport(ProbeOutcome.TIMEOUT, detail="accepts, but no answer within 1.5 s", accepted=True)
UNANSWERED = ProbeReport(
    ProbeOutcome.TIMEOUT, detail="no answer within 1 s", accepted=True, host="iam.api.marmotedu.com"
)


def nginx() -> Iterator[Situation]:
    yield from _backends()
    yield from _daemon()
    yield from _requests()
    yield from _known_before()


def _backends() -> Iterator[Situation]:
    hung = [*asked(B, API, SILENT), ClientProbed(NOW + 1, "VI_1", UNANSWERED)]
    yield Situation(
        "A49",
        "a backend hangs on the standby, and the client was sent to it",
        "every second answer: dark-outside, HAVIP or a firewall",
        state(*hung),
        "service-unhealthy",
        B,
        "iamops restart iam-apiserver iam-b",
        never=("dark-outside",),
        explains=("backend-silent", "client-dark"),
    )
    frozen = LinkChanged(NOW + 1, B, DOWN)
    peers = [HttpProbed(NOW + 1, B, A, Target.SERVICE, name, SILENT) for name in (API, AUTHZ, PUMP)]
    for number, what, more in (
        ("A50", "the standby is paused; every second request hangs", []),
        ("A01", "a paused node, and a client in the dark", [ClientProbed(NOW + 1, "VI_1", UNANSWERED)]),
    ):
        yield Situation(
            number,
            what,
            "a warning, exit 0" if number == "A50" else "9 of 10: dark-outside, is the VIP bound?",
            state(frozen, *peers, *more),
            "node-unreachable",
            B,
            never=("dark-outside",),
            explains=("backend-silent",),
        )


def _daemon() -> Iterator[Situation]:
    bad = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 502, "HTTP 502")
    domains = [HttpProbed(NOW, A, A, Target.DOMAIN, d, bad) for d in ("iam.api.marmotedu.com",)]
    dark = ClientProbed(NOW + 1, "VI_1", bad)
    yield Situation(
        "A53",
        "all backends were restarted, and nginx has given them up",
        "nginx asks other addresses than the services listen on; next: config diff",
        state(*domains, dark, a=erring(A, complaint(Kind.NO_LIVE_UPSTREAMS, unit="nginx"))),
        "no-live-upstreams",
        A,
        "iamops traffic",
        explains=("proxy-fails", "client-dark"),
        never=("dark-outside",),
    )
    yield Situation(
        "F18a",
        "a worker of nginx dies now and then",
        "no findings",
        state(b=erring(B, complaint(Kind.WORKER_DIED, "9", "nginx"))),
        "nginx-worker-died",
        B,
        "look: journalctl -k on iam-b",
    )


def _requests() -> Iterator[Situation]:
    failing = {int(NOW) - 20: requests(10, 10)}
    locked = node_look(B, services=(complaint(Kind.MARIADB_REFUSES, unit=API),))
    yield Situation(
        "A46",
        "a backup holds MariaDB's tables locked",
        "requests-failing; its cause was not named",
        view(b=locked, traffic={A: traffic_look(failing), B: traffic_look()}),
        "datastore-refuses-writes",
        None,
        "look: why mariadb on iam-a takes no writes",
        explains=("requests-failing",),
    )
    half = {int(NOW) - 50: requests(40, 40, at_127_0_0_1__8080=(40, 0), at_10_0_4_21__8080=(40, 40))}
    yield Situation(
        "A41",
        "a backend gets its half of all requests and answers 500",
        "uneven-split: gets far less than its share; it answered 0",
        view(traffic={A: traffic_look(half), B: traffic_look()}),
        "requests-failing",
        step="iamops traffic",
        about=("40 of 80", "10.0.4.21:8080: 40 of 40"),
        never=("uneven-split",),
    )


def _known_before() -> Iterator[Situation]:
    """What was right before, so that it stays so."""
    taken = complaint(Kind.PORT_TAKEN, "0.0.0.0:80", "nginx")
    yield Situation(
        "A23",
        "another program has port 80, and nginx does not start",
        RIGHT,
        state(
            UnitReported(NOW, B, "nginx", UnitReport("failed", "failed")),
            VrrpReported(NOW, B, "VI_1", VrrpReport(VrrpState.FAULT, "json")),
            b=erring(B, taken),
        ),
        "unit-down",
        B,
        "look: journalctl -u nginx on iam-b",
        ("port taken 0.0.0.0:80",),
    )
    gone = DaemonCheck(
        B, "nginx", 1, 'nginx: [emerg] host not found in upstream "gone:8080" in /etc/nginx/nginx.conf:9'
    )
    yield Situation(
        "A26",
        "a name in an upstream does not resolve any more",
        RIGHT,
        view(b=node_look(B, checks=(gone,))),
        "nginx-config-invalid",
        B,
        about=("host not found in upstream",),
    )
    failing = {int(NOW) - 20: requests(10, 10)}
    away = ProbeReport(ProbeOutcome.TIMEOUT, detail="accepts, but no answer within 1.5 s", accepted=True)
    yield Situation(
        "A47",
        "MariaDB hangs, and real requests fail",
        RIGHT,
        view(
            fed(healthy(), [DatastoreProbed(NOW, node, "mariadb", away) for node in (A, B)]),
            traffic={A: traffic_look(failing), B: traffic_look()},
        ),
        "datastore-down",
        explains=("requests-failing",),
    )
    fault = VrrpReported(NOW, B, "VI_1", VrrpReport(VrrpState.FAULT, "json"))
    other, down = pair(nginx={"unit": "openresty"}), UnitReport("inactive", "dead")
    yield Situation(
        "B29",
        "nginx's unit is called openresty, and it is down on the standby",
        "unit-down does not explain the FAULT",
        view(fed(healthy(profile=other), [UnitReported(NOW, B, "openresty", down), fault])),
        "unit-down",
        B,
        "iamops start openresty iam-b",
        explains=("vrrp-fault",),
    )
