"""The service grid: every checked thing, judged once for every node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from iamops.model.facts import ProbeReport
from iamops.model.profile import Profile
from iamops.model.state import NodeState
from iamops.tui.toolkit.health import (
    ABSENT,
    DATASTORE_S,
    HTTP_S,
    PEER_S,
    CellVerdict,
    Shown,
    down,
    probe_verdict,
    resolve,
    spans,
    unknown,
    verdict_on,
    verdict_words,
    warn,
)
from iamops.tui.toolkit.painted import ScreenPart, ViewState
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.text import Cell, PaneContent, Row, Rows, TextSpan, Tone, column, first_fitting, fit_line

TITLE = (TextSpan("SERVICES", Tone.TITLE),)
MARK = 7
CELL_MIN, CELL_GOOD, CELL_MAX = 16, 22, 44
KIND, TITLE_ROOM = 7, 12
NARROW_MIN, NARROW_MAX = 12, 18


class CheckKind(StrEnum):
    """What is checked: a domain through nginx, a service at its own port, a datastore from a node."""

    DOMAIN = "nginx"
    SERVICE = "direct"
    DATASTORE = "store"


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One checked thing. `label` is what the screen calls it."""

    kind: CheckKind
    name: str
    label: str

    def target(self, profile: Profile, node: str) -> str:
        """The unit and node behind it, as a command names them; empty where there is none."""
        match self.kind:
            case CheckKind.DOMAIN:
                return f"{profile.nginx.unit} {node}"
            case CheckKind.SERVICE:
                service = profile.services[self.name]
                return f"{service.unit} {node}" if service.runs_on(node) else ""
            case CheckKind.DATASTORE:
                store = profile.datastores[self.name]
                return f"{store.unit} {store.node}" if store.unit else ""


def check_items(profile: Profile) -> tuple[CheckItem, ...]:
    """What the profile promises, from the outside in: domains, services, datastores."""
    domains = [CheckItem(CheckKind.DOMAIN, name, name) for name in dict.fromkeys(profile.domains)]
    services = [CheckItem(CheckKind.SERVICE, name, name) for name in profile.services]
    stores = [CheckItem(CheckKind.DATASTORE, s.name, f"{s.name} @{s.node}") for s in profile.datastores.values()]
    return (*domains, *services, *stores)


# --- one item on one node ---


@dataclass(frozen=True, slots=True)
class CheckCell:
    """An item on one node: the verdict, and everything about it in words."""

    verdict: CellVerdict
    detail: str


def check_cell(view: ViewState, item: CheckItem, name: str) -> CheckCell:
    """The item on (or, for a datastore, from) a node."""
    node = view.state.nodes[name]
    match item.kind:
        case CheckKind.SERVICE:
            return _service_cell(view, item.name, node)
        case CheckKind.DOMAIN:
            observed, cadence_s = node.domains[item.name], HTTP_S
            what = f"{item.name} through nginx of {name}"
        case CheckKind.DATASTORE:
            observed, cadence_s = view.state.datastores[item.name][name], DATASTORE_S
            what = f"{item.label} from {name}"
    shown = resolve(observed, view.now, witness=node, cadence_s=cadence_s)
    verdict = verdict_on(shown, probe_verdict)
    return CheckCell(verdict, f"{what}: {_in_words(verdict, shown.value)}")


def _service_cell(view: ViewState, name: str, node: NodeState) -> CheckCell:
    if name not in node.services:
        return CheckCell(ABSENT, f"{name} does not run on {node.name}")
    own = resolve(node.services[name], view.now, witness=node, cadence_s=HTTP_S)
    peers = {
        peer: resolve(probe, view.now, witness=view.state.nodes[peer], cadence_s=PEER_S)
        for peer, probe in node.from_peers.get(name, {}).items()
    }
    verdict = verdict_on(own, probe_verdict)
    details = [f"{name} on {node.name}: {_in_words(verdict, own.value)}"]
    details += [f"from {peer}: {verdict_words(verdict_on(shown, probe_verdict))}" for peer, shown in peers.items()]
    return CheckCell(_corrected(verdict, own, peers), " · ".join(details))


def _in_words(verdict: CellVerdict, report: ProbeReport | None) -> str:
    return verdict_words(verdict) + (f" · {report.detail}" if report is not None and report.detail else "")


def _corrected(verdict: CellVerdict, own: Shown[ProbeReport], peers: dict[str, Shown[ProbeReport]]) -> CellVerdict:
    """The node's own view, corrected where a peer sees it otherwise: half of all requests come from there."""
    reports = {peer: shown.value for peer, shown in peers.items() if shown.value is not None and shown.live}
    failing = [f"{peer} {probe_verdict(report).extra}" for peer, report in reports.items() if not report.ok]
    working = [f"{peer} OK" for peer, report in reports.items() if report.ok]
    if own.value is None:
        return unknown([*failing, *working][0]) if reports else verdict
    if not own.live:
        return verdict
    if own.value.ok and failing:
        return warn(failing[0] if len(failing) == 1 else f"{failing[0]} +{len(failing) - 1}")
    return down(f"but {working[0]}") if working and not own.value.ok else verdict


# --- the grid: services down and nodes across, or the other way round for many nodes ---


class ServiceMatrix(Pane):
    """Domains through nginx, services at their own port, datastores from each node."""

    PART = ScreenPart.SERVICES
    FILTERED = True
    NAME = "Services"
    ABOUT = (
        "nginx: a domain asked through the node's own nginx. direct: a service at its own port; when "
        "the other node cannot reach it the cell turns to WARN and names who could not. store: a "
        "datastore greeted from each node. The line above the key hints tells the whole story of the "
        "cell under the cursor; c copies it."
    )

    def content(self, view: ViewState, width: int, height: int) -> PaneContent:
        items = check_items(view.state.profile)
        if transposed(view, width):
            return _nodes_down(view, items, width, self.column)
        return _services_down(view, items, width)


def transposed(view: ViewState, width: int) -> bool:
    """Whether there are too many nodes to give each a column."""
    labels = _short_labels(check_items(view.state.profile))
    return _label_width(labels, width) + len(view.state.nodes) * CELL_MIN > width


def matrix_rows(view: ViewState, width: int) -> int:
    """How many rows the grid has without its title."""
    if transposed(view, width):
        return len(view.state.nodes)
    return max(1, len(check_items(view.state.profile)))


def _services_down(view: ViewState, items: Sequence[CheckItem], width: int) -> PaneContent:
    names = tuple(view.state.nodes)
    labels = [item.label for item in items]
    if (width - _label_width(labels, width)) // len(names) < CELL_GOOD:
        labels = _short_labels(items)
    label_width = _label_width(labels, width)
    cell_width = min(CELL_MAX, (width - label_width) // len(names))
    starts = [label_width + n * cell_width for n in range(len(names))]
    rows: list[Row] = []
    for item, label in zip(items, labels, strict=True):
        checks = [check_cell(view, item, name) for name in names]
        if not view.passes_filter((item.label, item.kind, *(check.verdict.mark for check in checks))):
            continue
        kind = TextSpan(" " + column(item.kind, KIND), Tone.MUTED)
        line = [kind, TextSpan(column(label, label_width - KIND - 1))]
        cells: list[Cell] = []
        for name, check, start in zip(names, checks, starts, strict=True):
            verdict = check.verdict
            # An extra that would be cut is left to the detail line.
            variants = (spans(verdict, MARK), spans(verdict), (TextSpan(verdict.mark, verdict.tone),))
            line.extend(fit_line(first_fitting(variants, cell_width - 1), cell_width))
            target = item.target(view.state.profile, name)
            cells.append(Cell(start, cell_width - 1, check.detail, target))
        rows.append(Row(f"{item.kind} {item.name}", tuple(line), tuple(cells)))
    headings = tuple((start, TextSpan(name, Tone.TITLE)) for name, start in zip(names, starts, strict=True))
    return PaneContent(TITLE, rows=Rows.of(rows), overlays=headings)


def _nodes_down(view: ViewState, items: Sequence[CheckItem], width: int, cursor: int) -> PaneContent:
    names = tuple(view.state.nodes)
    label_width = min(24, max(TITLE_ROOM, *(len(name) + 2 for name in names)))
    headings = _short_labels(items, bare=True)
    widths = [min(NARROW_MAX, max(NARROW_MIN, len(text) + 1)) for text in headings]
    first = _first_visible(widths, width - label_width, cursor)
    places = _places(widths, first, label_width, width)

    def node_row(number: int) -> Row:
        name = names[number]
        line = [TextSpan(" " + column(name, label_width - 1), Tone.TITLE)]
        cells: list[Cell] = []
        for item, (at, cell_width) in zip(items, places, strict=True):
            check = check_cell(view, item, name)
            line.append(TextSpan(column(check.verdict.mark, cell_width), check.verdict.tone))
            target = item.target(view.state.profile, name)
            cells.append(Cell(at, max(0, cell_width - 1), check.detail, target))
        return Row(name, tuple(line), tuple(cells))

    rows = Rows(names, node_row)
    if view.filter_text:
        marks = {name: [check_cell(view, item, name).verdict.mark for item in items] for name in names}
        rows = Rows.of(row for row in rows if view.passes_filter((row.key, *marks[row.key])))
    overlays = tuple(
        (at, TextSpan(column(heading, cell_width - 1).rstrip(), Tone.MUTED))
        for heading, (at, cell_width) in zip(headings, places, strict=True)
        if cell_width
    )
    beyond = ("←" if first else "") + ("→" if places and not places[-1][1] else "")
    return PaneContent(TITLE, rows, (TextSpan(beyond, Tone.ACCENT),) if beyond else (), overlays)


def _first_visible(widths: list[int], room: int, cursor: int) -> int:
    """The first column to draw so that the cursor's column is still in the room."""
    used = 0
    for number in range(min(cursor, len(widths) - 1), -1, -1):
        used += widths[number]
        if used > room:
            return number + 1 if number < cursor else number
    return 0


def _places(widths: list[int], first: int, start: int, width: int) -> list[tuple[int, int]]:
    """Start and width of each column; one that is not drawn has no width."""
    places: list[tuple[int, int]] = []
    for number, cell_width in enumerate(widths):
        fits = number >= first and start + cell_width - 1 <= width
        places.append((start, cell_width if fits else 0))
        if number >= first:
            start += cell_width
    return places


def _label_width(labels: list[str], width: int) -> int:
    longest = max((len(label) for label in labels), default=0)
    return min(KIND + longest + 3, max(20, width // 2))


def _short_labels(items: Sequence[CheckItem], *, bare: bool = False) -> list[str]:
    """Labels without the end that all domains share (`.marmotedu.com`); `bare`: a datastore without its node."""
    domains = [item.name.split(".") for item in items if item.kind is CheckKind.DOMAIN]
    shared = ""
    if len(domains) > 1:
        # From the end, and never the first label.
        for labels in zip(*(domain[:0:-1] for domain in domains), strict=False):
            if len(set(labels)) > 1:
                break
            shared = f".{labels[0]}{shared}"
    texts = [item.name if bare else item.label for item in items]
    return [
        text.removesuffix(shared) if item.kind is CheckKind.DOMAIN else text
        for item, text in zip(items, texts, strict=True)
    ]
