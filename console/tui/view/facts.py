"""Facts of one node as verdicts and short words, for cards and for the node list."""

from __future__ import annotations

from collections.abc import Callable

from console.model.contest import split_owners
from console.model.facts import HostReport, Link, LinkState, VrrpReport
from console.model.observed import Freshness, Known
from console.model.state import NodeState
from console.tui.view.amounts import age
from console.tui.view.health import VRRP_GLYPHS, Verdict, judge, of_probe, of_unit, stale
from console.tui.view.moment import Moment
from console.tui.view.shown import Shown, resolve
from console.tui.view.tone import Line, Span, Tone

CLOCK_WARN_MS = 200.0
# A claim of a node that is not heard: what it said last.
WAS_VIP = "◌ was VIP"
FULL_PCT = 90.0

Fact = tuple[str, bool]
"""A short text, and whether it deserves a warning."""


def vrrp_verdict(shown: Shown[VrrpReport]) -> Verdict:
    """keepalived's own word, as a verdict."""

    def of(report: VrrpReport) -> Verdict:
        glyph, tone = VRRP_GLYPHS[report.state]
        return Verdict(glyph, str(report.state), tone)

    return judge(shown, of)


def unit_verdict(moment: Moment, node: NodeState, unit: str) -> Verdict:
    """Whether it runs; of nginx also whether it answers for its domains: a process alone serves nobody."""
    verdict = judge(resolve(node.units[unit], moment.now, witness=node), of_unit)
    if unit != moment.state.profile.nginx.unit or verdict.tone is not Tone.OK:
        return verdict
    answers = [of_probe(seen.value) for seen in node.domains.values() if isinstance(seen, Known)]
    worst = next((each for tone in (Tone.DOWN, Tone.WARN) for each in answers if each.tone is tone), None)
    return verdict if worst is None else Verdict(worst.glyph, "FAILING", worst.tone)


def priority(moment: Moment, node: NodeState, instance: str, shown: Shown[VrrpReport]) -> tuple[str, str]:
    """The effective priority, and the base it differs from. Empty texts where there is nothing to say."""
    if shown.value is None or not shown.live:
        return ("", "")
    profile = moment.state.profile
    base = shown.value.priority or profile.vrrp[instance].priority_of(profile.nodes[node.name])
    effective = shown.value.effective_priority or shown.value.priority
    if effective is None:
        return ("?", "")
    return (str(effective), "" if effective == base else str(base))


def link_verdict(link: Link, now: float) -> Verdict:
    """The SSH link. It is LOST, not down: whether the node is down it cannot tell."""
    match link.state:
        case LinkState.UP:
            return Verdict("●", "UP", Tone.OK)
        case LinkState.CONNECTING:
            return Verdict("…", "CONNECTING", Tone.WARN)
        case LinkState.DOWN:
            lost = "" if link.since is None else f" {age(max(0.0, now - link.since))}"
            return Verdict("✗", f"LOST{lost}", Tone.DOWN)


def badge(moment: Moment, node: NodeState) -> Line:
    """What must be seen of a node at first sight: how far to trust it, and whether it holds a VIP."""
    match node.freshness(moment.now):
        case Freshness.UNKNOWN:
            return (Span("? UNKNOWN", Tone.UNKNOWN),)
        case Freshness.STALE:
            silence_s = None if node.heard_at is None else moment.now - node.heard_at
            held = _held(moment, node, Tone.STALE, WAS_VIP.removesuffix("VIP"))
            if held:  # both words would be cut in a narrow card
                return (*held, Span(f"  ◌ {age(silence_s)}", Tone.STALE))
            return (Span(stale(silence_s).mark, Tone.STALE),)
        case _:
            return _held(moment, node, Tone.ACCENT, "★ ")


def _held(moment: Moment, node: NodeState, tone: Tone, word: str) -> Line:
    held = node.addresses.value if isinstance(node.addresses, Known) else {}
    profile = moment.state.profile
    vips = [vrrp.name for vrrp in profile.vrrp.values() if vrrp.address in held]
    if not vips:
        return ()
    if tone is not Tone.STALE and any(split_owners(moment.state, name, moment.now) for name in vips):
        tone = Tone.DOWN
    return (Span(word + (" ".join(vips) if len(profile.vrrp) > 1 else "VIP"), tone),)


def host_facts(report: HostReport) -> tuple[Fact, Fact, Fact]:
    """Load, memory and disk. What is not known says so."""
    return (
        _fact("load", report.load1, _load, float("inf")),
        _fact("mem", report.memory_used_pct, _pct, FULL_PCT),
        _fact("disk", report.disk_used_pct, _pct, FULL_PCT),
    )


def clock_fact(report: HostReport) -> Fact:
    """The node's clock against ours."""
    offset = report.clock_offset_ms
    if offset is None:
        return ("clock ?", False)
    text = f"{offset:+.1f} ms" if abs(offset) < 10 else f"{offset:+.0f} ms"
    return (f"clock {text}", abs(offset) >= CLOCK_WARN_MS)


def spans_of(facts: tuple[Fact, ...]) -> Line:
    """Facts side by side; a loud one gets the warning's glyph as well as its tone."""
    spans: list[Span] = []
    for number, (text, loud) in enumerate(facts):
        gap = "  " if number else ""
        spans.append(Span(f"{gap}▲{text}" if loud else f"{gap}{text}", Tone.WARN if loud else Tone.PLAIN))
    return tuple(spans)


def _fact(name: str, value: float | None, form: Callable[[float], str], limit: float) -> Fact:
    return (f"{name} ?", False) if value is None else (f"{name} {form(value)}", value >= limit)


def _pct(value: float) -> str:
    return f"{value:.0f}%"


def _load(value: float) -> str:
    return f"{value:.2f}" if value < 9.995 else f"{value:.0f}"
