"""A node's card: VRRP, units, host and link of one node in a few lines."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.model.facts import LinkState, UnitReport, VrrpReport
from iamops.model.observed import Freshness
from iamops.model.state import NodeState
from iamops.model.vip import claim_of, owned_since
from iamops.tui.overview.nodes import (
    WAS_VIP,
    badge,
    clock_fact,
    host_facts,
    link_verdict,
    priority,
    silence_s,
    spans_of,
    unit_verdict,
    vrrp_verdict,
)
from iamops.tui.overview.witnesses import contradiction
from iamops.tui.toolkit.health import (
    HOST_S,
    CellVerdict,
    Shown,
    resolve,
    spans,
    stale,
    unknown,
    verdict_words,
    why_unknown,
)
from iamops.tui.toolkit.painted import ScreenPart, ViewState
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.text import (
    Line,
    PaneContent,
    Row,
    Rows,
    TextSpan,
    Tone,
    age,
    clip_line,
    clock,
    first_fitting,
)

COMPACT_LABEL, ROOMY_LABEL = 7, 12
MARK = 9
# What systemd says twice.
SAME = {("failed", "failed"), ("inactive", "dead")}

CardLine = tuple[str, Line, str]
"""Label, line without its label, and the line in words."""


class NodeCard(Pane):
    """VRRP, units, host and link of one node."""

    PART = ScreenPart.NODES
    NAME = "Node"
    ABOUT = (
        "One node. vrrp: keepalived's state (◆ MASTER, ◇ BACKUP, ✗ FAULT) and effective priority. "
        "★ VIP in the title: the kernel holds the address. link: the SSH connection and how long ago "
        "anything was heard. A node that is not heard is STALE after 4 s and UNKNOWN after 12 s: that "
        "says nothing about whether it is down. h and l go to the neighbouring cards."
    )

    def __init__(self, node: str, ident: str | None = None) -> None:
        super().__init__(ident)
        self.node = node
        # Whether nginx and keepalived have a line each, and the kernel one more.
        self.roomy = False

    def content(self, view: ViewState, width: int, height: int) -> PaneContent:
        node, profile = view.state.nodes[self.node], view.state.profile
        label_width = ROOMY_LABEL if self.roomy else COMPACT_LABEL
        room = width - label_width - 1
        if node.freshness(view.now) is Freshness.UNKNOWN:
            lines = _unknown_roomy(view, node, room) if self.roomy else _unknown_compact(view, node)
        else:
            units = _units_roomy(view, node) if self.roomy else [_units_compact(view, node, room)]
            host, link = _host(view, node), _link(view, node, room)
            lines = [*_vrrp(view, node, roomy=self.roomy), *units, host, link]
        daemons = {"nginx": profile.nginx.unit, "keepalived": profile.keepalived.unit} if self.roomy else {}
        rows: list[Row] = []
        for key, line, words in lines:
            label = TextSpan(" " + key.ljust(label_width) if key else " ", Tone.MUTED)
            target = f"{daemons[key]} {node.name}" if key in daemons else ""
            rows.append(
                Row.single_cell(key, clip_line((label, *line), width), f"{node.name}: {words}", width, target)
            )
        address = profile.nodes[node.name].address
        title = (TextSpan(node.name, Tone.TITLE), TextSpan(f" {address}", Tone.MUTED))
        return PaneContent(title, rows=Rows.of(rows), marks=badge(view, node))


# --- a node that was not heard for too long: nothing is shown of it but why ---

UNKNOWN = TextSpan("? UNKNOWN", Tone.UNKNOWN)


def _unknown_vrrp(node: NodeState, reason: str) -> list[CardLine]:
    several = len(node.vrrp) > 1
    return [(name if several else "vrrp", (UNKNOWN,), f"{name} UNKNOWN ({reason})") for name in node.vrrp]


def _unknown_roomy(view: ViewState, node: NodeState, width: int) -> list[CardLine]:
    reason = why_unknown(node, view.now)
    # The reason is the same for every value: it stands once, beside the first.
    (key, _, words), *rest = _unknown_vrrp(node, reason)
    others = ("kernel", "nginx", "keepalived", "host")
    rest += [(other, (UNKNOWN,), f"{other} UNKNOWN ({reason})") for other in others]
    return [(key, (UNKNOWN, TextSpan(f"  {reason}")), words), *rest, _link(view, node, width)]


def _unknown_compact(view: ViewState, node: NodeState) -> list[CardLine]:
    reason, link = why_unknown(node, view.now), _link_verdict(view, node)
    words = f"{reason} · {node.link.next_step}" if node.link.next_step else reason
    silence = silence_s(node, view.now)
    last: Line = () if silence is None else (TextSpan(f"  heard {age(silence)} ago", Tone.MUTED),)
    units = (UNKNOWN, TextSpan(" keepalived ", Tone.MUTED), UNKNOWN)
    return [
        *_unknown_vrrp(node, reason),
        ("nginx", units, f"units UNKNOWN ({reason})"),
        ("link", (TextSpan(link.mark, link.tone), *last), f"link {link.mark} · {words}"),
        ("", (TextSpan(reason),), words),
    ]


# --- VRRP and the kernel ---


def _vrrp(view: ViewState, node: NodeState, *, roomy: bool) -> Iterator[CardLine]:
    for instance, observed in node.vrrp.items():
        shown = resolve(observed, view.now, witness=node)
        verdict = vrrp_verdict(shown)
        words = [f"{instance} {verdict_words(verdict)}"]
        wrong = contradiction(view.state, node, instance, view.now) if shown.live else None
        if wrong:
            line: Line = (TextSpan(f"✗ {wrong}", Tone.DOWN),)
            words.append(wrong)
        else:
            line = spans(verdict, MARK)
            effective, base = priority(view, node, instance, shown)
            if effective:
                line += (TextSpan(f"  prio {effective}", Tone.WARN if base else Tone.MUTED),)
            if base:
                line += (TextSpan(f" (base {base})", Tone.MUTED),)
            last = shown.value.last_transition if shown.value is not None else None
            if roomy and shown.live and last is not None:
                line += (TextSpan(f"  since {clock(last)}", Tone.MUTED),)
        key = instance if len(node.vrrp) > 1 else "vrrp"
        yield (key, line, " · ".join([*words, *_report_words(shown.value)]))


def _report_words(report: VrrpReport | None) -> Iterator[str]:
    if report is None:
        return
    if report.effective_priority:
        yield f"effective priority {report.effective_priority}"
    if report.last_transition is not None:
        yield f"since {clock(report.last_transition)}"
    yield f"from {report.source}"
    if report.no_dump:
        yield report.no_dump


def _kernel(view: ViewState, node: NodeState) -> CardLine:
    shown = resolve(node.addresses, view.now, witness=node)
    if shown.value is None:
        verdict = unknown(shown.reason)
        return ("kernel", spans(verdict, MARK), f"kernel {verdict_words(verdict)}")
    quiet = Tone.MUTED if shown.live else Tone.STALE
    instances = {name: vrrp for name, vrrp in view.state.profile.vrrp.items() if vrrp.address in shown.value}
    if not instances:
        return ("kernel", (TextSpan("– no VIP", quiet),), "kernel holds no VIP")
    if not shown.live:
        was = f"{', '.join(vrrp.address for vrrp in instances.values())}, {age(shown.age_s)} ago"
        mark = TextSpan(WAS_VIP.ljust(MARK), Tone.STALE)
        return ("kernel", (mark, TextSpan(f"  {was}", quiet)), f"kernel held {was}")
    held = ", ".join(_held_for(view, node, instance) for instance in instances)
    mark = TextSpan("★ VIP".ljust(MARK), Tone.ACCENT)
    return ("kernel", (mark, TextSpan(f"  {held}", quiet)), f"kernel holds {held}")


def _held_for(view: ViewState, node: NodeState, instance: str) -> str:
    """`10.0.4.99 for 3m`; `for ≥3m` if it was there at our first look and keepalived does not say since when."""
    address = view.state.profile.vrrp[instance].address
    claim = claim_of(node, address)
    if claim is None:
        return address
    since = owned_since(view.state, instance, claim)
    least = "≥" if claim.found and since == claim.since else ""
    return f"{address} for {least}{age(max(0.0, view.now - since))}"


# --- nginx and keepalived ---


def _units_compact(view: ViewState, node: NodeState, width: int) -> CardLine:
    """nginx and keepalived on one line; extras give way first, then the second label's room."""
    profile = view.state.profile
    nginx = unit_verdict(view, node, profile.nginx.unit)
    daemon = unit_verdict(view, node, profile.keepalived.unit)
    bare = [CellVerdict(verdict.glyph, verdict.word, verdict.tone) for verdict in (nginx, daemon)]
    between = TextSpan(" keepalived ", Tone.MUTED)
    variants: list[Line] = [
        (*spans(first, mark), between, *spans(second))
        for mark in (MARK, 0)
        for first, second in ((nginx, daemon), bare)
    ]
    if nginx.tone is daemon.tone is Tone.STALE:
        variants.append((TextSpan(f"{nginx.mark}, keepalived too", Tone.STALE),))
    return (
        "nginx",
        first_fitting(variants, width),
        f"nginx {verdict_words(nginx)} · keepalived {verdict_words(daemon)}",
    )


def _units_roomy(view: ViewState, node: NodeState) -> list[CardLine]:
    """The kernel, nginx and keepalived, a line each."""
    profile = view.state.profile
    lines = [_kernel(view, node)]
    for label, unit in (("nginx", profile.nginx.unit), ("keepalived", profile.keepalived.unit)):
        shown = resolve(node.units[unit], view.now, witness=node)
        verdict = unit_verdict(view, node, unit)
        line = spans(verdict)
        if shown.live:
            line = (TextSpan(verdict.mark.ljust(MARK), verdict.tone), *_process(shown))
        lines.append((label, line, f"{unit} {verdict_words(verdict)}"))
    return lines


def _process(shown: Shown[UnitReport]) -> Line:
    report = shown.value
    if report is None:
        return ()
    words = [report.active] if report.active != "active" else []
    words += [report.sub] if report.sub and (report.active, report.sub) not in SAME else []
    words += [f"pid {report.main_pid}"] if report.main_pid else []
    words += [f"restarts {report.restarts}"] if report.restarts else []
    return (TextSpan("  " + " · ".join(words), Tone.MUTED),) if words else ()


# --- host and link ---


def _host(view: ViewState, node: NodeState) -> CardLine:
    shown = resolve(node.host, view.now, witness=node, cadence_s=HOST_S)
    if shown.value is None or not shown.live:
        verdict = unknown(shown.reason) if shown.value is None else stale(shown.age_s)
        return ("host", spans(verdict), f"host {verdict_words(verdict)}")
    facts = host_facts(shown.value)
    words = " · ".join(text for text, _ in (*facts, clock_fact(shown.value)))
    return ("host", spans_of(facts), f"host {words}")


def _link(view: ViewState, node: NodeState, width: int) -> CardLine:
    """The SSH link: why it is not up, or how long ago something came over it, and the node's clock."""
    verdict, silence = _link_verdict(view, node), silence_s(node, view.now)
    last = "never heard" if silence is None else f"heard {age(silence)} ago"
    words = " · ".join(filter(None, (f"link {verdict.mark}", last, node.link.reason, node.link.next_step)))
    mark = TextSpan(verdict.mark, verdict.tone)
    if node.link.state is not LinkState.UP:
        reasons = (why_unknown(node, view.now), node.link.kind)
        variants: list[Line] = [(mark, TextSpan(f"  {reason}")) for reason in reasons if reason]
        return ("link", first_fitting((*variants, (mark,)), width), words)
    line: Line = (mark, TextSpan(f" {age(silence)}".ljust(6), Tone.MUTED))
    host = resolve(node.host, view.now, witness=node, cadence_s=HOST_S)
    if host.value is not None and host.live:
        text, loud = clock_fact(host.value)
        line = (*line, TextSpan(f"▲{text}", Tone.WARN) if loud else TextSpan(text, Tone.MUTED))
    return ("link", line, words)


def _link_verdict(view: ViewState, node: NodeState) -> CellVerdict:
    """A link over which nothing comes is up as far as anybody knows."""
    silent = node.last_event_at is not None and node.freshness(view.now) is not Freshness.LIVE
    if node.link.state is LinkState.UP and silent:
        return CellVerdict("◌", "SILENT", Tone.STALE)
    return link_verdict(node.link, view.now)
