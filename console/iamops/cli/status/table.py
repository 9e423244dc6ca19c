"""The status document as tables for a person. Reads only the document: what JSON says is what is shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from iamops.cli.printing import CleanConsole, fitted, groups
from iamops.judge.triage.events import Tally
from iamops.model.facts import Severity

_STYLES = {"ok": "green", "bad": "bold red", "unknown": "yellow"}
_SEVERITY = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
Json = Mapping[str, Any]
Row = tuple[Text, ...]


def print_table(document: Json) -> None:
    """Prints to stdout. Remote text goes through Text objects only, so no markup in it is read."""
    console = CleanConsole(sys.stdout)
    tables = (_nodes(document, console.width), *_services(document, console.width))
    console.print(Group(_headline(document), *tables, *_findings(document)))


def _headline(document: Json) -> Text:
    vip = document["vip"]
    owners = vip["owners"]
    who = "UNKNOWN" if owners is None else " + ".join(owners) or "NOBODY"
    style = "ok" if owners and len(owners) == 1 else "unknown" if owners is None else "bad"
    line = Text(f"{document['profile']} ({document['environment']})  VIP {vip['address']} -> ")
    line.append(who, _STYLES[style])
    if owners and len(owners) > 1:
        line.append("  SPLIT BRAIN", _STYLES["bad"])
    return line.append("  client: ").append(*_client(vip["client"]))


def _client(client: Json) -> tuple[str, str]:
    if client["ok"] is None:
        return f"? {client['ok_unknown']}", _STYLES["unknown"]
    if not client["ok"]:
        return f"✗ {client['error']}", _STYLES["bad"]
    where = f" from {client['node']}" if client["node"] else ""
    return f"✓ {client['latency_ms']:.1f} ms{where}", _STYLES["ok"]


def _nodes(document: Json, width: int) -> Table:
    rows: list[Row] = []
    for name, node in document["nodes"].items():
        keepalived, host = node["keepalived"], node["host"]
        rows.append(
            (
                Text(name, "bold"),
                _link(node),
                _vrrp(keepalived),
                _held(keepalived["addresses"]),
                _flag(keepalived["active"], "active", "stopped"),
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
        rows: list[Row] = [
            *((Text(d), *(_probe(n["nginx"]["http"][d], "ok") for n in nodes.values())) for d in domains),
            *((Text(s), *(_service(n["services"].get(s)) for n in nodes.values())) for s in services),
            *((Text(store), *(_word(views["from"].get(n)) for n in nodes)) for store, views in stores.items()),
        ]
        yield _table(("seen on", *names), rows, width)


def _table(heads: Sequence[str], rows: Sequence[Row], width: int) -> Table:
    """No column is lost at any width: a text that is too long for its column is cut."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    wanted = [max(cell_len(head), *(row[at].cell_len for row in rows)) for at, head in enumerate(heads)]
    for head, its_width in zip(heads, fitted(wanted, width), strict=True):
        table.add_column(Text(head), no_wrap=True, overflow="ellipsis", width=its_width)
    for row in rows:
        table.add_row(*row)
    return table


def _findings(document: Json) -> Iterator[Text]:
    """In the order of the document: a cause, then what it explains."""
    for finding in document["findings"]:
        style = _SEVERITY[finding["severity"]]
        below = "└ " if finding.get("explained_by") else ""
        yield Text(f"{finding['severity'].upper():8} {below}{finding['title']}", style)
        yield Text(f"         {'; '.join(finding['evidence'])}")
        yield Text(f"         next: {finding['next']}")
    yield _count(document["findings"])


def _count(findings: Sequence[Json]) -> Text:
    """As the console counts them; a live look alone is no all-clear, and it says what would be one."""
    loud = sum(finding["severity"] != Severity.INFO for finding in findings)
    said = f"live findings: {Tally(loud, len(findings) - loud)}" if findings else "no live findings"
    return Text(f"{said}; deep look: never (iamops triage)")


def _link(node: Json) -> Text:
    """A node that is not up has a finding with the reason; here the word is enough."""
    if node["link"] == "up" and node["age_s"] is None:
        return Text("? up, silent", _STYLES["unknown"])
    if node["link"] == "up":
        return Text(f"✓ up {node['age_s']:.1f} s", _STYLES["ok"])
    return Text(f"✗ {node['link']}", _STYLES["unknown"])


def _vrrp(keepalived: Json) -> Text:
    if keepalived["state"] is None:
        return _known(None)
    return Text(keepalived["state"]).append(f" {keepalived['effective_priority'] or '?'}")


def _nginx(nginx: Json) -> Text:
    if nginx["active"] is False:
        return Text("✗ stopped", _STYLES["bad"])
    answers = [probe["ok"] for probe in nginx["http"].values()]
    if False in answers:
        return Text("✗ failing", _STYLES["bad"])
    return _flag(nginx["active"], "ok", "stopped")


def _service(service: Json | None) -> Text:
    if service is None:
        return Text("-")
    if service["active"] is False:
        return Text("✗ stopped", _STYLES["bad"])
    text = _probe(service, "healthy")
    blind = [peer for peer, ok in service["from_peers"].items() if ok is False]
    return text.append(f" (not from {', '.join(blind)})", _STYLES["bad"]) if blind else text


def _probe(probe: Json, key: str) -> Text:
    if probe[key] is None:
        return Text("? unknown", _STYLES["unknown"])
    if not probe[key]:
        return Text(f"✗ {probe['error']}", _STYLES["bad"])
    return Text(f"✓ {probe['latency_ms']:.1f} ms", _STYLES["ok"])


def _word(word: str | None) -> Text:
    if word is None:
        return Text("? unknown", _STYLES["unknown"])
    return Text("✓ ok", _STYLES["ok"]) if word == "ok" else Text(f"✗ {word}", _STYLES["bad"])


def _held(addresses: list[str] | None) -> Text:
    return _known(None) if addresses is None else Text("◆ VIP" if addresses else "-", "bold")


def _flag(value: bool | None, yes: str, no: str) -> Text:
    if value is None:
        return _known(None)
    return Text(f"✓ {yes}", _STYLES["ok"]) if value else Text(f"✗ {no}", _STYLES["bad"])


def _known(value: object, unit: str = "") -> Text:
    return Text("?", _STYLES["unknown"]) if value is None else Text(f"{value}{unit}")
