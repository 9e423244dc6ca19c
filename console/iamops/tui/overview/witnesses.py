"""The three witnesses for a VIP: kernels, keepalived and a client. Kept apart, then compared."""

from __future__ import annotations

from dataclasses import dataclass

from iamops.model.contest import split_owners
from iamops.model.facts import ProbeReport, VrrpState
from iamops.model.observed import Freshness
from iamops.model.state import ClusterState, NodeState
from iamops.model.vip import Ownership, owned_since, ownership
from iamops.tui.toolkit.frame_state import ScreenPart, ViewState
from iamops.tui.toolkit.health import CLIENT_S, CellVerdict, Shown, judge, of_probe, resolve, spoken
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.text import Line, PaneContent, Row, Rows, TextSpan, Tone, age, first_fitting


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What each witness says of one VIP now, and where they contradict each other.

    `masters_were`: nodes whose keepalived was MASTER when last heard, a while ago. `held_s` is `at_least` so where
    nobody tells since when. `split`: several kernels hold it, for longer than a handover takes. `dark`: nodes that
    have not been heard for too long.
    """

    instance: str
    address: str
    kernel: Ownership
    masters: tuple[str, ...]
    masters_unseen: tuple[str, ...]
    client: Shown[ProbeReport]
    disagreements: tuple[str, ...]
    held_s: float | None
    at_least: bool = False
    masters_were: tuple[str, ...] = ()
    split: bool = False
    all_answered: bool = True
    unanswered: tuple[str, ...] = ()

    @property
    def owners(self) -> tuple[str, ...]:
        return tuple(claim.node for claim in self.kernel.owners)

    @property
    def nobody(self) -> bool:
        """Only true when every node was asked: otherwise the owner is unknown."""
        return not self.owners and not self.kernel.unseen

    @property
    def complete(self) -> bool:
        """All three witnesses have spoken, and each has named one node: two are no agreement."""
        spoken_to = not (self.kernel.unseen or self.masters_unseen or self.client.unknown)
        return spoken_to and self.all_answered and len(self.owners) == 1 and self.masters == self.owners


def witnesses(state: ClusterState, instance: str, now: float) -> Witnesses:
    """Asks all three about an instance's VIP."""
    claims = ownership(state, instance, now)
    reports = {name: resolve(node.vrrp[instance], now, witness=node) for name, node in state.nodes.items()}
    claimed = {n: r.live for n, r in reports.items() if r.value and r.value.state is VrrpState.MASTER}
    masters = tuple(name for name, live in claimed.items() if live)
    client = resolve(state.client[instance], now, witness=None, cadence_s=CLIENT_S)
    since = {claim: owned_since(state, instance, claim) for claim in claims.owners}
    newest = max(since, key=since.__getitem__, default=None)
    return Witnesses(
        instance=instance,
        address=state.profile.vrrp[instance].address,
        kernel=claims,
        masters=masters,
        masters_unseen=tuple(name for name, report in reports.items() if report.unknown),
        client=client,
        disagreements=_disagreements(state, instance, now, masters, client),
        held_s=None if newest is None else max(0.0, now - since[newest]),
        at_least=newest is not None and newest.found and since[newest] == newest.since,
        masters_were=tuple(name for name, live in claimed.items() if not live),
        split=bool(split_owners(state, instance, now)),
        all_answered=all(state.nodes[claim.node].freshness(now) is Freshness.LIVE for claim in claims.owners),
        unanswered=tuple(n.name for n in state.nodes.values() if n.freshness(now) is Freshness.UNKNOWN),
    )


def contradiction(state: ClusterState, node: NodeState, instance: str, now: float) -> str | None:
    """Where a node's kernel and its keepalived contradict each other, in three words."""
    held = resolve(node.addresses, now, witness=node).value
    if held is None:
        return None
    holds = state.profile.vrrp[instance].address in held
    daemon = resolve(node.units[state.profile.keepalived.unit], now, witness=node).value
    if holds and daemon is not None and not daemon.running:
        return "address without daemon"
    report = resolve(node.vrrp[instance], now, witness=node).value
    if report is None or (daemon is not None and not daemon.running):
        return None
    if report.state is VrrpState.MASTER and not holds:
        return "MASTER without address"
    if report.state is not VrrpState.MASTER and holds:
        return f"{report.state} with address"
    return None


def _disagreements(
    state: ClusterState, instance: str, now: float, masters: tuple[str, ...], client: Shown[ProbeReport]
) -> tuple[str, ...]:
    claims = ownership(state, instance, now)
    owners = [claim.node for claim in claims.owners]
    said = ["SPLIT BRAIN"] if split_owners(state, instance, now) else []
    if len(masters) > 1 and not said:
        said.append(f"MASTER on {' and '.join(masters)}")
    for name, node in state.nodes.items():
        if node.freshness(now) is not Freshness.LIVE:
            continue  # its last words contradict nobody
        if words := contradiction(state, node, instance, now):
            said.append(f"{name}: {words}")
    if not owners and not claims.unseen:
        said.append("NOBODY holds it")
    if client.live and client.value is not None:
        said.extend(_client_against(client.value, owners))
    return tuple(said)


def _client_against(report: ProbeReport, owners: list[str]) -> list[str]:
    if not report.ok:
        return ["client dark"]  # why, it says itself beside this
    if report.answered_by and owners and report.answered_by not in owners:
        return [f"client reached {report.answered_by}"]
    return []


def witness_content(moment: ViewState, width: int) -> PaneContent:
    """One line per VRRP instance."""
    seen = [witnesses(moment.state, name, moment.now) for name in moment.state.profile.vrrp]
    label = max(len(w.instance) for w in seen)
    return PaneContent(rows=Rows.of(_row(w, label, width) for w in seen))


def _row(seen: Witnesses, label: int, width: int) -> Row:
    verdict = judge(seen.client, of_probe)
    head = (TextSpan(f" {seen.instance.ljust(label)}  ", Tone.TITLE),)
    kernel = (TextSpan("kernel ", Tone.MUTED), *_kernel(seen))
    daemon = (TextSpan("keepalived ", Tone.MUTED), *_masters(seen))
    answer = (TextSpan("client ", Tone.MUTED), TextSpan(verdict.mark, verdict.tone))
    clients = ((*answer, *_client_words(seen, verdict)), answer)
    variants = [
        (*head, *_joined(gap, kernel, daemon, client, words))
        for words in _verdicts(seen)
        for client in clients
        for gap in (3, 2)
    ]
    return Row.whole(seen.instance, first_fitting(variants, width), spoken_row(seen, verdict), width)


def _joined(gap: int, *parts: Line) -> Line:
    spans: list[TextSpan] = []
    for number, part in enumerate(part for part in parts if part):
        spans.extend((TextSpan(" " * gap), *part) if number else part)
    return tuple(spans)


def _kernel(seen: Witnesses) -> Line:
    if seen.owners:
        tone = Tone.DOWN if seen.split else Tone.ACCENT if seen.all_answered else Tone.STALE
        return (TextSpan(f"{'★' if seen.all_answered else '◌ was'} {'+'.join(seen.owners)}", tone),)
    return (TextSpan("✗ NOBODY", Tone.DOWN),) if seen.nobody else (TextSpan("? UNKNOWN", Tone.UNKNOWN),)


def _masters(seen: Witnesses) -> Line:
    was = (TextSpan(f"◌ was {'+'.join(seen.masters_were)}", Tone.STALE),) if seen.masters_were else ()
    if seen.masters:
        masters = TextSpan("◆ " + "+".join(seen.masters), Tone.DOWN if len(seen.masters) > 1 else Tone.ACCENT)
        return (masters, TextSpan(" "), *was) if was else (masters,)
    if was:
        return was
    if seen.masters_unseen:
        return (TextSpan("? UNKNOWN", Tone.UNKNOWN),)
    return (TextSpan("✗ no MASTER", Tone.DOWN),)


def _client_words(seen: Witnesses, verdict: CellVerdict) -> Line:
    """Who answered, or what went wrong. The reason of an unknown is left to the detail line."""
    report = seen.client.value
    if report is None:
        return ()
    words = verdict.extra if not report.ok or not report.answered_by else report.answered_by
    if not report.ok and report.host:
        words = f"{words} ({report.host})" if words else report.host
    return (TextSpan(f" {words}", Tone.MUTED),) if words else ()


def _verdicts(seen: Witnesses) -> tuple[Line, ...]:
    """Whether they agree, in long and in short."""
    if seen.disagreements:
        more = f" +{len(seen.disagreements) - 1}" if len(seen.disagreements) > 1 else ""
        return (
            (TextSpan(f"✗ {seen.disagreements[0]}{more}", Tone.DOWN),),
            (TextSpan("✗ DISAGREE", Tone.DOWN),),
            (),
        )
    if not seen.complete:
        return _incomplete(seen)
    held = "" if seen.held_s is None else f" {'≥' if seen.at_least else ''}{age(seen.held_s)}"
    return ((TextSpan(f"● agree{held}", Tone.OK),), (TextSpan("● agree", Tone.OK),), ())


def _incomplete(seen: Witnesses) -> tuple[Line, ...]:
    """Why nothing is said of an agreement, where a node is why."""
    if not (seen.unanswered and seen.owners):
        return ((),)
    who = seen.unanswered[0] if len(seen.unanswered) == 1 else f"{len(seen.unanswered)} nodes"
    return ((TextSpan(f"? {who} not seen", Tone.UNKNOWN),), ())


def spoken_row(seen: Witnesses, verdict: CellVerdict) -> str:
    """The whole line in words."""
    kernel = "+".join(seen.owners) or ("nobody" if seen.nobody else "unknown")
    unseen = f" (not seen: {', '.join(seen.kernel.unseen)})" if seen.kernel.unseen else ""
    masters = "+".join(seen.masters) or ("unknown" if seen.masters_unseen else "no MASTER")
    masters += f" (not heard lately: {', '.join(seen.masters_were)} was MASTER)" if seen.masters_were else ""
    parts = [f"kernel {kernel}{unseen}", f"keepalived {masters}", f"client {spoken(verdict)}"]
    if seen.disagreements:
        parts.insert(0, "; ".join(seen.disagreements))
    return f"VIP {seen.address}: " + " · ".join(parts)


# Kernel, keepalived and client about each VIP, side by side.


class WitnessBar(Pane):
    """One line per VRRP instance."""

    PART = ScreenPart.WITNESSES
    TITLED = False
    NAME = "VIP witnesses"
    ABOUT = (
        "Three witnesses for each VIP, kept apart on purpose. kernel: the node whose network stack "
        "holds the address (★). keepalived: the node that calls itself MASTER (◆). client: what a "
        "client on this machine reached. When they disagree, trust the kernel for who holds the "
        "address and the client for whether it works."
    )

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        return witness_content(moment, width)
