"""The three witnesses for a VIP: kernels, keepalived and a client. Kept apart, then compared."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.facts import ProbeReport, VrrpState
from console.model.state import ClusterState, NodeState
from console.model.vip import Ownership, ownership
from console.tui.view.amounts import age
from console.tui.view.fit import first_fitting
from console.tui.view.health import Verdict, judge, of_probe, spoken
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture, Row, Rows
from console.tui.view.shown import CLIENT_S, Shown, resolve
from console.tui.view.tone import Line, Span, Tone


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What each witness says of one VIP now, and where they contradict each other."""

    instance: str
    address: str
    kernel: Ownership
    masters: tuple[str, ...]
    masters_unseen: tuple[str, ...]
    client: Shown[ProbeReport]
    disagreements: tuple[str, ...]
    held_s: float | None

    @property
    def owners(self) -> tuple[str, ...]:
        return tuple(claim.node for claim in self.kernel.owners)

    @property
    def split(self) -> bool:
        return len(self.owners) > 1

    @property
    def nobody(self) -> bool:
        """Only true when every node was asked: otherwise the owner is unknown."""
        return not self.owners and not self.kernel.unseen

    @property
    def complete(self) -> bool:
        """All three witnesses have spoken."""
        return not (self.kernel.unseen or self.masters_unseen or self.client.unknown)


def witnesses(state: ClusterState, instance: str, now: float) -> Witnesses:
    """Asks all three about an instance's VIP."""
    claims = ownership(state, instance, now)
    reports = {name: resolve(node.vrrp[instance], now, witness=node) for name, node in state.nodes.items()}
    masters = tuple(n for n, r in reports.items() if r.value and r.value.state is VrrpState.MASTER)
    client = resolve(state.client[instance], now, witness=None, cadence_s=CLIENT_S)
    since = [claim.since for claim in claims.owners]
    return Witnesses(
        instance=instance,
        address=state.profile.vrrp[instance].address,
        kernel=claims,
        masters=masters,
        masters_unseen=tuple(name for name, report in reports.items() if report.unknown),
        client=client,
        disagreements=_disagreements(state, instance, now, claims, client),
        held_s=now - max(since) if since else None,
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
    state: ClusterState, instance: str, now: float, claims: Ownership, client: Shown[ProbeReport]
) -> tuple[str, ...]:
    owners = [claim.node for claim in claims.owners]
    said = ["SPLIT BRAIN"] if len(owners) > 1 else []
    for name, node in state.nodes.items():
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


def picture(moment: Moment, width: int) -> Picture:
    """One line per VRRP instance."""
    seen = [witnesses(moment.state, name, moment.now) for name in moment.state.profile.vrrp]
    label = max(len(w.instance) for w in seen)
    return Picture(rows=Rows.of(_row(w, label, width) for w in seen))


def _row(seen: Witnesses, label: int, width: int) -> Row:
    verdict = judge(seen.client, of_probe)
    head = (Span(f" {seen.instance.ljust(label)}  ", Tone.TITLE),)
    kernel = (Span("kernel ", Tone.MUTED), *_kernel(seen))
    daemon = (Span("keepalived ", Tone.MUTED), *_masters(seen))
    answer = (Span("client ", Tone.MUTED), Span(verdict.mark, verdict.tone))
    clients = ((*answer, *_client_words(seen, verdict)), answer)
    variants = [
        (*head, *_joined(gap, kernel, daemon, client, words))
        for words in _verdicts(seen)
        for client in clients
        for gap in (3, 2)
    ]
    return Row.whole(seen.instance, first_fitting(variants, width), spoken_row(seen, verdict), width)


def _joined(gap: int, *parts: Line) -> Line:
    spans: list[Span] = []
    for number, part in enumerate(part for part in parts if part):
        spans.extend((Span(" " * gap), *part) if number else part)
    return tuple(spans)


def _kernel(seen: Witnesses) -> Line:
    if seen.owners:
        return (Span("★ " + "+".join(seen.owners), Tone.DOWN if seen.split else Tone.ACCENT),)
    return (Span("✗ NOBODY", Tone.DOWN),) if seen.nobody else (Span("? UNKNOWN", Tone.UNKNOWN),)


def _masters(seen: Witnesses) -> Line:
    if seen.masters:
        return (Span("◆ " + "+".join(seen.masters), Tone.DOWN if len(seen.masters) > 1 else Tone.ACCENT),)
    if seen.masters_unseen:
        return (Span("? UNKNOWN", Tone.UNKNOWN),)
    return (Span("✗ no MASTER", Tone.DOWN),)


def _client_words(seen: Witnesses, verdict: Verdict) -> Line:
    """Who answered, or what went wrong. The reason of an unknown is left to the detail line."""
    report = seen.client.value
    if report is None:
        return ()
    words = verdict.extra if not report.ok or not report.answered_by else report.answered_by
    return (Span(f" {words}", Tone.MUTED),) if words else ()


def _verdicts(seen: Witnesses) -> tuple[Line, ...]:
    """Whether they agree, in long and in short."""
    if seen.disagreements:
        more = f" +{len(seen.disagreements) - 1}" if len(seen.disagreements) > 1 else ""
        return (
            (Span(f"✗ {seen.disagreements[0]}{more}", Tone.DOWN),),
            (Span("✗ DISAGREE", Tone.DOWN),),
            (),
        )
    if not seen.complete:
        return ((),)
    held = "" if seen.held_s is None else f" {age(seen.held_s)}"
    return ((Span(f"● agree{held}", Tone.OK),), (Span("● agree", Tone.OK),), ())


def spoken_row(seen: Witnesses, verdict: Verdict) -> str:
    """The whole line in words."""
    kernel = "+".join(seen.owners) or ("nobody" if seen.nobody else "unknown")
    unseen = f" (not seen: {', '.join(seen.kernel.unseen)})" if seen.kernel.unseen else ""
    masters = "+".join(seen.masters) or ("unknown" if seen.masters_unseen else "no MASTER")
    parts = [f"kernel {kernel}{unseen}", f"keepalived {masters}", f"client {spoken(verdict)}"]
    if seen.disagreements:
        parts.insert(0, "; ".join(seen.disagreements))
    return f"VIP {seen.address}: " + " · ".join(parts)
