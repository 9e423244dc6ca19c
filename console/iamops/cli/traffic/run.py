"""Carries out `iamops traffic`: connects, counts on every node at once, and prints."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from iamops.accesslog.count import Columns, CountQuery
from iamops.accesslog.filter import Where, WhereError, where
from iamops.accesslog.format import Field, LogFormat, named_format
from iamops.cli.output import print_lines
from iamops.model.exit_code import ExitCode
from iamops.model.profile import Profile
from iamops.model.safe_text import one_line
from iamops.nodes.transport import TransportError
from iamops.report.text import json_text
from iamops.report.traffic import OTHERS_SHOWN, traffic_document
from iamops.session.connections import attempts
from iamops.session.traffic_count import count_traffic, nginx_answers

# `iamops traffic` for people, and as comma-separated values.

Json = Mapping[str, Any]
CLASSES = ("2xx", "3xx", "4xx", "5xx")
KEY_MAX = 60
TOP = 20
# A spreadsheet takes a cell that begins so for a formula, some after spaces too, or in their wide forms.
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")


def traffic_lines(document: Json, top: int = TOP) -> Iterator[str]:
    """The overview, or the table that was asked for; of backends `top` rows, named as the profile calls them."""
    since = document["since"] or "the beginning of the log"
    where = f", where {document['where']}" if document["where"] else ""
    yield f"requests since {since}{where}"
    yield from _columns(_node_rows(document))
    yield from _notes(document)
    if "rows" in document:
        yield ""
        yield from _columns(_table_rows(document, top))
    elif document.get("services") is None:
        yield f"backends: {document['services_unknown']}"
    elif document["services"]:
        yield ""
        yield from _columns(_service_rows(document["services"]))


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
    """Nothing but text, whatever it begins with: tabs and carriage returns are none."""
    text = one_line(text)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def _node_rows(document: Json) -> Iterator[Sequence[str]]:
    yield ("NODE", "REQUESTS", "/S", *CLASSES, "499", "BYTES", "p50", "p90", "p99")
    parts = [*document["nodes"].items(), ("all", document["cluster"])]
    for name, node in parts:
        if node["total"] is None and "total_at_least" not in node:
            yield (name, "?")
            continue
        classes = node["by_class"]
        latency = node["latency_ms"] or {}
        yield (
            name,
            f"≥ {node['total_at_least']}" if node["total"] is None else str(node["total"]),
            "?" if node["rate_per_s"] is None else f"{node['rate_per_s']:.1f}",
            *(str(classes.get(each, 0)) for each in CLASSES),
            str(node["by_status"].get("499", 0)),
            "?" if node["bytes"] is None else str(node["bytes"]),
            *(f"{latency[each]:.0f} ms" if each in latency else "?" for each in ("p50", "p90", "p99")),
        )


def _notes(document: Json) -> Iterator[str]:
    """What the columns do not say: what is unknown and why, who is a probe, and which lines are not counted."""
    for name, node in document["nodes"].items():
        if node["total"] is None:
            yield f"{name}: not counted: {node['total_unknown']}"
            continue
        said = [
            _unparsed(node["unparsed"], node["total"]) if node["unparsed"] else "",
            f"{node['probes']} requests say that they are health checks of iamops" if node["probes"] else "",
            f"lines were gone before they could be read, {node['times_lost']} times" if node["times_lost"] else "",
        ]
        if any(said):
            yield f"{name}: {'; '.join(text for text in said if text)}"
    numbers = document["cluster"]
    reasons = {numbers[key] for key in ("bytes_unknown", "latency_ms_unknown") if key in numbers}
    yield from (f"?: {reason}" for reason in sorted(reasons))


def _unparsed(number: int, parsed: int) -> str:
    hint = (
        "" if parsed >= number else ": nginx writes another format than logs.format says; see iamops config diff"
    )
    return f"{number} lines are not in the log's format{hint}"


def _service_rows(services: Json) -> Iterator[Sequence[str]]:
    yield ("BACKEND", "REQUESTS", "SHARE", "ERRORS", "p50", "p90", "p99")
    for name, backend in services.items():
        latency = backend["latency_ms"] or {}
        errors = "?" if backend["errors"] is None else str(backend["errors"])
        quantiles = (f"{latency[each]:.0f} ms" if each in latency else "?" for each in ("p50", "p90", "p99"))
        yield (name, str(backend["requests"]), f"{backend['share']:.1%}", errors, *quantiles)


def _table_rows(document: Json, top: int) -> Iterator[Sequence[str]]:
    nodes = [name for name, node in document["nodes"].items() if node["total"] is not None]
    yield (document["by"].upper(), "REQUESTS", "SHARE", "5XX", *nodes)
    for row in document["rows"] if document["by"] != "backend" else _by_service(document["services"], nodes, top):
        key = row["key"] if len(row["key"]) <= KEY_MAX else row["key"][: KEY_MAX - 1] + "…"
        yield (
            key or '""',
            str(row["total"]),
            f"{row['share']:.1%}",
            "?" if row["errors"] is None or document["by"] in ("client", "method") else str(row["errors"]),
            *(str(row["nodes"][name]) for name in nodes),
        )


def _by_service(services: Json, nodes: Sequence[str], top: int) -> Iterator[Json]:
    """Rows as `rows` has them, but for what each node's nginx means by an address; what is cut off comes last."""
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


def _columns(lines: Iterator[Sequence[str]]) -> Iterator[str]:
    """The first column to the left, the others to the right."""
    table = list(lines)
    widths = [max(len(line[at]) for line in table if at < len(line)) for at in range(max(map(len, table)))]
    for line in table:
        first, *others = (
            text.ljust(width) if at == 0 else text.rjust(width)
            for at, (text, width) in enumerate(zip(line, widths, strict=False))
        )
        yield "  ".join((first, *others)).rstrip()


# What each table needs beside the status and the time: counting less is quicker.
WANTS = {
    None: Columns.TIME | Columns.SHAPE | Columns.TIMES,
    "status": Columns.TIME,
    "minute": Columns.TIME,
    "path": Columns.TIME | Columns.PATHS,
    "client": Columns.TIME | Columns.CLIENTS,
    "host": Columns.TIME | Columns.SHAPE,
    "method": Columns.TIME | Columns.SHAPE,
    "backend": Columns.TIME | Columns.SHAPE | Columns.TIMES,
}
NEEDS = {
    "minute": Field.TIME,
    "path": Field.PATH,
    "client": Field.CLIENT,
    "host": Field.HOST,
    "method": Field.METHOD,
    "backend": Field.UPSTREAM,
}


def show_traffic(
    profile: Profile, *, since: float | None, by: str | None, where_text: str, top: int, form: str
) -> int:
    """Counts, prints, and returns the exit code."""
    log_form = named_format(profile.logs.format)
    try:
        expression = where(where_text)
        _check(log_form, expression, by, since)
        _check_nodes(profile, expression)
    except WhereError as error:
        print(f"iamops: {error}", file=sys.stderr)
        return ExitCode.USAGE
    recipe = CountQuery(log_form, _want(by, since), expression)
    return asyncio.run(_show(profile, recipe, since, by, top, form))


async def _show(
    profile: Profile, recipe: CountQuery, since: float | None, by: str | None, top: int, form: str
) -> int:
    async with attempts(profile) as made:
        failures = [each for each in made.values() if isinstance(each, TransportError)]
        if len(failures) == len(made):
            raise failures[0]
        until = time.time()
        counted = await count_traffic(profile.logs.access, recipe, since, made, nginx_answers(profile))
    document = traffic_document(profile, recipe, counted, since=since, until=until, by=by, top=top)
    if form == "json":
        print(json_text(document))
    elif form == "csv":
        print(csv_text(document))
    else:
        print_lines(traffic_lines(document, top))
    unread = {name: node.reason for name, node in counted.items() if node.reason}
    for name, reason in unread.items():
        print(f"iamops: {name} is not counted: {reason}", file=sys.stderr)
    return ExitCode.UNREACHABLE if unread else ExitCode.OK


def _want(by: str | None, since: float | None) -> Columns:
    """Where no time is asked for, names are counted over the whole file: then far fewer are cut off the tables."""
    return WANTS[by] if since is not None or by == "minute" else WANTS[by] & ~Columns.TIME


def _check(form: LogFormat, expression: Where, by: str | None, since: float | None) -> None:
    """What the format cannot tell cannot be asked for."""
    for field in sorted(expression.fields):
        if not form.has(field):
            raise WhereError(f"--where: {form.unavailable(field)}")
    needed = NEEDS.get(by or "")
    if needed is not None and not form.has(needed):
        raise WhereError(f"--by {by}: {form.unavailable(needed)}")
    if since is not None and form.clock is None:
        raise WhereError(f"--since: {form.unavailable(Field.TIME)}; `--since all` counts the log's file of now")


def _check_nodes(profile: Profile, expression: Where) -> None:
    if not any(expression.allows_node(name) for name in profile.nodes):
        raise WhereError(f"--where {expression.text!r}: no such node; nodes: {', '.join(profile.nodes)}")
