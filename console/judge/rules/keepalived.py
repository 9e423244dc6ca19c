"""keepalived's journal: strangers' adverts, moves, and the daemon's own life."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from console.judge.findings import About, Blind, Finding
from console.judge.rules.looked import age_s, ago, each_journal, each_node, line, looked, of_kind, ours, too_short
from console.judge.rules.view import Answer, Rule, View, about_unit, told, unit_running
from console.model.facts import Severity
from console.model.look import FileStamp, JournalLook, NodeLook, Said, SaidKind
from console.model.observed import Known, Observed
from console.model.state import NodeState

RECENT_S = 600.0
CRASH_RECENT_S = 3600.0
FLAPPING_MOVES = 3
SHOWN = 3
Journal = Known[JournalLook]


def journal(look: NodeLook) -> Observed[JournalLook]:
    return look.journal


def foreign_adverts(view: View, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    heard = of_kind(seen.value, view.state.profile.keepalived.unit, SaidKind.FOREIGN_ADVERT)
    recent = [each for each in heard if age_s(node, each.at, now) <= RECENT_S]
    if recent:
        yield Finding(
            "foreign-adverts",
            Severity.WARNING,
            f"{node.name} hears VRRP adverts with our router id that are not its peer's ({len(recent)})",
            tuple(line(node, each, now) for each in recent[-SHOWN:]),
            f"look: tcpdump -nn proto 112 on {node.name}",
            node.name,
            cause="another VRRP pair in this network has the same router id, or the peers' settings differ",
        )


def flapping(view: View, now: float) -> Iterator[Answer]:
    """Told by all nodes' journals together: each move is one node's `Entering MASTER STATE`."""
    unit = view.state.profile.keepalived.unit
    entered: list[tuple[NodeState, Said]] = []
    for each in looked(view, journal, ("vip-flapping",), "how often the VIP moved"):
        if isinstance(each, Blind):
            yield each
            continue
        node, seen = each
        yield from too_short("vip-flapping", "how often the VIP moved", node, seen.value, RECENT_S, now)
        said = of_kind(seen.value, unit, SaidKind.ENTERED)
        entered += [(node, one) for one in said if "MASTER" in one.text and age_s(node, one.at, now) <= RECENT_S]
    for name in view.state.profile.vrrp:
        moves = sorted((m for m in entered if m[1].subject == name), key=lambda move: ours(move[0], move[1].at))
        if len(moves) >= FLAPPING_MOVES:
            yield _flapping(view, name, moves, now)


def daemon_restarted(view: View, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    """A crash is told for an hour, a restart in order for ten minutes. The start at boot is neither."""
    unit = view.state.profile.keepalived.unit
    ends = of_kind(seen.value, unit, SaidKind.STOPPED, SaidKind.CRASHED)
    crashes = [e for e in ends if e.kind is SaidKind.CRASHED and age_s(node, e.at, now) <= CRASH_RECENT_S]
    shown = crashes or [e for e in ends if age_s(node, e.at, now) <= RECENT_S]
    if not shown or not unit_running(node, unit):
        return
    yield Finding(
        "keepalived-restarted",
        Severity.WARNING if crashes else Severity.INFO,
        f"{unit} on {node.name} {'crashed' if crashes else 'was restarted'} {ago(age_s(node, shown[-1].at, now))}",
        tuple(line(node, each, now) for each in shown[-SHOWN:]),
        f"look: journalctl -u {unit} on {node.name}",
        node.name,
        about=about_unit(view.state.profile, unit, node.name),
    )


def notify_log(view: View, node: NodeState, seen: Known[Mapping[str, FileStamp]], now: float) -> Iterator[Answer]:
    path = view.state.profile.logs.notify
    if path not in seen.value:
        yield Finding(
            "notify-log-missing",
            Severity.WARNING,
            f"{path} is not there on {node.name}: nobody writes down when the VIP moves",
            (told(seen, f"{path}: no such file", "stat", node.name, now),),
            "iamops config diff",
            node.name,
            cause="keepalived does not call the notify script, or somebody deleted the log",
        )


RULES = (
    each_journal("foreign-adverts", "whether others use our virtual router id", RECENT_S, foreign_adverts),
    Rule(("vip-flapping",), flapping),
    each_journal("keepalived-restarted", "whether keepalived was restarted", CRASH_RECENT_S, daemon_restarted),
    each_node("notify-log-missing", "whether its notify log is there", lambda look: look.files, notify_log),
)


def _flapping(view: View, name: str, moves: Sequence[tuple[NodeState, Said]], now: float) -> Finding:
    address, unit = view.state.profile.vrrp[name].address, view.state.profile.keepalived.unit
    return Finding(
        "vip-flapping",
        Severity.WARNING,
        f"VIP {address} moved {len(moves)} times in {RECENT_S / 60:.0f} minutes",
        tuple(line(node, said, now) for node, said in moves[-SHOWN:]),
        f"look: journalctl -u {unit} on every node",
        cause="a check on the edge of failing, adverts that are lost now and then, or somebody moving it",
        about=About(instance=name),
    )
