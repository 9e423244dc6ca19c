"""Deep looks for the rules' tests: a pair on which nothing is wrong, and single parts to put in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from iamops.judge.findings import Finding, NotEvaluated
from iamops.judge.lint.finding import LintReport
from iamops.judge.rules.base import Answer, RuleInput
from iamops.model.config import DaemonCheck
from iamops.model.inspection import (
    ErrorLogInspection,
    FileStamp,
    Filesystem,
    Inspection,
    JournalEntry,
    JournalEventKind,
    JournalInspection,
    NodeInspection,
    TrafficInspection,
)
from iamops.model.observed import Known, Observed
from iamops.model.state import ClusterState
from iamops.model.traffic import Backend, Traffic
from tests.support.cluster_states import NOW, VIP, healthy

FIXTURES = Path(__file__).parents[1] / "fixtures"
A, B = "iam-a", "iam-b"
LATER = NOW + 2
MACS = {A: "02:00:0a:00:04:14", B: "02:00:0a:00:04:15"}
CONF = "/etc/keepalived/keepalived.conf"
NGINX_CONF = "/etc/nginx/nginx.conf"
NOTIFY = "/var/log/keepalived.log"
CHECK = "check_nginx_VI_1"


def seen(value: Any) -> Observed[Any]:
    return Known(value, NOW)


def stamp(path: str, changed_at: float = NOW - 9000) -> FileStamp:
    return FileStamp(path, 0o644, "root", 100, changed_at)


def node_look(name: str, **parts: Any) -> NodeInspection:
    """Everything read, and nothing wrong."""
    look = NodeInspection(
        name,
        journal=seen(JournalInspection((), NOW - 3600)),
        nginx_errors=seen(ErrorLogInspection()),
        files=seen({path: stamp(path) for path in (CONF, NGINX_CONF, NOTIFY)}),
        loaded=seen({"nginx": NOW - 8000, "keepalived": NOW - 8000}),
        filesystems=seen((Filesystem("/", 40.0, 3.0),)),
        macs=seen({"eth0": MACS[name]}),
        checks=seen((DaemonCheck(name, "nginx", 0, ""), DaemonCheck(name, "keepalived", 0, ""))),
        services=seen(()),
    )
    return replace(look, **{key: seen(value) for key, value in parts.items()})


def traffic_look(slots: Mapping[int, Traffic] | None = None, untold: str = "") -> Observed[TrafficInspection]:
    return seen(TrafficInspection(slots or {}, 10, NOW - 900, NOW, untold))


def requests(
    ok: int, failed: int = 0, *, host: str = "iam.api.marmotedu.com", **backends: tuple[int, int]
) -> Traffic:
    """`backends`: name with _ for . and __ for : -> (requests, errors)."""
    found = Traffic()
    found.statuses.update({"200": ok, "500": failed})
    found.hosts.update({(host, "2xx"): ok, (host, "5xx"): failed})
    for name, (asked, errors) in backends.items():
        address = name.removeprefix("at_").replace("__", ":").replace("_", ".")
        found.backends[address] = Backend(asked, errors)
    return found


def view(
    state: ClusterState | None = None,
    *,
    a: NodeInspection | None = None,
    b: NodeInspection | None = None,
    neighbours: Observed[Any] | None = None,
    traffic: Mapping[str, Observed[TrafficInspection]] | None = None,
    lint: LintReport | None = None,
) -> RuleInput:
    looks = {A: a or node_look(A), B: b or node_look(B)}
    known = neighbours if neighbours is not None else seen({VIP: MACS[A]})
    look = Inspection(looks, known, traffic or {A: traffic_look(), B: traffic_look()})
    return RuleInput(state or healthy(), look, seen(lint or LintReport(())))


def journal(*said: tuple[float, str, JournalEventKind, str, str]) -> JournalInspection:
    """(seconds ago, unit, kind, subject, text), oldest first."""
    return JournalInspection(tuple(JournalEntry(NOW - ago, *rest) for ago, *rest in said), NOW - 3600)  # type: ignore[arg-type]


def found(answers: Any) -> list[str]:
    return [each.code for each in answers if isinstance(each, Finding)]


def blind(answers: Any) -> list[NotEvaluated]:
    return [each for each in answers if isinstance(each, NotEvaluated)]


def asked(code: str, at: RuleInput, now: float = LATER) -> list[Answer]:
    """What the rules with this code answer."""
    from iamops.judge.triage.diagnose import RULES

    return [each for rule in RULES if code in rule.codes for each in rule.ask(at, now)]
