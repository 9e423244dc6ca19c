"""The node list: one line per node, for clusters with more nodes than cards have room."""

from __future__ import annotations

from console.model.observed import Freshness
from console.model.state import NodeState
from console.tui.view.amounts import age
from console.tui.view.facts import (
    badge,
    host_facts,
    link_verdict,
    priority,
    spans_of,
    unit_verdict,
    vrrp_verdict,
)
from console.tui.view.fit import clip_line, column, first_fitting
from console.tui.view.health import spoken
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture, Row, Rows
from console.tui.view.shown import HOST_S, resolve, why_unknown
from console.tui.view.tone import EMPTY, Line, Span, Tone, text_of
from console.tui.view.witness import contradiction

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


def node_list(moment: Moment, width: int) -> Picture:
    """Every node that passes the filter, in the profile's order."""
    name_width = min(24, max(TITLE_ROOM, *(len(name) + 1 for name in moment.state.nodes)))
    nodes = tuple(moment.state.nodes.values())
    rows = Rows((node.name for node in nodes), lambda n: _row(moment, nodes[n], name_width, width))
    if moment.needle:
        rows = Rows.of(row for row in rows if moment.keeps((row.cells[0].detail,)))
    title = (Span(f"NODES {len(moment.state.nodes)}", Tone.TITLE),)
    return Picture(title, rows=rows, overlays=_headings(2 + name_width))


def _headings(start: int) -> tuple[tuple[int, Span], ...]:
    headings: list[tuple[int, Span]] = []
    for text, width in COLUMNS:
        headings.append((start, Span(text, Tone.MUTED)))
        start += width
    return tuple(headings)


def _row(moment: Moment, node: NodeState, name_width: int, width: int) -> Row:
    mark = badge(moment, node)
    star = "★" if text_of(mark).startswith("★") else " "
    name = (Span(star + " ", Tone.ACCENT), Span(column(node.name, name_width), Tone.TITLE))
    dark = node.freshness(moment.now) is Freshness.UNKNOWN
    if dark:
        line: Line = (*name, *_dark(moment, node))
    else:
        seen = (*name, *_facts(moment, node))
        line = first_fitting([(*seen, *host) for host in _hosts(moment, node)], width)
    return Row.whole(node.name, clip_line(line, width), _said(moment, node), width)


def _dark(moment: Moment, node: NodeState) -> Line:
    link = link_verdict(node.link, moment.now)
    return (
        Span(column("? UNKNOWN", VRRP), Tone.UNKNOWN),
        Span(link.mark + " ", link.tone),
        Span(why_unknown(node, moment.now), Tone.PLAIN),
    )


def _facts(moment: Moment, node: NodeState) -> Line:
    profile = moment.state.profile
    nginx, daemon = (unit_verdict(moment, node, u) for u in (profile.nginx.unit, profile.keepalived.unit))
    silence = None if node.heard_at is None else max(0.0, moment.now - node.heard_at)
    return (
        *_vrrp(moment, node),
        Span(column(nginx.mark, UNIT), nginx.tone),
        Span(column(daemon.mark, UNIT), daemon.tone),
        Span(column(age(silence), HEARD), Tone.MUTED),
    )


def _hosts(moment: Moment, node: NodeState) -> list[Line]:
    """Host facts, fewer and fewer."""
    host = resolve(node.host, moment.now, witness=node, cadence_s=HOST_S)
    if host.value is None or not host.live:
        return [EMPTY]
    facts = host_facts(host.value)
    return [spans_of(facts[:number]) for number in range(len(facts), -1, -1)]


def _vrrp(moment: Moment, node: NodeState) -> Line:
    """The first instance that is in trouble, or else the one closest to owning a VIP."""
    instance = next(iter(node.vrrp))
    for name in node.vrrp:
        if contradiction(moment.state, node, name, moment.now):
            return (Span(column("✗ DISAGREE", VRRP + PRIO), Tone.DOWN),)
    shown = resolve(node.vrrp[instance], moment.now, witness=node)
    verdict = vrrp_verdict(shown)
    effective, base = priority(moment, node, instance, shown)
    return (
        Span(column(verdict.mark, VRRP), verdict.tone),
        Span(column(effective, PRIO), Tone.WARN if base else Tone.MUTED),
    )


def _said(moment: Moment, node: NodeState) -> str:
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
