"""The node list: one line per node, for clusters with more nodes than cards have room."""

from __future__ import annotations

from iamops.model.facts import HostReport, Link, LinkState, VrrpReport
from iamops.model.observed import Freshness, Known
from iamops.model.split_brain import split_owners
from iamops.model.state import NodeState
from iamops.tui.overview.witnesses import contradiction
from iamops.tui.toolkit.health import (
    HOST_S,
    VRRP_GLYPHS,
    CellVerdict,
    Shown,
    probe_verdict,
    resolve,
    stale,
    unit_report_verdict,
    verdict_on,
    verdict_words,
    why_unknown,
)
from iamops.tui.toolkit.painted import ScreenPart, ViewState
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

# --- facts of one node as verdicts and short words, for cards and for the list ---

CLOCK_WARN_MS = 200.0
# The last claim of a node that is no longer heard.
WAS_VIP = "◌ was VIP"
FULL_PCT = 90.0

Fact = tuple[str, bool]
"""A short text, and whether it deserves a warning."""


def vrrp_verdict(shown: Shown[VrrpReport]) -> CellVerdict:
    """keepalived's own word, as a verdict."""

    def of(report: VrrpReport) -> CellVerdict:
        glyph, tone = VRRP_GLYPHS[report.state]
        return CellVerdict(glyph, str(report.state), tone)

    return verdict_on(shown, of)


def unit_verdict(view: ViewState, node: NodeState, unit: str) -> CellVerdict:
    """Whether it runs; of nginx also whether it answers for its domains: a process alone serves nobody."""
    verdict = verdict_on(resolve(node.units[unit], view.now, witness=node), unit_report_verdict)
    if unit != view.state.profile.nginx.unit or verdict.tone is not Tone.OK:
        return verdict
    answers = [probe_verdict(probe.value) for probe in node.domains.values() if isinstance(probe, Known)]
    worst = next((answer for tone in (Tone.DOWN, Tone.WARN) for answer in answers if answer.tone is tone), None)
    return verdict if worst is None else CellVerdict(worst.glyph, "FAILING", worst.tone)


def priority(view: ViewState, node: NodeState, instance: str, shown: Shown[VrrpReport]) -> tuple[str, str]:
    """The effective priority, and the base it differs from. Empty texts where there is nothing to say."""
    if shown.value is None or not shown.live:
        return ("", "")
    profile = view.state.profile
    base = shown.value.priority or profile.vrrp[instance].priority_of(profile.nodes[node.name])
    effective = shown.value.effective_priority or shown.value.priority
    if effective is None:
        return ("?", "")
    return (str(effective), "" if effective == base else str(base))


def link_verdict(link: Link, now: float) -> CellVerdict:
    """The SSH link. It is LOST, not down: it says nothing about the node itself."""
    match link.state:
        case LinkState.UP:
            return CellVerdict("●", "UP", Tone.OK)
        case LinkState.CONNECTING:
            return CellVerdict("…", "CONNECTING", Tone.WARN)
        case LinkState.DOWN:
            lost = "" if link.since is None else f" {age(max(0.0, now - link.since))}"
            return CellVerdict("✗", f"LOST{lost}", Tone.DOWN)


def silence_s(node: NodeState, now: float) -> float | None:
    """For how long nothing was heard of a node; None if nothing ever was."""
    return None if node.last_event_at is None else max(0.0, now - node.last_event_at)


def badge(view: ViewState, node: NodeState) -> Line:
    """What an operator must see first: how far to trust the node, and whether it holds a VIP."""
    match node.freshness(view.now):
        case Freshness.UNKNOWN:
            return (TextSpan("? UNKNOWN", Tone.UNKNOWN),)
        case Freshness.STALE:
            silence = silence_s(node, view.now)
            held = _held(view, node, Tone.STALE, WAS_VIP.removesuffix("VIP"))
            if held:  # both words would be cut in a narrow card
                return (*held, TextSpan(f"  ◌ {age(silence)}", Tone.STALE))
            return (TextSpan(stale(silence).mark, Tone.STALE),)
        case _:
            return _held(view, node, Tone.ACCENT, "★ ")


def _held(view: ViewState, node: NodeState, tone: Tone, word: str) -> Line:
    held = node.addresses.value if isinstance(node.addresses, Known) else {}
    profile = view.state.profile
    vips = [vrrp.name for vrrp in profile.vrrp.values() if vrrp.address in held]
    if not vips:
        return ()
    if tone is not Tone.STALE and any(split_owners(view.state, name, view.now) for name in vips):
        tone = Tone.DOWN
    return (TextSpan(word + (" ".join(vips) if len(profile.vrrp) > 1 else "VIP"), tone),)


def host_facts(report: HostReport) -> tuple[Fact, ...]:
    """Load, memory and disk. What is not known says so."""
    load = report.load1
    words = "?" if load is None else f"{load:.2f}" if load < 9.995 else f"{load:.0f}"
    facts: list[Fact] = [(f"load {words}", False)]
    for name, used_pct in (("mem", report.memory_used_pct), ("disk", report.disk_used_pct)):
        if used_pct is None:
            facts.append((f"{name} ?", False))
        else:
            facts.append((f"{name} {used_pct:.0f}%", used_pct >= FULL_PCT))
    return tuple(facts)


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


# --- the list ---

TITLE_ROOM = 11
COLUMNS = {"vrrp": 12, "prio": 6, "nginx": 12, "keepalived": 12, "heard": 6}


class NodeList(Pane):
    """Every node that passes the filter, in the profile's order."""

    PART = ScreenPart.NODES
    FILTERED = True
    NAME = "Nodes"
    ABOUT = (
        "One line per node: ★ holds a VIP, keepalived's state and effective priority, nginx and "
        "keepalived, how long ago it was heard, load, memory and disk. Press / to filter by name or "
        "state, for example /unknown."
    )

    def content(self, view: ViewState, width: int, height: int) -> PaneContent:
        nodes = tuple(view.state.nodes.values())
        name_width = min(24, max(TITLE_ROOM, *(len(node.name) + 1 for node in nodes)))
        rows = Rows((node.name for node in nodes), lambda n: _row(view, nodes[n], name_width, width))
        if view.filter_text:
            rows = Rows.of(row for row in rows if view.passes_filter((row.cells[0].detail,)))
        headings: list[tuple[int, TextSpan]] = []
        at = 2 + name_width
        for text, cells in (*COLUMNS.items(), ("host", 0)):
            headings.append((at, TextSpan(text, Tone.MUTED)))
            at += cells
        title = (TextSpan(f"NODES {len(nodes)}", Tone.TITLE),)
        return PaneContent(title, rows=rows, overlays=tuple(headings))


def _row(view: ViewState, node: NodeState, name_width: int, width: int) -> Row:
    star = "★" if text_of(badge(view, node)).startswith("★") else " "
    name = (TextSpan(star + " ", Tone.ACCENT), TextSpan(column(node.name, name_width), Tone.TITLE))
    if node.freshness(view.now) is Freshness.UNKNOWN:
        reason, link = why_unknown(node, view.now), link_verdict(node.link, view.now)
        mark = TextSpan(column("? UNKNOWN", COLUMNS["vrrp"]), Tone.UNKNOWN)
        line: Line = (*name, mark, TextSpan(link.mark + " ", link.tone), TextSpan(reason))
        details = list(filter(None, (f"{node.name}: UNKNOWN", reason, node.link.next_step)))
    else:
        values = (*name, *_values(view, node))
        line = first_fitting([(*values, *host) for host in _hosts(view, node)], width)
        details = [f"{node.name} {view.state.profile.nodes[node.name].address}"]
        for instance, observed in node.vrrp.items():
            details.append(f"{instance} {verdict_words(vrrp_verdict(resolve(observed, view.now, witness=node)))}")
            if wrong := contradiction(view.state, node, instance, view.now):
                details.append(wrong)
    return Row.single_cell(node.name, clip_line(line, width), " · ".join(details), width)


def _values(view: ViewState, node: NodeState) -> Line:
    """VRRP of the first instance, unless another one is in trouble; both daemons; and when it was heard."""
    profile = view.state.profile
    instance = next(iter(node.vrrp))
    shown = resolve(node.vrrp[instance], view.now, witness=node)
    vrrp = vrrp_verdict(shown)
    effective, base = priority(view, node, instance, shown)
    if any(contradiction(view.state, node, name, view.now) for name in node.vrrp):
        vrrp, effective = CellVerdict("✗", "DISAGREE", Tone.DOWN), ""
    nginx, daemon = (unit_verdict(view, node, unit) for unit in (profile.nginx.unit, profile.keepalived.unit))
    cells = (
        (vrrp.mark, vrrp.tone),
        (effective, Tone.WARN if base else Tone.MUTED),
        (nginx.mark, nginx.tone),
        (daemon.mark, daemon.tone),
        (age(silence_s(node, view.now)), Tone.MUTED),
    )
    widths = zip(cells, COLUMNS.values(), strict=True)
    return tuple(TextSpan(column(text, cell_width), tone) for (text, tone), cell_width in widths)


def _hosts(view: ViewState, node: NodeState) -> list[Line]:
    """Host facts, fewer and fewer."""
    host = resolve(node.host, view.now, witness=node, cadence_s=HOST_S)
    if host.value is None or not host.live:
        return [EMPTY]
    facts = host_facts(host.value)
    return [spans_of(facts[:number]) for number in range(len(facts), -1, -1)]
