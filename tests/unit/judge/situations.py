"""Situations that operators met, as what was seen: what an earlier release said, and what must be said now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from console.judge.diagnose import diagnose
from console.judge.rules.view import View
from console.model.events import (
    AddressChanged,
    ClientProbed,
    Event,
    HttpProbed,
    KeepalivedAsked,
    LinkChanged,
    Target,
    UnitReported,
    VrrpReported,
)
from console.model.facts import ProbeOutcome, ProbeReport, Severity, UnitReport, VrrpReport, VrrpState
from tests.scenes import NOW, VIP
from tests.unit.judge.looks import A, B
from tests.unit.judge.samples import DOWN, state

API, AUTHZ, PUMP = "iam-apiserver", "iam-authz-server", "iam-pump"
SILENT = ProbeReport(ProbeOutcome.TIMEOUT, detail="accepts, but no answer within 1.5 s", accepted=True)
UNANSWERED = ProbeReport(
    ProbeOutcome.TIMEOUT, detail="no answer within 1 s", accepted=True, asked="iam.api.marmotedu.com"
)
MASTER_B = VrrpReported(NOW + 0.2, B, "VI_1", VrrpReport(VrrpState.MASTER, "json", last_transition=NOW))
# Both kernels have it, and both are heard after that.
SPLIT: tuple[Event, ...] = (
    AddressChanged(NOW + 0.2, B, VIP, present=True),
    MASTER_B,
    UnitReported(NOW + 1, A, "nginx", UnitReport("active")),
)


@dataclass(frozen=True, slots=True)
class Situation:
    """`first`: the code of the first cause, `node`: its node, `step`: how its next step begins; no cause: all
    empty. `about`: words in the first cause's title or evidence. `never`: codes that must not be found.
    """

    id: str
    what: str
    before: str
    view: View
    first: str = ""
    node: str | None = None
    step: str = ""
    about: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()


def situations() -> tuple[Situation, ...]:
    return (*_backends(), *_vrrp())


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


def _vrrp() -> Iterator[Situation]:
    stopped = "its process 46 is in state T (stopped)"
    yield Situation(
        "A10",
        "keepalived hangs on the standby",
        "no findings, and a switchover is offered",
        state(KeepalivedAsked(NOW, B, stopped)),
        "keepalived-silent",
        B,
        "iamops restart keepalived iam-b",
        (stopped,),
    )
    yield Situation(
        "A11",
        "keepalived hangs on the owner, and both nodes have the VIP",
        "split-brain, with a firewall as its cause",
        state(KeepalivedAsked(NOW, A, stopped), *SPLIT),
        "keepalived-silent",
        A,
        "iamops restart keepalived iam-a --dry-run",
        explains=("split-brain",),
    )


def asked(node: str, service: str, report: ProbeReport) -> list[Event]:
    """The service as the node itself and its peer are answered by it."""
    return [HttpProbed(NOW, node, observer, Target.SERVICE, service, report) for observer in (A, B)]


def page() -> str:
    """docs/situations.md."""
    rows = sorted(situations(), key=lambda each: each.id)
    return HEAD + "".join(f"| {' | '.join(_row(each))} |\n" for each in rows)


HEAD = """\
# Situations

What operators met on pairs of their own, and what `iamops triage` says: the first cause and its next step.
Made from `tests/unit/judge/situations.py`, where each is judged again with every change. The numbers are those
of the collection in which they were gathered.

| id | situation | said before | first cause now | next step |
|---|---|---|---|---|
"""


def _row(each: Situation) -> tuple[str, ...]:
    roots = [one for one in diagnose(each.view, NOW + 2).findings if one.severity is not Severity.INFO]
    cause, step = (f"{roots[0].code}: {roots[0].title}", f"`{roots[0].next}`") if roots else ("no findings", "")
    return (each.id, each.what, each.before, cause.replace("|", "\\|"), step.replace("|", "\\|"))
