"""A node's card: VRRP, units, host and link of one node in a few lines."""

from __future__ import annotations

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
    spans_of,
    unit_verdict,
    vrrp_verdict,
)
from iamops.tui.overview.witnesses import contradiction
from iamops.tui.toolkit.frame_state import ScreenPart, ViewState
from iamops.tui.toolkit.health import (
    HOST_S,
    CellVerdict,
    Shown,
    resolve,
    spans,
    spoken,
    stale,
    unknown,
    why_unknown,
)
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
UNIT_ROWS = ("nginx", "keepalived")
ROOMY_ONLY = ("kernel", *UNIT_ROWS, "host")

Entry = tuple[str, Line, str]
"""Key, line without its label, and the line in words."""


def card(moment: ViewState, name: str, width: int, *, roomy: bool) -> PaneContent:
    """One node. `roomy` gives nginx and keepalived a line each, and the kernel one more."""
    node = moment.state.nodes[name]
    dark = node.freshness(moment.now) is Freshness.UNKNOWN
    inner = width - (ROOMY_LABEL if roomy else COMPACT_LABEL) - 1
    if dark:
        entries = _dark(moment, node, inner, roomy)
    else:
        middle = _roomy(moment, node) if roomy else [_units(moment, node, inner)]
        entries = [*_vrrp(moment, node, roomy), *middle, _host(moment, node), _link(moment, node, inner)]
    units = (moment.state.profile.nginx.unit, moment.state.profile.keepalived.unit)
    aims = {key: f"{unit} {name}" for key, unit in zip(UNIT_ROWS, units, strict=True)} if roomy else {}
    rows = Rows.of(_row(name, entry, width, roomy, aims.get(entry[0], "")) for entry in entries)
    address = moment.state.profile.nodes[name].address
    title = (TextSpan(name, Tone.TITLE), TextSpan(f" {address}", Tone.MUTED))
    return PaneContent(title, rows=rows, marks=badge(moment, node))


def _row(name: str, entry: Entry, width: int, roomy: bool, aim: str) -> Row:
    key, line, said = entry
    label = " " + key.ljust(ROOMY_LABEL if roomy else COMPACT_LABEL) if key else " "
    return Row.whole(key, clip_line((TextSpan(label, Tone.MUTED), *line), width), f"{name}: {said}", width, aim)


def _dark(moment: ViewState, node: NodeState, width: int, roomy: bool) -> list[Entry]:
    """A node nobody has heard of for too long: nothing is shown of it but why."""
    reason = why_unknown(node, moment.now)
    mark = TextSpan("? UNKNOWN", Tone.UNKNOWN)
    several = len(node.vrrp) > 1
    entries: list[Entry] = [
        (instance if several else "vrrp", (mark,), f"{instance} UNKNOWN ({reason})") for instance in node.vrrp
    ]
    if roomy:
        # The reason is the same for every value: it stands once, beside the first.
        first, *rest = entries
        entries = [(first[0], (mark, TextSpan(f"  {reason}")), first[2]), *rest]
        entries += [(key, (mark,), f"{key} UNKNOWN ({reason})") for key in ROOMY_ONLY]
        return [*entries, _link(moment, node, width)]
    link = _link_seen(moment, node)
    said = " · ".join(part for part in (reason, node.link.next_step) if part)
    return [
        *entries,
        ("nginx", (mark, TextSpan(" keepalived ", Tone.MUTED), mark), f"units UNKNOWN ({reason})"),
        ("link", (TextSpan(link.mark, link.tone), *_heard(moment, node)), f"link {link.mark} · {said}"),
        ("", (TextSpan(reason),), said),
    ]


def _heard(moment: ViewState, node: NodeState) -> Line:
    if node.last_event_at is None:
        return ()
    return (TextSpan(f"  heard {age(max(0.0, moment.now - node.last_event_at))} ago", Tone.MUTED),)


def _vrrp(moment: ViewState, node: NodeState, roomy: bool) -> list[Entry]:
    several = len(node.vrrp) > 1
    entries: list[Entry] = []
    for instance, observed in node.vrrp.items():
        shown = resolve(observed, moment.now, witness=node)
        wrong = contradiction(moment.state, node, instance, moment.now) if shown.live else None
        verdict = vrrp_verdict(shown)
        since = _since(shown.value) if roomy and shown.live else ()
        line: Line = (
            (TextSpan(f"✗ {wrong}", Tone.DOWN),) if wrong else (*_vrrp_line(moment, node, instance, shown), *since)
        )
        words = [f"{instance} {spoken(verdict)}", *([wrong] if wrong else []), *_vrrp_words(shown.value)]
        entries.append((instance if several else "vrrp", line, " · ".join(words)))
    return entries


def _vrrp_line(moment: ViewState, node: NodeState, instance: str, shown: Shown[VrrpReport]) -> Line:
    effective, base = priority(moment, node, instance, shown)
    prio = (TextSpan(f"  prio {effective}", Tone.WARN if base else Tone.MUTED),) if effective else ()
    note = (TextSpan(f" (base {base})", Tone.MUTED),) if base else ()
    return (*spans(vrrp_verdict(shown), MARK), *prio, *note)


def _since(report: VrrpReport | None) -> Line:
    if report is None or report.last_transition is None:
        return ()
    return (TextSpan(f"  since {clock(report.last_transition)}", Tone.MUTED),)


def _vrrp_words(report: VrrpReport | None) -> list[str]:
    if report is None:
        return []
    words = [f"effective priority {report.effective_priority}"] if report.effective_priority else []
    if report.last_transition is not None:
        words.append(f"since {clock(report.last_transition)}")
    return [*words, f"from {report.source}", *([report.no_dump] if report.no_dump else [])]


def _units(moment: ViewState, node: NodeState, width: int) -> Entry:
    """nginx and keepalived on one line; extras give way first, then the second label's room."""
    profile = moment.state.profile
    nginx = unit_verdict(moment, node, profile.nginx.unit)
    daemon = unit_verdict(moment, node, profile.keepalived.unit)
    bare = [CellVerdict(v.glyph, v.word, v.tone) for v in (nginx, daemon)]
    between = TextSpan(" keepalived ", Tone.MUTED)
    variants: list[Line] = [
        (*spans(a, mark), between, *spans(b)) for mark in (MARK, 0) for a, b in ((nginx, daemon), bare)
    ]
    if nginx.tone is daemon.tone is Tone.STALE:
        variants.append((TextSpan(f"{nginx.mark}, keepalived too", Tone.STALE),))
    said = f"nginx {spoken(nginx)} · keepalived {spoken(daemon)}"
    return ("nginx", first_fitting(variants, width), said)


def _roomy(moment: ViewState, node: NodeState) -> list[Entry]:
    profile = moment.state.profile
    entries = [_kernel(moment, node)]
    for label, unit in (("nginx", profile.nginx.unit), ("keepalived", profile.keepalived.unit)):
        shown = resolve(node.units[unit], moment.now, witness=node)
        verdict = unit_verdict(moment, node, unit)
        line = (
            (TextSpan(verdict.mark.ljust(MARK), verdict.tone), *_process(shown)) if shown.live else spans(verdict)
        )
        entries.append((label, line, f"{unit} {spoken(verdict)}"))
    return entries


def _process(shown: Shown[UnitReport]) -> Line:
    report = shown.value
    if report is None:
        return ()
    words = [report.active] if report.active != "active" else []
    words += [report.sub] if report.sub and (report.active, report.sub) not in SAME else []
    words += [f"pid {report.main_pid}"] if report.main_pid else []
    words += [f"restarts {report.restarts}"] if report.restarts else []
    return (TextSpan("  " + " · ".join(words), Tone.MUTED),) if words else ()


def _kernel(moment: ViewState, node: NodeState) -> Entry:
    shown = resolve(node.addresses, moment.now, witness=node)
    if shown.value is None:
        lost = unknown(shown.reason)
        return ("kernel", spans(lost, MARK), f"kernel {spoken(lost)}")
    tone, quiet = (Tone.ACCENT, Tone.MUTED) if shown.live else (Tone.STALE, Tone.STALE)
    vrrps = moment.state.profile.vrrp
    held = [vrrp.address for vrrp in vrrps.values() if vrrp.address in shown.value]
    if not held:
        return ("kernel", (TextSpan("– no VIP", quiet),), "kernel holds no VIP")
    if not shown.live:
        was = f"{', '.join(held)}, {age(shown.age_s)} ago"
        return ("kernel", (TextSpan(WAS_VIP.ljust(MARK), tone), TextSpan(f"  {was}", quiet)), f"kernel held {was}")
    since = ", ".join(_held_for(moment, node, name) for name, vrrp in vrrps.items() if vrrp.address in held)
    return (
        "kernel",
        (TextSpan("★ VIP".ljust(MARK), tone), TextSpan(f"  {since}", quiet)),
        f"kernel holds {since}",
    )


def _held_for(moment: ViewState, node: NodeState, instance: str) -> str:
    """`10.0.4.99 for 3m`; at least so long where it was found there, and keepalived does not tell."""
    address, state = moment.state.profile.vrrp[instance].address, moment.state
    claim = claim_of(node, address)
    if claim is None:
        return address
    since = owned_since(state, instance, claim)
    least = "≥" if claim.found and since == claim.since else ""
    return f"{address} for {least}{age(max(0.0, moment.now - since))}"


def _host(moment: ViewState, node: NodeState) -> Entry:
    shown = resolve(node.host, moment.now, witness=node, cadence_s=HOST_S)
    if shown.value is None:
        lost = unknown(shown.reason)
        return ("host", spans(lost, MARK), f"host {spoken(lost)}")
    if not shown.live:
        old = stale(shown.age_s)
        return ("host", spans(old), f"host {spoken(old)}")
    facts = host_facts(shown.value)
    said = " · ".join(text for text, _ in (*facts, clock_fact(shown.value)))
    return ("host", spans_of(facts), f"host {said}")


def _link(moment: ViewState, node: NodeState, width: int) -> Entry:
    verdict = _link_seen(moment, node)
    silence = None if node.last_event_at is None else max(0.0, moment.now - node.last_event_at)
    heard = "never heard" if silence is None else f"heard {age(silence)} ago"
    said = [f"link {verdict.mark}", heard, *(p for p in (node.link.reason, node.link.next_step) if p)]
    mark = TextSpan(verdict.mark, verdict.tone)
    if node.link.state is not LinkState.UP:
        variants = [
            (mark, TextSpan(f"  {words}")) for words in (why_unknown(node, moment.now), node.link.kind) if words
        ]
        return ("link", first_fitting((*variants, (mark,)), width), " · ".join(said))
    line = (mark, TextSpan(f" {age(silence)}".ljust(6), Tone.MUTED), *_clock(moment, node))
    return ("link", line, " · ".join(said))


def _link_seen(moment: ViewState, node: NodeState) -> CellVerdict:
    """A link over which nothing comes is up as far as anybody knows."""
    silent = node.last_event_at is not None and node.freshness(moment.now) is not Freshness.LIVE
    if node.link.state is LinkState.UP and silent:
        return CellVerdict("◌", "SILENT", Tone.STALE)
    return link_verdict(node.link, moment.now)


def _clock(moment: ViewState, node: NodeState) -> Line:
    shown = resolve(node.host, moment.now, witness=node, cadence_s=HOST_S)
    if shown.value is None or not shown.live:
        return ()
    text, loud = clock_fact(shown.value)
    return (TextSpan(f"▲{text}", Tone.WARN) if loud else TextSpan(text, Tone.MUTED),)


# The card of one node.


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

    def __init__(self, node: str) -> None:
        super().__init__()
        self.node = node
        self.roomy = False

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        return card(moment, self.node, width, roomy=self.roomy)
