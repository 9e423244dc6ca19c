"""The status document as tables for a person. Reads only the document: what JSON says is what is shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from iamops.cli.printing import CleanConsole
from iamops.judge.triage.events import Tally
from iamops.model.facts import Severity
from iamops.report.text import Json

GOOD, BAD, UNKNOWN = "green", "bold red", "yellow"
SEVERITY_STYLES = {"critical": BAD, "warning": "yellow", "info": "cyan"}
Cells = tuple[Text, ...]

# Behind each column: its padding, and the box.
GAP = 2
LEAST = 3
# All others are this narrow before the names of the rows are cut.
TIGHT = 4
# What of a node's column is worth showing: a glyph and a few letters.
NODE_LEAST = 9


def print_table(document: Json) -> None:
    """Prints to stdout. Remote text goes through Text objects only, so no markup in it is read."""
    console = CleanConsole(sys.stdout)
    tables = (_nodes(document, console.width), *_services(document, console.width))
    console.print(Group(_headline(document), *tables, *_findings(document)))


def _headline(document: Json) -> Text:
    vip, client = document["vip"], document["vip"]["client"]
    owners = vip["owners"]
    line = Text(f"{document['profile']} ({document['environment']})  VIP {vip['address']} -> ")
    if owners is None:
        line.append("UNKNOWN", UNKNOWN)
    else:
        line.append(" + ".join(owners) or "NOBODY", GOOD if len(owners) == 1 else BAD)
        line.append("  SPLIT BRAIN" if len(owners) > 1 else "", BAD)
    line.append("  client: ")
    if client["ok"] is None:
        return line.append(f"? {client['ok_unknown']}", UNKNOWN)
    if not client["ok"]:
        return line.append(f"✗ {client['error']}", BAD)
    where = f" from {client['node']}" if client["node"] else ""
    return line.append(f"✓ {client['latency_ms']:.1f} ms{where}", GOOD)


def _nodes(document: Json, width: int) -> Table:
    rows: list[Cells] = []
    for name, node in document["nodes"].items():
        keepalived, host = node["keepalived"], node["host"]
        held = keepalived["addresses"]
        rows.append(
            (
                Text(name, "bold"),
                _link(node),
                _vrrp(keepalived),
                _known(None) if held is None else Text("◆ VIP" if held else "-", "bold"),
                _running(keepalived["active"], "active"),
                _nginx(node["nginx"]),
                _known(node["requests"]["rate_per_s"]),
                _known(host["load1"]),
                _known(host["disk_used_pct"], " %"),
            )
        )
    heads = ("node", "link", "VRRP", "VIP", "keepalived", "nginx", "req/s", "load", "disk")
    return _table(heads, rows, width)


def _services(document: Json, width: int) -> Iterator[Table]:
    """One row a service, domain or datastore; one column a node. Of too many nodes for a line, several tables."""
    every, stores = document["nodes"], document["datastores"]
    domains = tuple(next(iter(every.values()))["nginx"]["http"])
    services = tuple(dict.fromkeys(service for node in every.values() for service in node["services"]))
    head = max(len(name) for name in ("seen on", *domains, *services, *stores))
    for names in groups(tuple(every), min(head, width // 2), width):
        nodes = {name: every[name] for name in names}
        rows: list[Cells] = [
            *((Text(d), *(_probe(n["nginx"]["http"][d], "ok") for n in nodes.values())) for d in domains),
            *((Text(s), *(_service(n["services"].get(s)) for n in nodes.values())) for s in services),
            *((Text(store), *(_greeted(views["from"].get(n)) for n in nodes)) for store, views in stores.items()),
        ]
        yield _table(("seen on", *names), rows, width)


def _table(heads: Sequence[str], rows: Sequence[Cells], width: int) -> Table:
    """No column is lost at any width: a text that is too long for its column is cut."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    wanted = [max(cell_len(head), *(row[at].cell_len for row in rows)) for at, head in enumerate(heads)]
    for head, its_width in zip(heads, fitted(wanted, width), strict=True):
        table.add_column(Text(head), no_wrap=True, overflow="ellipsis", width=its_width)
    for row in rows:
        table.add_row(*row)
    return table


def _findings(document: Json) -> Iterator[Text]:
    """In the order of the document: a cause, then what it explains. Counted as the console counts them."""
    findings = document["findings"]
    for finding in findings:
        below = "└ " if finding.get("explained_by") else ""
        yield Text(
            f"{finding['severity'].upper():8} {below}{finding['title']}", SEVERITY_STYLES[finding["severity"]]
        )
        yield Text(f"         {'; '.join(finding['evidence'])}")
        yield Text(f"         next: {finding['next']}")
    loud = sum(finding["severity"] != Severity.INFO for finding in findings)
    count = f"live findings: {Tally(loud, len(findings) - loud)}" if findings else "no live findings"
    # A live look alone is no all-clear, and it says what would be one.
    yield Text(f"{count}; deep look: never (iamops triage)")


def _link(node: Json) -> Text:
    """A node that is not up has a finding with the reason; here the word is enough."""
    if node["link"] != "up":
        return Text(f"✗ {node['link']}", UNKNOWN)
    if node["age_s"] is None:
        return Text("? up, silent", UNKNOWN)
    return Text(f"✓ up {node['age_s']:.1f} s", GOOD)


def _vrrp(keepalived: Json) -> Text:
    if keepalived["state"] is None:
        return _known(None)
    return Text(keepalived["state"]).append(f" {keepalived['effective_priority'] or '?'}")


def _nginx(nginx: Json) -> Text:
    failing = any(probe["ok"] is False for probe in nginx["http"].values())
    if failing and nginx["active"] is not False:
        return Text("✗ failing", BAD)
    return _running(nginx["active"], "ok")


def _running(active: bool | None, yes: str) -> Text:
    if active is None:
        return _known(None)
    return Text(f"✓ {yes}", GOOD) if active else Text("✗ stopped", BAD)


def _service(service: Json | None) -> Text:
    if service is None:
        return Text("-")
    if service["active"] is False:
        return Text("✗ stopped", BAD)
    text = _probe(service, "healthy")
    blind = [peer for peer, ok in service["from_peers"].items() if ok is False]
    return text.append(f" (not from {', '.join(blind)})", BAD) if blind else text


def _probe(probe: Json, key: str) -> Text:
    if probe[key] is None:
        return Text("? unknown", UNKNOWN)
    if not probe[key]:
        return Text(f"✗ {probe['error']}", BAD)
    return Text(f"✓ {probe['latency_ms']:.1f} ms", GOOD)


def _greeted(outcome: str | None) -> Text:
    if outcome is None:
        return Text("? unknown", UNKNOWN)
    return Text("✓ ok", GOOD) if outcome == "ok" else Text(f"✗ {outcome}", BAD)


def _known(value: object, unit: str = "") -> Text:
    return Text("?", UNKNOWN) if value is None else Text(f"{value}{unit}")


def fitted(wanted: Sequence[int], room: int, gap: int = GAP) -> tuple[int, ...]:
    """Widths that fit into `room` with a gap behind each; the widest are cut first, none below LEAST.

    The first column names the rows: it is the last to be cut.
    """
    widths = list(wanted)
    over = sum(widths) + gap * len(widths) - room
    for columns, least in ((range(1, len(widths)), TIGHT), (range(len(widths)), LEAST)):
        while over > 0 and max((widths[at] for at in columns), default=0) > least:
            widest = max(columns, key=lambda at: widths[at])
            widths[widest] -= 1
            over -= 1
    return tuple(widths)


def groups(names: Sequence[str], head: int, room: int, gap: int = GAP) -> tuple[tuple[str, ...], ...]:
    """The names in as many groups as it takes to give each name NODE_LEAST beside a column of `head`."""
    size = max(1, (room - head - gap) // (NODE_LEAST + gap))
    return tuple(tuple(names[at : at + size]) for at in range(0, len(names), size))
