"""The service grid: every checked thing, judged once for every node."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from iamops.model.facts import ProbeReport
from iamops.model.profile import Profile
from iamops.model.state import NodeState
from iamops.tui.toolkit.frame_state import ScreenPart, ViewState
from iamops.tui.toolkit.health import (
    ABSENT,
    DATASTORE_S,
    HTTP_S,
    PEER_S,
    CellVerdict,
    Shown,
    down,
    judge,
    of_probe,
    resolve,
    spans,
    spoken,
    unknown,
    warn,
)
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.text import (
    Cell,
    Line,
    PaneContent,
    Row,
    Rows,
    TextSpan,
    Tone,
    column,
    first_fitting,
    fit_line,
)


class CheckKind(StrEnum):
    """What is checked: a domain through nginx, a service at its own port, a datastore from a node."""

    DOMAIN = "nginx"
    SERVICE = "direct"
    DATASTORE = "store"


@dataclass(frozen=True, slots=True)
class Item:
    """One checked thing. `label` is how it is called on the screen."""

    kind: CheckKind
    name: str
    label: str


@dataclass(frozen=True, slots=True)
class CheckCell:
    """An item on one node: the verdict, and the whole story in words."""

    verdict: CellVerdict
    detail: str


def items(profile: Profile) -> tuple[Item, ...]:
    """What the profile promises, from the outside in: domains, services, datastores."""
    domains = [Item(CheckKind.DOMAIN, name, name) for name in dict.fromkeys(profile.domains)]
    services = [Item(CheckKind.SERVICE, name, name) for name in profile.services]
    stores = [Item(CheckKind.DATASTORE, s.name, f"{s.name} @{s.node}") for s in profile.datastores.values()]
    return (*domains, *services, *stores)


def seen(moment: ViewState, item: Item, name: str) -> CheckCell:
    """How the item looks on (or, for a datastore, from) a node."""
    node = moment.state.nodes[name]
    match item.kind:
        case CheckKind.DOMAIN:
            shown = resolve(node.domains[item.name], moment.now, witness=node, cadence_s=HTTP_S)
            return _plain(f"{item.name} through nginx of {name}", shown)
        case CheckKind.SERVICE:
            return _service(moment, item.name, node)
        case CheckKind.DATASTORE:
            observed = moment.state.datastores[item.name][name]
            shown = resolve(observed, moment.now, witness=node, cadence_s=DATASTORE_S)
            return _plain(f"{item.label} from {name}", shown)


def target(profile: Profile, item: Item, name: str) -> str:
    """The unit and node behind an item on a node, as a command names them; empty where there is none."""
    match item.kind:
        case CheckKind.DOMAIN:
            return f"{profile.nginx.unit} {name}"
        case CheckKind.SERVICE:
            service = profile.services[item.name]
            return f"{service.unit} {name}" if service.runs_on(name) else ""
        case CheckKind.DATASTORE:
            store = profile.datastores[item.name]
            return f"{store.unit} {store.node}" if store.unit else ""


def _plain(what: str, shown: Shown[ProbeReport]) -> CheckCell:
    verdict = judge(shown, of_probe)
    return CheckCell(verdict, f"{what}: {_story(verdict, shown.value)}")


def _story(verdict: CellVerdict, report: ProbeReport | None) -> str:
    return spoken(verdict) + (f" · {report.detail}" if report is not None and report.detail else "")


def _service(moment: ViewState, name: str, node: NodeState) -> CheckCell:
    if name not in node.services:
        return CheckCell(ABSENT, f"{name} does not run on {node.name}")
    own = resolve(node.services[name], moment.now, witness=node, cadence_s=HTTP_S)
    peers = {
        peer: resolve(probe, moment.now, witness=moment.state.nodes[peer], cadence_s=PEER_S)
        for peer, probe in node.from_peers.get(name, {}).items()
    }
    verdict = judge(own, of_probe)
    story = [f"{name} on {node.name}: {_story(verdict, own.value)}"]
    story += [f"from {peer}: {spoken(judge(shown, of_probe))}" for peer, shown in peers.items()]
    return CheckCell(_against(verdict, own, peers), " · ".join(story))


def _against(verdict: CellVerdict, own: Shown[ProbeReport], peers: dict[str, Shown[ProbeReport]]) -> CellVerdict:
    """The node's own view, corrected where a peer sees it otherwise: half of all requests take that way."""
    heard = {peer: shown.value for peer, shown in peers.items() if shown.value is not None and shown.live}
    failing = [f"{peer} {of_probe(report).extra}" for peer, report in heard.items() if not report.ok]
    working = [peer for peer, report in heard.items() if report.ok]
    if own.value is None:
        told = [*failing, *(f"{peer} OK" for peer in working)]
        return unknown(told[0]) if told else verdict
    if not own.live:
        return verdict
    if own.value.ok:
        return warn(_some(failing)) if failing else verdict
    return down(f"but {working[0]} OK") if working else verdict


def _some(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{texts[0]} +{len(texts) - 1}"


# Draws the service grid: services down and nodes across, or the other way round for many nodes.

MARK = 7
CELL_MIN, CELL_GOOD, CELL_MAX = 16, 22, 44
KIND, TITLE_ROOM = 7, 12
NARROW_MIN, NARROW_MAX = 12, 18


def matrix(moment: ViewState, width: int, cursor: int = 0) -> PaneContent:
    """The grid in `width` columns. `cursor` is the column that must be in sight."""
    rows = items(moment.state.profile)
    if transposed(moment, width):
        return _nodes_down(moment, rows, width, cursor)
    return _services_down(moment, rows, width)


def matrix_rows(moment: ViewState, width: int) -> int:
    """How many rows the grid has without its title."""
    across = transposed(moment, width)
    return len(moment.state.nodes) if across else max(1, len(items(moment.state.profile)))


def transposed(moment: ViewState, width: int) -> bool:
    """Whether there are too many nodes to give each a column."""
    labels = _short_labels(items(moment.state.profile))
    return _label_width(labels, width) + len(moment.state.nodes) * CELL_MIN > width


def _label_width(labels: list[str], width: int) -> int:
    longest = max((len(label) for label in labels), default=0)
    return min(KIND + longest + 3, max(20, width // 2))


def _services_down(moment: ViewState, rows: tuple[Item, ...], width: int) -> PaneContent:
    names = tuple(moment.state.nodes)
    labels = [item.label for item in rows]
    if (width - _label_width(labels, width)) // len(names) < CELL_GOOD:
        labels = _short_labels(rows)
    label = _label_width(labels, width)
    cell = min(CELL_MAX, (width - label) // len(names))
    title = (TextSpan("SERVICES", Tone.TITLE),)
    overlays = tuple((label + n * cell, TextSpan(name, Tone.TITLE)) for n, name in enumerate(names))
    named = zip(rows, labels, strict=True)
    lines = [_service_row(moment, item, text, names, label, cell) for item, text in named]
    return PaneContent(title, rows=Rows.of(row for row in lines if row is not None), overlays=overlays)


def _service_row(
    moment: ViewState, item: Item, text: str, names: tuple[str, ...], label: int, cell: int
) -> Row | None:
    looks = [seen(moment, item, name) for name in names]
    if not moment.keeps((item.label, item.kind, *(look.verdict.mark for look in looks))):
        return None
    kind = TextSpan(" " + column(item.kind, KIND), Tone.MUTED)
    line: list[TextSpan] = [kind, TextSpan(column(text, label - KIND - 1))]
    for look in looks:
        line.extend(fit_line(_short(look, cell - 1), cell))
    aims = [target(moment.state.profile, item, name) for name in names]
    cells = tuple(Cell(label + n * cell, cell - 1, looks[n].detail, aims[n]) for n in range(len(names)))
    return Row(f"{item.kind} {item.name}", tuple(line), cells)


def _short(look: CheckCell, width: int) -> Line:
    """Mark and extra; an extra that would be cut is left to the detail line."""
    bare = (TextSpan(look.verdict.mark, look.verdict.tone),)
    return first_fitting((spans(look.verdict, MARK), spans(look.verdict), bare), width)


def _nodes_down(moment: ViewState, columns: tuple[Item, ...], width: int, cursor: int) -> PaneContent:
    label = min(24, max(TITLE_ROOM, *(len(name) + 2 for name in moment.state.nodes)))
    headings = _short_labels(columns, bare=True)
    widths = [min(NARROW_MAX, max(NARROW_MIN, len(text) + 1)) for text in headings]
    first = _first_in_sight(widths, width - label, cursor)
    places = _places(widths, first, label, width)
    overlays = tuple(
        (at, TextSpan(column(heading, cell - 1).rstrip(), Tone.MUTED))
        for heading, (at, cell) in zip(headings, places, strict=True)
        if cell
    )
    names = tuple(moment.state.nodes)
    rows = Rows(names, lambda n: _node_row(moment, names[n], columns, places, label))
    if moment.filter_text:
        rows = Rows.of(row for row in rows if moment.keeps((row.key, *_marks(moment, columns, row.key))))
    beyond = ("←" if first else "") + ("→" if places and not places[-1][1] else "")
    marks = (TextSpan(beyond, Tone.ACCENT),) if beyond else ()
    title = (TextSpan("SERVICES", Tone.TITLE),)
    return PaneContent(title, rows, marks, overlays)


def _marks(moment: ViewState, columns: tuple[Item, ...], name: str) -> list[str]:
    return [seen(moment, item, name).verdict.mark for item in columns]


def _places(widths: list[int], first: int, label: int, width: int) -> list[tuple[int, int]]:
    """Start and width of each column; a column out of sight has no width."""
    places: list[tuple[int, int]] = []
    at = label
    for number, cell in enumerate(widths):
        fits = number >= first and at + cell - 1 <= width
        places.append((at, cell if fits else 0))
        if number >= first:
            at += cell
    return places


def _node_row(
    moment: ViewState, name: str, columns: tuple[Item, ...], places: list[tuple[int, int]], label: int
) -> Row:
    looks = [seen(moment, item, name) for item in columns]
    line: list[TextSpan] = [TextSpan(" " + column(name, label - 1), Tone.TITLE)]
    cells: list[Cell] = []
    for item, look, (at, cell) in zip(columns, looks, places, strict=True):
        line.append(TextSpan(column(look.verdict.mark, cell), look.verdict.tone))
        cells.append(Cell(at, max(0, cell - 1), look.detail, target(moment.state.profile, item, name)))
    return Row(name, tuple(line), tuple(cells))


def _first_in_sight(widths: list[int], room: int, cursor: int) -> int:
    """The first column to draw so that the cursor's column is still in the room."""
    first = min(cursor, len(widths) - 1) if widths else 0
    used = 0
    for number in range(first, -1, -1):
        used += widths[number]
        if used > room:
            return number + 1 if number < cursor else number
    return 0


def _short_labels(rows: tuple[Item, ...], *, bare: bool = False) -> list[str]:
    """Labels without the end that all domains share; `bare` leaves a datastore's node away, too."""
    domains = [item.name for item in rows if item.kind is CheckKind.DOMAIN]
    shared = _shared_end(domains) if len(domains) > 1 else ""
    texts = [item.name if bare else item.label for item in rows]
    return [
        text.removesuffix(shared) if item.kind is CheckKind.DOMAIN else text
        for item, text in zip(rows, texts, strict=True)
    ]


def _shared_end(domains: list[str]) -> str:
    """`.marmotedu.com` for iam.api.marmotedu.com and iam.authz.marmotedu.com."""
    shared = ""
    for labels in zip(*(name.split(".")[:0:-1] for name in domains), strict=False):
        if len(set(labels)) > 1:
            break
        shared = f".{labels[0]}{shared}"
    return shared


# The service x node matrix.


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

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        return matrix(moment, width, self.column)
