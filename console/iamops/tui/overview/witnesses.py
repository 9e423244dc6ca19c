"""The three witnesses for a VIP: kernels, keepalived and a client. Kept apart, then compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from iamops.model.facts import ProbeReport, VrrpState
from iamops.model.observed import Freshness
from iamops.model.split_brain import split_owners
from iamops.model.state import ClusterState, NodeState
from iamops.model.vip import Ownership, owned_since, ownership
from iamops.tui.toolkit.health import (
    CLIENT_S,
    CellVerdict,
    Shown,
    probe_verdict,
    resolve,
    verdict_on,
    verdict_words,
)
from iamops.tui.toolkit.painted import ScreenPart, ViewState
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.text import Line, PaneContent, Row, Rows, TextSpan, Tone, age, first_fitting


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What each witness says of one VIP now, and where they contradict each other.

    `masters_were`: nodes whose keepalived was MASTER when last heard, a while ago. `at_least`: it may be held for
    longer than `held_s`. `split`: several kernels hold it, for longer than a handover takes. `unanswered`: nodes
    that have not been heard for too long.
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
        """All three witnesses have answered and name one node: two do not make an agreement."""
        answered = not (self.kernel.unseen or self.masters_unseen or self.client.unknown)
        return answered and self.all_answered and len(self.owners) == 1 and self.masters == self.owners


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
        disagreements=tuple(_disagreements(state, instance, now, claims, masters, client)),
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
    state: ClusterState,
    instance: str,
    now: float,
    claims: Ownership,
    masters: tuple[str, ...],
    client: Shown[ProbeReport],
) -> Iterator[str]:
    if split_owners(state, instance, now):
        yield "SPLIT BRAIN"
    elif len(masters) > 1:
        yield f"MASTER on {' and '.join(masters)}"
    for name, node in state.nodes.items():
        if node.freshness(now) is not Freshness.LIVE:
            continue  # what it said last contradicts nobody
        if words := contradiction(state, node, instance, now):
            yield f"{name}: {words}"
    owners = [claim.node for claim in claims.owners]
    if not owners and not claims.unseen:
        yield "NOBODY holds it"
    report = client.value
    if not client.live or report is None:
        return
    if not report.ok:
        yield "client dark"  # its own part of the line says why
    elif report.answered_by and owners and report.answered_by not in owners:
        yield f"client reached {report.answered_by}"


class WitnessBar(Pane):
    """Kernel, keepalived and client about each VIP, side by side: one line per VRRP instance."""

    PART = ScreenPart.WITNESSES
    TITLED = False
    NAME = "VIP witnesses"
    ABOUT = (
        "Three witnesses for each VIP, kept apart on purpose. kernel: the node whose network stack "
        "holds the address (★). keepalived: the node that calls itself MASTER (◆). client: what a "
        "client on this machine reached. When they disagree, trust the kernel for who holds the "
        "address and the client for whether it works."
    )

    def content(self, view: ViewState, width: int, height: int) -> PaneContent:
        vips = [witnesses(view.state, name, view.now) for name in view.state.profile.vrrp]
        label = max(len(vip.instance) for vip in vips)
        return PaneContent(rows=Rows.of(_row(vip, label, width) for vip in vips))


def _row(vip: Witnesses, label: int, width: int) -> Row:
    client = verdict_on(vip.client, probe_verdict)
    head = TextSpan(f" {vip.instance.ljust(label)}  ", Tone.TITLE)
    kernel = (TextSpan("kernel ", Tone.MUTED), _kernel(vip))
    daemon = (TextSpan("keepalived ", Tone.MUTED), *_masters(vip))
    answer = (TextSpan("client ", Tone.MUTED), TextSpan(client.mark, client.tone))
    variants = (
        (head, *joined_parts(TextSpan(" " * gap), kernel, daemon, words, verdict))
        for verdict in _verdicts(vip)
        for words in ((*answer, *_client_words(vip, client)), answer)
        for gap in (3, 2)
    )
    return Row.single_cell(vip.instance, first_fitting(variants, width), _in_words(vip, client), width)


def joined_parts(between: TextSpan, *parts: Line) -> Line:
    """The parts that are not empty, with `between` between them."""
    spans: list[TextSpan] = []
    for number, part in enumerate(part for part in parts if part):
        spans.extend((between, *part) if number else part)
    return tuple(spans)


def _kernel(vip: Witnesses) -> TextSpan:
    if vip.owners:
        tone = Tone.DOWN if vip.split else Tone.ACCENT if vip.all_answered else Tone.STALE
        return TextSpan(f"{'★' if vip.all_answered else '◌ was'} {'+'.join(vip.owners)}", tone)
    return TextSpan("✗ NOBODY", Tone.DOWN) if vip.nobody else TextSpan("? UNKNOWN", Tone.UNKNOWN)


def _masters(vip: Witnesses) -> Line:
    were = (TextSpan(f"◌ was {'+'.join(vip.masters_were)}", Tone.STALE),) if vip.masters_were else ()
    if vip.masters:
        tone = Tone.DOWN if len(vip.masters) > 1 else Tone.ACCENT
        return joined_parts(TextSpan(" "), (TextSpan("◆ " + "+".join(vip.masters), tone),), were)
    if were:
        return were
    unknown = TextSpan("? UNKNOWN", Tone.UNKNOWN)
    return (unknown if vip.masters_unseen else TextSpan("✗ no MASTER", Tone.DOWN),)


def _client_words(vip: Witnesses, verdict: CellVerdict) -> Line:
    """Who answered, or what went wrong. The reason of an unknown is left to the detail line."""
    report = vip.client.value
    if report is None:
        return ()
    words = verdict.extra if not report.ok or not report.answered_by else report.answered_by
    if not report.ok and report.host:
        words = f"{words} ({report.host})" if words else report.host
    return (TextSpan(f" {words}", Tone.MUTED),) if words else ()


def _verdicts(vip: Witnesses) -> Iterator[Line]:
    """Whether they agree, in long, in short and not at all."""
    if vip.disagreements:
        more = f" +{len(vip.disagreements) - 1}" if len(vip.disagreements) > 1 else ""
        yield (TextSpan(f"✗ {vip.disagreements[0]}{more}", Tone.DOWN),)
        yield (TextSpan("✗ DISAGREE", Tone.DOWN),)
    elif vip.complete:
        held = "" if vip.held_s is None else f" {'≥' if vip.at_least else ''}{age(vip.held_s)}"
        yield (TextSpan(f"● agree{held}", Tone.OK),)
        yield (TextSpan("● agree", Tone.OK),)
    elif vip.unanswered and vip.owners:
        who = vip.unanswered[0] if len(vip.unanswered) == 1 else f"{len(vip.unanswered)} nodes"
        yield (TextSpan(f"? {who} not seen", Tone.UNKNOWN),)
    yield ()


def _in_words(vip: Witnesses, verdict: CellVerdict) -> str:
    kernel = "+".join(vip.owners) or ("nobody" if vip.nobody else "unknown")
    unseen = f" (not seen: {', '.join(vip.kernel.unseen)})" if vip.kernel.unseen else ""
    masters = "+".join(vip.masters) or ("unknown" if vip.masters_unseen else "no MASTER")
    masters += f" (not heard lately: {', '.join(vip.masters_were)} was MASTER)" if vip.masters_were else ""
    parts = [f"kernel {kernel}{unseen}", f"keepalived {masters}", f"client {verdict_words(verdict)}"]
    if vip.disagreements:
        parts.insert(0, "; ".join(vip.disagreements))
    return f"VIP {vip.address}: " + " · ".join(parts)
