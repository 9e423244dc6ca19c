"""The document `iamops.traffic/1`, and its exit code. What cannot be told is null, with the reason beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from iamops.accesslog.count import Columns, CountQuery
from iamops.accesslog.format import LogField
from iamops.model.exit_code import ExitCode
from iamops.model.profile import Profile
from iamops.model.text import safe
from iamops.model.timestamps import rfc3339
from iamops.model.traffic import (
    OTHERS,
    Backend,
    Latency,
    NamedCount,
    NodeCount,
    Traffic,
    class_of,
    merged,
    named_counts,
)
from iamops.plan.addresses import backend_label
from iamops.report.text import Json

Table = Counter[tuple[str, str]]
"""(name, class of its status) -> requests"""
OTHERS_SHOWN = "(others)"
NAME_MAX = 200
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def exit_code(document: Json) -> ExitCode:
    """A node's log could not be read; the others are shown all the same."""
    unread = any(node["total"] is None for node in document["nodes"].values())
    return ExitCode.UNREACHABLE if unread else ExitCode.OK


def traffic_document(
    profile: Profile,
    query: CountQuery,
    counted: Mapping[str, NodeCount],
    *,
    since: float | None,
    until: float,
    by: str | None,
    top: int,
) -> Json:
    """Everything as counted; `rows` only with `by`."""
    known = {name: merged(node.slots.values()) for name, node in counted.items() if not node.reason}
    everything = merged(known.values())
    span_s = until - since if since is not None else None
    cluster = _numbers(query, everything, span_s)
    unread = [name for name, node in counted.items() if node.reason]
    if unread:
        # The rest is no total: the cluster's is at least so much.
        at_least = {"total_at_least": cluster["total"]} if len(unread) < len(counted) else {}
        why = f"not counted: {', '.join(unread)}"
        cluster |= {"total": None, "total_unknown": why, "rate_per_s": None, "rate_per_s_unknown": why, **at_least}
    by_address: dict[str, Backend] = {}
    for address, backend in sorted(everything.backends.items()):
        # Two that look the same when they are made safe to show are counted together.
        shown = OTHERS_SHOWN if address == OTHERS else safe(address, NAME_MAX)
        by_address.setdefault(shown, Backend()).add(backend)
    shaped = Columns.SHAPE in query.columns
    document: Json = {
        "schema": "iamops.traffic/1",
        "profile": profile.name,
        "since": _time(since),
        "until": _time(until),
        "where": query.where.text,
        "nodes": {name: _node(query, node, known.get(name), span_s) for name, node in counted.items()},
        "cluster": cluster,
        **_value(query, "backends", LogField.UPSTREAM, shaped, lambda: _shares(query, by_address)),
        **_value(query, "services", LogField.UPSTREAM, shaped, lambda: _services(query, profile, known)),
    }
    if by is not None:
        document |= {"by": by, "rows": _rows(by, counted, known, top)}
    return document


def _node(query: CountQuery, node: NodeCount, traffic: Traffic | None, span_s: float | None) -> Json:
    if traffic is None:
        return {"total": None, "total_unknown": node.reason}
    return {
        **_numbers(query, traffic, span_s),
        "unparsed": node.totals.unparsed,
        "probes": node.totals.probes,
        "left_out": node.totals.left_out,
        "times_lost": node.totals.lost,
    }


def _numbers(query: CountQuery, traffic: Traffic, span_s: float | None) -> Json:
    shaped, timed = Columns.SHAPE in query.columns, Columns.TIMES in query.columns

    def by_method() -> Json:
        return {row.name: row.total for row in sorted(_shown(_methods(traffic)), key=lambda row: row.name)}

    def by_host() -> Json:
        return {row.name: row.total for row in _shown(traffic.hosts)}

    return {
        "total": traffic.total,
        "by_status": dict(sorted(traffic.statuses.items())),
        "by_class": traffic.classes,
        "rate_per_s": None if span_s is None else round(traffic.total / max(1.0, span_s), 3),
        **({"rate_per_s_unknown": "a rate needs --since"} if span_s is None else {}),
        **_value(query, "bytes", LogField.BYTES, shaped, lambda: traffic.sent),
        **_value(query, "by_method", LogField.METHOD, shaped, by_method),
        **_value(query, "by_host", LogField.HOST, shaped, by_host),
        **_value(query, "latency_ms", LogField.REQUEST_TIME, timed, lambda: _latency(traffic.latency)),
    }


def _value(query: CountQuery, name: str, field: LogField, counted: bool, value: Callable[[], object]) -> Json:
    """A value, or null and why: the format does not tell it, or this table did not ask for it."""
    if not query.log_format.has(field):
        return {name: None, f"{name}_unknown": query.log_format.unavailable(field)}
    if not counted:
        return {name: None, f"{name}_unknown": "not counted for this table"}
    return {name: value()}


def _latency(latency: Latency) -> Json | None:
    """Quantiles in ms; null without an answer."""
    return {name: latency.quantile(share) for name, share in QUANTILES.items()} if latency.count else None


def _shares(query: CountQuery, backends: Mapping[str, Backend]) -> Json:
    requests = max(1, sum(backend.requests for backend in backends.values()))
    errors_known = query.log_format.has(LogField.UPSTREAM_STATUS)
    return {
        name: {
            "requests": backend.requests,
            "share": round(backend.requests / requests, 4),
            "errors": backend.errors if errors_known else None,
            "latency_ms": _latency(backend.latency),
        }
        for name, backend in backends.items()
    }


def _services(query: CountQuery, profile: Profile, known: Mapping[str, Traffic]) -> Json:
    """As `backends`, but by whom each node's nginx means: 127.0.0.1 is another machine to each of them."""
    sums: dict[str, Backend] = {}
    asked: dict[str, Counter[str]] = {}
    for nginx, traffic in known.items():
        for address, counted in traffic.backends.items():
            name = OTHERS_SHOWN if address == OTHERS else safe(backend_label(profile, nginx, address), NAME_MAX)
            sums.setdefault(name, Backend()).add(counted)
            asked.setdefault(name, Counter())[nginx] += counted.requests
    document = _shares(query, dict(sorted(sums.items())))
    for name, service in document.items():
        service["nodes"] = {nginx: asked[name][nginx] for nginx in known}
    return document


def _rows(by: str, counted: Mapping[str, NodeCount], known: Mapping[str, Traffic], top: int) -> list[Json]:
    """The table: each name with its share, its 5xx, and its nodes. What is cut off is its last row."""
    tables = {name: _table(by, counted[name], traffic) for name, traffic in known.items()}
    sums: Table = Counter()
    for table in tables.values():
        sums.update(table)
    found = _shown(sums)
    if by == "minute":
        found = sorted(found, key=lambda row: row.name)[-top:]
    else:
        named = [row for row in found if row.name != OTHERS_SHOWN]
        rest = named[top:] + [row for row in found if row.name == OTHERS_SHOWN]
        others = NamedCount(OTHERS_SHOWN, sum(row.total for row in rest), sum(row.errors for row in rest))
        found = [*named[:top], *([others] if rest else [])]
    shown = {row.name for row in found} - {OTHERS_SHOWN}
    by_node = {node: {row.name: row.total for row in _shown(table)} for node, table in tables.items()}
    requests = max(1, sum(table.total() for table in tables.values()))
    document = []
    for row in found:
        nodes = {node: numbers.get(row.name, 0) for node, numbers in by_node.items()}
        if row.name == OTHERS_SHOWN:
            nodes = {
                node: sum(number for name, number in numbers.items() if name not in shown)
                for node, numbers in by_node.items()
            }
        share = round(row.total / requests, 4)
        document.append(
            {"key": row.name, "total": row.total, "share": share, "errors": row.errors, "nodes": nodes}
        )
    return document


def _table(by: str, node: NodeCount, traffic: Traffic) -> Table:
    match by:
        case "path":
            return traffic.paths
        case "client":
            return traffic.clients
        case "host":
            return traffic.hosts
        case "minute":
            return Counter(
                {
                    (_time(at) or "no time", class_of(status)): number
                    for at, slot in node.slots.items()
                    for status, number in slot.statuses.items()
                }
            )
        case "backend":
            found: Table = Counter()
            for name, backend in traffic.backends.items():
                found[(name, "")] += backend.requests - backend.errors
                found[(name, "5xx")] += backend.errors
            return found
        case "method":
            return _methods(traffic)
    return Counter({(name, class_of(name)): number for name, number in traffic.statuses.items()})


def _methods(traffic: Traffic) -> Table:
    return Counter({(name, ""): number for name, number in traffic.methods.items()})


def _shown(table: Mapping[tuple[str, str], int]) -> list[NamedCount]:
    """Rows with names that are safe to show; different names may become one by that."""
    safe_table: Table = Counter()
    for (name, kind), number in table.items():
        safe_table[(OTHERS_SHOWN if name == OTHERS else safe(name, NAME_MAX), kind)] += number
    return list(named_counts(safe_table))


def _time(at: float | None) -> str | None:
    return None if at is None or at < 0 else rfc3339(at, "seconds")
