"""Carries out `iamops traffic`: connects, counts on every node at once, and prints."""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from iamops.accesslog.count import Columns, CountQuery
from iamops.accesslog.filter import Where, WhereError, where
from iamops.accesslog.format import LogField, LogFormat, named_format
from iamops.cli.output import CliError, columns, print_lines
from iamops.model.profile import Profile
from iamops.model.text import one_line
from iamops.nodes.transport import TransportError
from iamops.report.text import Json, json_text
from iamops.report.traffic import OTHERS_SHOWN, exit_code, traffic_document
from iamops.session.connections import connection_attempts
from iamops.session.traffic import count_traffic, nginx_answers

# What each table needs beside the status and the time (counting less is quicker), and what the format must have.
TABLES: Mapping[str | None, tuple[Columns, LogField | None]] = {
    None: (Columns.TIME | Columns.SHAPE | Columns.TIMES, None),
    "status": (Columns.TIME, None),
    "minute": (Columns.TIME, LogField.TIME),
    "path": (Columns.TIME | Columns.PATHS, LogField.PATH),
    "client": (Columns.TIME | Columns.CLIENTS, LogField.CLIENT),
    "host": (Columns.TIME | Columns.SHAPE, LogField.HOST),
    "method": (Columns.TIME | Columns.SHAPE, LogField.METHOD),
    "backend": (Columns.TIME | Columns.SHAPE | Columns.TIMES, LogField.UPSTREAM),
}
CLASSES = ("2xx", "3xx", "4xx", "5xx")
QUANTILES = ("p50", "p90", "p99")
KEY_MAX = 60
# A spreadsheet takes a cell that begins so for a formula, some after spaces too, or in their wide forms.
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")


def show_traffic(profile: Profile, args: argparse.Namespace) -> int:
    log_format = named_format(profile.logs.format)
    wanted, _ = TABLES[args.by]
    if args.since is None and args.by != "minute":
        # No time is asked for: names are counted over the whole file, and far fewer are cut off the tables.
        wanted &= ~Columns.TIME
    try:
        expression = where(args.where)
        _check(profile, log_format, expression, args.by, args.since)
    except WhereError as error:
        raise CliError(str(error)) from None
    return asyncio.run(_show(profile, CountQuery(log_format, wanted, expression), args))


def _check(profile: Profile, form: LogFormat, expression: Where, by: str | None, since: float | None) -> None:
    """What the format cannot tell cannot be asked for. Raises WhereError."""
    for field in sorted(expression.fields):
        if not form.has(field):
            raise WhereError(f"--where: {form.unavailable(field)}")
    _, needed = TABLES[by]
    if needed is not None and not form.has(needed):
        raise WhereError(f"--by {by}: {form.unavailable(needed)}")
    if since is not None and form.time_format is None:
        raise WhereError(f"--since: {form.unavailable(LogField.TIME)}; `--since all` counts the log's file of now")
    if not any(expression.allows_node(name) for name in profile.nodes):
        raise WhereError(f"--where {expression.text!r}: no such node; nodes: {', '.join(profile.nodes)}")


async def _show(profile: Profile, query: CountQuery, args: argparse.Namespace) -> int:
    async with connection_attempts(profile) as made:
        failures = [link for link in made.values() if isinstance(link, TransportError)]
        if len(failures) == len(made):
            raise failures[0]
        until = time.time()
        counted = await count_traffic(profile.logs.access, query, args.since, made, nginx_answers(profile))
    document = traffic_document(profile, query, counted, since=args.since, until=until, by=args.by, top=args.top)
    if args.json:
        print(json_text(document))
    elif args.csv:
        print(csv_text(document))
    else:
        print_lines(traffic_lines(document, args.top))
    for name, node in counted.items():
        if node.reason:
            print(f"iamops: {name} is not counted: {node.reason}", file=sys.stderr)
    return exit_code(document)


def csv_text(document: Json) -> str:
    """One line per row and node of the table; without one, per node and status."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if "rows" in document:
        writer.writerow((document["by"], "node", "requests"))
        for row in document["rows"]:
            writer.writerows((_cell(row["key"]), _cell(node), number) for node, number in row["nodes"].items())
    else:
        writer.writerow(("status", "node", "requests"))
        for name, node in document["nodes"].items():
            counts = node.get("by_status") or {}
            writer.writerows((_cell(status), _cell(name), number) for status, number in counts.items())
    return out.getvalue().rstrip("\n")


def _cell(text: str) -> str:
    """Text to a spreadsheet, whatever it begins with; tabs and carriage returns are no text."""
    text = one_line(text)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def traffic_lines(document: Json, top: int = 20) -> Iterator[str]:
    """The overview, or the table that was asked for; of backends `top` rows, named as the profile calls them."""
    since = document["since"] or "the beginning of the log"
    where = f", where {document['where']}" if document["where"] else ""
    yield f"requests since {since}{where}"
    yield from columns(_node_rows(document), right=True)
    yield from _notes(document)
    if "rows" in document:
        yield ""
        yield from columns(_table_rows(document, top), right=True)
    elif document.get("services") is None:
        yield f"backends: {document['services_unknown']}"
    elif document["services"]:
        yield ""
        yield from columns(_service_rows(document["services"]), right=True)


def _node_rows(document: Json) -> Iterator[Sequence[str]]:
    yield ("NODE", "REQUESTS", "/S", *CLASSES, "499", "BYTES", *QUANTILES)
    for name, node in (*document["nodes"].items(), ("all", document["cluster"])):
        if node["total"] is None and "total_at_least" not in node:
            yield (name, "?")
            continue
        yield (
            name,
            f"≥ {node['total_at_least']}" if node["total"] is None else str(node["total"]),
            "?" if node["rate_per_s"] is None else f"{node['rate_per_s']:.1f}",
            *(str(node["by_class"].get(status, 0)) for status in CLASSES),
            str(node["by_status"].get("499", 0)),
            _known(node["bytes"]),
            *_quantiles(node),
        )


def _notes(document: Json) -> Iterator[str]:
    """What the columns do not say: what is unknown and why, who is a probe, and which lines are not counted."""
    for name, node in document["nodes"].items():
        if node["total"] is None:
            yield f"{name}: not counted: {node['total_unknown']}"
            continue
        notes: list[str] = []
        if node["unparsed"]:
            other = "nginx writes another format than logs.format says; see iamops config diff"
            hint = "" if node["total"] >= node["unparsed"] else f": {other}"
            notes.append(f"{node['unparsed']} lines are not in the log's format{hint}")
        if node["probes"]:
            notes.append(f"{node['probes']} requests say that they are health checks of iamops")
        if node["times_lost"]:
            notes.append(f"lines were gone before they could be read, {node['times_lost']} times")
        if notes:
            yield f"{name}: {'; '.join(notes)}"
    numbers = document["cluster"]
    reasons = {numbers[key] for key in ("bytes_unknown", "latency_ms_unknown") if key in numbers}
    yield from (f"?: {reason}" for reason in sorted(reasons))


def _service_rows(services: Json) -> Iterator[Sequence[str]]:
    yield ("BACKEND", "REQUESTS", "SHARE", "ERRORS", *QUANTILES)
    for name, backend in services.items():
        share = f"{backend['share']:.1%}"
        yield (name, str(backend["requests"]), share, _known(backend["errors"]), *_quantiles(backend))


def _known(number: int | None) -> str:
    return "?" if number is None else str(number)


def _quantiles(counted: Json) -> Iterator[str]:
    latency = counted["latency_ms"] or {}
    return (f"{latency[quantile]:.0f} ms" if quantile in latency else "?" for quantile in QUANTILES)


def _table_rows(document: Json, top: int) -> Iterator[Sequence[str]]:
    by = document["by"]
    nodes = [name for name, node in document["nodes"].items() if node["total"] is not None]
    yield (by.upper(), "REQUESTS", "SHARE", "5XX", *nodes)
    for row in document["rows"] if by != "backend" else _by_service(document["services"], nodes, top):
        key = row["key"] if len(row["key"]) <= KEY_MAX else row["key"][: KEY_MAX - 1] + "…"
        errors = "?" if by in ("client", "method") else _known(row["errors"])
        numbers = (str(row["nodes"][name]) for name in nodes)
        yield (key or '""', str(row["total"]), f"{row['share']:.1%}", errors, *numbers)


def _by_service(services: Json, nodes: Sequence[str], top: int) -> Iterator[Json]:
    """As the document's `rows`, but for what each node's nginx means by an address; what is cut off comes last."""
    every = sorted(services.items(), key=lambda item: (item[0] == OTHERS_SHOWN, -item[1]["requests"], item[0]))
    shown, rest = every[:top], [row for _, row in every[top:]]
    for name, row in shown:
        yield {"key": name, "total": row["requests"], "share": row["share"], **row}
    if rest:
        yield {
            "key": OTHERS_SHOWN,
            "total": sum(row["requests"] for row in rest),
            "share": sum(row["share"] for row in rest),
            "errors": None if rest[0]["errors"] is None else sum(row["errors"] for row in rest),
            "nodes": {node: sum(row["nodes"][node] for row in rest) for node in nodes},
        }
