"""The node list: one line per node, for clusters with more nodes than cards have room."""

from __future__ import annotations

from collections.abc import Callable

from iamops.model.contest import split_owners
from iamops.model.facts import HostReport, Link, LinkState, VrrpReport
from iamops.model.observed import Freshness, Known
from iamops.model.state import NodeState
from iamops.tui.overview.witnesses import contradiction
from iamops.tui.toolkit.frame_state import ScreenPart, ViewState
from iamops.tui.toolkit.health import (
    HOST_S,
    VRRP_GLYPHS,
    CellVerdict,
    Shown,
    judge,
    of_probe,
    of_unit,
    resolve,
    spoken,
    stale,
    why_unknown,
)
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.text import (
    EMPTY,
    Line,
    PaneContent,
    Row,
    Rows,
    TextSpan,
    Tone,
    age,
    clip_line,
    column,
    first_fitting,
    text_of,
)

# Facts of one node as verdicts and short words, for cards and for the node list.

CLOCK_WARN_MS = 200.0
# A claim of a node that is not heard: what it said last.
WAS_VIP = "◌ was VIP"
FULL_PCT = 90.0

Fact = tuple[str, bool]
"""A short text, and whether it deserves a warning."""


def vrrp_verdict(shown: Shown[VrrpReport]) -> CellVerdict:
    """keepalived's own word, as a verdict."""

    def of(report: VrrpReport) -> CellVerdict:
        glyph, tone = VRRP_GLYPHS[report.state]
        return CellVerdict(glyph, str(report.state), tone)

    return judge(shown, of)


def unit_verdict(moment: ViewState, node: NodeState, unit: str) -> CellVerdict:
    """Whether it runs; of nginx also whether it answers for its domains: a process alone serves nobody."""
    verdict = judge(resolve(node.units[unit], moment.now, witness=node), of_unit)
    if unit != moment.state.profile.nginx.unit or verdict.tone is not Tone.OK:
        return verdict
    answers = [of_probe(seen.value) for seen in node.domains.values() if isinstance(seen, Known)]
    worst = next((each for tone in (Tone.DOWN, Tone.WARN) for each in answers if each.tone is tone), None)
    return verdict if worst is None else CellVerdict(worst.glyph, "FAILING", worst.tone)


def priority(moment: ViewState, node: NodeState, instance: str, shown: Shown[VrrpReport]) -> tuple[str, str]:
    """The effective priority, and the base it differs from. Empty texts where there is nothing to say."""
    if shown.value is None or not shown.live:
        return ("", "")
    profile = moment.state.profile
    base = shown.value.priority or profile.vrrp[instance].priority_of(profile.nodes[node.name])
    effective = shown.value.effective_priority or shown.value.priority
    if effective is None:
        return ("?", "")
    return (str(effective), "" if effective == base else str(base))


def link_verdict(link: Link, now: float) -> CellVerdict:
    """The SSH link. It is LOST, not down: whether the node is down it cannot tell."""
    match link.state:
        case LinkState.UP:
            return CellVerdict("●", "UP", Tone.OK)
        case LinkState.CONNECTING:
            return CellVerdict("…", "CONNECTING", Tone.WARN)
        case LinkState.DOWN:
            lost = "" if link.since is None else f" {age(max(0.0, now - link.since))}"
            return CellVerdict("✗", f"LOST{lost}", Tone.DOWN)


def badge(moment: ViewState, node: NodeState) -> Line:
    """What must be seen of a node at first sight: how far to trust it, and whether it holds a VIP."""
    match node.freshness(moment.now):
        case Freshness.UNKNOWN:
            return (TextSpan("? UNKNOWN", Tone.UNKNOWN),)
        case Freshness.STALE:
            silence_s = None if node.last_event_at is None else moment.now - node.last_event_at
            held = _held(moment, node, Tone.STALE, WAS_VIP.removesuffix("VIP"))
            if held:  # both words would be cut in a narrow card
                return (*held, TextSpan(f"  ◌ {age(silence_s)}", Tone.STALE))
            return (TextSpan(stale(silence_s).mark, Tone.STALE),)
        case _:
            return _held(moment, node, Tone.ACCENT, "★ ")


def _held(moment: ViewState, node: NodeState, tone: Tone, word: str) -> Line:
    held = node.addresses.value if isinstance(node.addresses, Known) else {}
    profile = moment.state.profile
    vips = [vrrp.name for vrrp in profile.vrrp.values() if vrrp.address in held]
    if not vips:
        return ()
    if tone is not Tone.STALE and any(split_owners(moment.state, name, moment.now) for name in vips):
        tone = Tone.DOWN
    return (TextSpan(word + (" ".join(vips) if len(profile.vrrp) > 1 else "VIP"), tone),)


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
    spans: list[TextSpan] = []
    for number, (text, loud) in enumerate(facts):
        gap = "  " if number else ""
        spans.append(TextSpan(f"{gap}▲{text}" if loud else f"{gap}{text}", Tone.WARN if loud else Tone.PLAIN))
    return tuple(spans)


def _fact(name: str, value: float | None, form: Callable[[float], str], limit: float) -> Fact:
    return (f"{name} ?", False) if value is None else (f"{name} {form(value)}", value >= limit)


def _pct(value: float) -> str:
    return f"{value:.0f}%"


def _load(value: float) -> str:
    return f"{value:.2f}" if value < 9.995 else f"{value:.0f}"


TITLE_ROOM = 11
VRRP, PRIO, UNIT, HEARD = 12, 6, 12, 6
COLUMNS = (
    ("vrrp", VRRP),
    ("prio", PRIO),
    ("nginx", UNIT),
    ("keepalived", UNIT),
    ("heard", HEARD),
    ("host", 0),
)


def node_list(moment: ViewState, width: int) -> PaneContent:
    """Every node that passes the filter, in the profile's order."""
    name_width = min(24, max(TITLE_ROOM, *(len(name) + 1 for name in moment.state.nodes)))
    nodes = tuple(moment.state.nodes.values())
    rows = Rows((node.name for node in nodes), lambda n: _row(moment, nodes[n], name_width, width))
    if moment.filter_text:
        rows = Rows.of(row for row in rows if moment.keeps((row.cells[0].detail,)))
    title = (TextSpan(f"NODES {len(moment.state.nodes)}", Tone.TITLE),)
    return PaneContent(title, rows=rows, overlays=_headings(2 + name_width))


def _headings(start: int) -> tuple[tuple[int, TextSpan], ...]:
    headings: list[tuple[int, TextSpan]] = []
    for text, width in COLUMNS:
        headings.append((start, TextSpan(text, Tone.MUTED)))
        start += width
    return tuple(headings)


def _row(moment: ViewState, node: NodeState, name_width: int, width: int) -> Row:
    mark = badge(moment, node)
    star = "★" if text_of(mark).startswith("★") else " "
    name = (TextSpan(star + " ", Tone.ACCENT), TextSpan(column(node.name, name_width), Tone.TITLE))
    dark = node.freshness(moment.now) is Freshness.UNKNOWN
    if dark:
        line: Line = (*name, *_dark(moment, node))
    else:
        seen = (*name, *_facts(moment, node))
        line = first_fitting([(*seen, *host) for host in _hosts(moment, node)], width)
    return Row.whole(node.name, clip_line(line, width), _said(moment, node), width)


def _dark(moment: ViewState, node: NodeState) -> Line:
    link = link_verdict(node.link, moment.now)
    return (
        TextSpan(column("? UNKNOWN", VRRP), Tone.UNKNOWN),
        TextSpan(link.mark + " ", link.tone),
        TextSpan(why_unknown(node, moment.now), Tone.PLAIN),
    )


def _facts(moment: ViewState, node: NodeState) -> Line:
    profile = moment.state.profile
    nginx, daemon = (unit_verdict(moment, node, u) for u in (profile.nginx.unit, profile.keepalived.unit))
    silence = None if node.last_event_at is None else max(0.0, moment.now - node.last_event_at)
    return (
        *_vrrp(moment, node),
        TextSpan(column(nginx.mark, UNIT), nginx.tone),
        TextSpan(column(daemon.mark, UNIT), daemon.tone),
        TextSpan(column(age(silence), HEARD), Tone.MUTED),
    )


def _hosts(moment: ViewState, node: NodeState) -> list[Line]:
    """Host facts, fewer and fewer."""
    host = resolve(node.host, moment.now, witness=node, cadence_s=HOST_S)
    if host.value is None or not host.live:
        return [EMPTY]
    facts = host_facts(host.value)
    return [spans_of(facts[:number]) for number in range(len(facts), -1, -1)]


def _vrrp(moment: ViewState, node: NodeState) -> Line:
    """The first instance that is in trouble, or else the one closest to owning a VIP."""
    instance = next(iter(node.vrrp))
    for name in node.vrrp:
        if contradiction(moment.state, node, name, moment.now):
            return (TextSpan(column("✗ DISAGREE", VRRP + PRIO), Tone.DOWN),)
    shown = resolve(node.vrrp[instance], moment.now, witness=node)
    verdict = vrrp_verdict(shown)
    effective, base = priority(moment, node, instance, shown)
    return (
        TextSpan(column(verdict.mark, VRRP), verdict.tone),
        TextSpan(column(effective, PRIO), Tone.WARN if base else Tone.MUTED),
    )


def _said(moment: ViewState, node: NodeState) -> str:
    if node.freshness(moment.now) is Freshness.UNKNOWN:
        return f"{node.name}: UNKNOWN · {why_unknown(node, moment.now)}" + (
            f" · {node.link.next_step}" if node.link.next_step else ""
        )
    words = [f"{node.name} {moment.state.profile.nodes[node.name].address}"]
    for instance, observed in node.vrrp.items():
        words.append(f"{instance} {spoken(vrrp_verdict(resolve(observed, moment.now, witness=node)))}")
        if wrong := contradiction(moment.state, node, instance, moment.now):
            words.append(wrong)
    return " · ".join(words)


# One line per node, where there are too many for cards.


class NodeList(Pane):
    """Every node that passes the filter."""

    PART = ScreenPart.NODES
    FILTERED = True
    NAME = "Nodes"
    ABOUT = (
        "One line per node: ★ holds a VIP, keepalived's state and effective priority, nginx and "
        "keepalived, how long ago it was heard, load, memory and disk. Press / to filter by name or "
        "state, for example /unknown."
    )

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        return node_list(moment, width)
