"""The document `iamops.traffic/1`. Whatever cannot be told is null, with the reason beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from iamops.accesslog.count import Columns, CountQuery
from iamops.accesslog.format import Field
from iamops.model.profile import Profile
from iamops.model.safe_text import safe
from iamops.model.timestamps import rfc3339
from iamops.model.traffic import OTHERS, Backend, Latency, NamedCount, NodeCount, Traffic, class_of, merged, rows
from iamops.plan.addresses import called

Json = dict[str, Any]
OTHERS_SHOWN = "(others)"
NAME_MAX = 200
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def traffic_document(
    profile: Profile,
    recipe: CountQuery,
    counted: Mapping[str, NodeCount],
    *,
    since: float | None,
    until: float,
    by: str | None,
    top: int,
) -> Json:
    """Everything as counted; `rows` only with `by`."""
    known = {name: merged(node.slots.values()) for name, node in counted.items() if not node.reason}
    whole = merged(known.values())
    span_s = until - since if since is not None else None
    document: Json = {
        "schema": "iamops.traffic/1",
        "profile": profile.name,
        "since": _time(since),
        "until": _time(until),
        "where": recipe.where.text,
        "nodes": {name: _node(recipe, node, known.get(name), span_s) for name, node in counted.items()},
        "cluster": _cluster(_numbers(recipe, whole, span_s), counted),
        **_backends(recipe, whole),
        **_services(recipe, profile, known),
    }
    if by is not None:
        document |= {"by": by, "rows": _rows(by, counted, known, whole, top)}
    return document


def _node(recipe: CountQuery, node: NodeCount, traffic: Traffic | None, span_s: float | None) -> Json:
    if traffic is None:
        return {"total": None, "total_unknown": node.reason}
    totals = node.totals
    read = {
        "unparsed": totals.unparsed,
        "probes": totals.probes,
        "left_out": totals.left_out,
        "times_lost": totals.lost,
    }
    return {**_numbers(recipe, traffic, span_s), **read}


def _cluster(numbers: Json, counted: Mapping[str, NodeCount]) -> Json:
    """Of all nodes. Where one was not counted the rest is no total: it is at least so much."""
    unread = [name for name, node in counted.items() if node.reason]
    if not unread:
        return numbers
    why = f"not counted: {', '.join(unread)}"
    at_least = {"total_at_least": numbers["total"]} if len(unread) < len(counted) else {}
    unknown = {"total": None, "total_unknown": why, "rate_per_s": None, "rate_per_s_unknown": why}
    return {**numbers, **unknown, **at_least}


def _numbers(recipe: CountQuery, traffic: Traffic, span_s: float | None) -> Json:
    numbers: Json = {
        "total": traffic.total,
        "by_status": dict(sorted(traffic.statuses.items())),
        "by_class": traffic.classes,
        "rate_per_s": None if span_s is None else round(traffic.total / max(1.0, span_s), 3),
    }
    if span_s is None:
        numbers["rate_per_s_unknown"] = "a rate needs --since"
    shaped = Columns.SHAPE in recipe.columns
    numbers |= _told(recipe, "bytes", Field.BYTES, shaped, lambda: traffic.sent)
    numbers |= _told(
        recipe,
        "by_method",
        Field.METHOD,
        shaped,
        lambda: {row.name: row.total for row in _shown(_by_method(traffic), in_order=True)},
    )
    numbers |= _told(
        recipe, "by_host", Field.HOST, shaped, lambda: {row.name: row.total for row in _shown(traffic.hosts)}
    )
    timed = Columns.TIMES in recipe.columns
    return numbers | _told(recipe, "latency_ms", Field.REQUEST_TIME, timed, lambda: _latency(traffic.latency))


def _backends(recipe: CountQuery, whole: Traffic) -> Json:
    requests = sum(backend.requests for backend in whole.backends.values())
    errors_told = recipe.form.has(Field.UPSTREAM_STATUS)

    def table() -> Json:
        return {
            OTHERS_SHOWN if name == OTHERS else safe(name, NAME_MAX): {
                "requests": backend.requests,
                "share": round(backend.requests / max(1, requests), 4),
                "errors": backend.errors if errors_told else None,
                "latency_ms": _latency(backend.latency),
            }
            for name, backend in sorted(whole.backends.items())
        }

    return _told(recipe, "backends", Field.UPSTREAM, Columns.SHAPE in recipe.columns, table)


def _services(recipe: CountQuery, profile: Profile, known: Mapping[str, Traffic]) -> Json:
    """As `backends`, but by whom each node's nginx means: 127.0.0.1 is another machine to each of them."""
    errors_told = recipe.form.has(Field.UPSTREAM_STATUS)

    def table() -> Json:
        sums: dict[str, Backend] = {}
        asked: dict[str, Counter[str]] = {}
        for nginx, traffic in known.items():
            for address, counted in traffic.backends.items():
                name = OTHERS_SHOWN if address == OTHERS else safe(called(profile, nginx, address), NAME_MAX)
                sums.setdefault(name, Backend()).add(counted)
                asked.setdefault(name, Counter())[nginx] += counted.requests
        requests = max(1, sum(each.requests for each in sums.values()))
        return {
            name: {
                "requests": each.requests,
                "share": round(each.requests / requests, 4),
                "errors": each.errors if errors_told else None,
                "latency_ms": _latency(each.latency),
                "nodes": {nginx: asked[name][nginx] for nginx in known},
            }
            for name, each in sorted(sums.items())
        }

    return _told(recipe, "services", Field.UPSTREAM, Columns.SHAPE in recipe.columns, table)


def _told(recipe: CountQuery, name: str, field: Field, counted: bool, value: Callable[[], Any]) -> Json:
    """A value, or null and why: the format does not tell it, or this table did not ask for it."""
    if not recipe.form.has(field):
        return {name: None, f"{name}_unknown": recipe.form.unavailable(field)}
    if not counted:
        return {name: None, f"{name}_unknown": "not counted for this table"}
    return {name: value()}


def _rows(
    by: str, counted: Mapping[str, NodeCount], known: Mapping[str, Traffic], whole: Traffic, top: int
) -> list[Json]:
    """The table: each name with its share, its 5xx, and its nodes. What is cut off is its last row."""
    tables = {name: _table(by, counted[name], traffic) for name, traffic in known.items()}
    sums: Counter[tuple[str, str]] = Counter()
    for table in tables.values():
        sums.update(table)
    every = _shown(sums, in_order=by == "minute")
    every = every[-top:] if by == "minute" else _cut(every, top)
    named = {row.name for row in every}
    by_node = {node: {row.name: row.total for row in _shown(table)} for node, table in tables.items()}
    requests = max(1, sum(table.total() for table in tables.values()))
    found = []
    for row in every:
        nodes = {node: numbers.get(row.name, 0) for node, numbers in by_node.items()}
        if row.name == OTHERS_SHOWN:
            nodes = {
                node: sum(n for name, n in numbers.items() if name not in named or name == OTHERS_SHOWN)
                for node, numbers in by_node.items()
            }
        found.append(
            {"key": row.name, "total": row.total, "share": round(row.total / requests, 4), "errors": row.errors}
            | {"nodes": nodes}
        )
    return found


def _table(by: str, node: NodeCount, traffic: Traffic) -> Counter[tuple[str, str]]:
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
            found: Counter[tuple[str, str]] = Counter()
            for name, backend in traffic.backends.items():
                found[(name, "")] += backend.requests - backend.errors
                found[(name, "5xx")] += backend.errors
            return found
        case "method":
            return _by_method(traffic)
        case _:
            return Counter({(name, class_of(name)): number for name, number in traffic.statuses.items()})


def _cut(every: tuple[NamedCount, ...], top: int) -> tuple[NamedCount, ...]:
    named = tuple(row for row in every if row.name != OTHERS_SHOWN)
    rest = (*named[top:], *(row for row in every if row.name == OTHERS_SHOWN))
    others = NamedCount(OTHERS_SHOWN, sum(row.total for row in rest), sum(row.errors for row in rest))
    return (*named[:top], others) if rest else named


def _shown(table: Mapping[tuple[str, str], int], *, in_order: bool = False) -> tuple[NamedCount, ...]:
    """Rows with names that are safe to show; different names may become one by that."""
    safe_table: Counter[tuple[str, str]] = Counter()
    for (name, kind), number in table.items():
        safe_table[(OTHERS_SHOWN if name == OTHERS else safe(name, NAME_MAX), kind)] += number
    found = rows(safe_table)
    return tuple(sorted(found, key=lambda row: row.name)) if in_order else found


def _by_method(traffic: Traffic) -> Counter[tuple[str, str]]:
    return Counter({(name, ""): number for name, number in traffic.methods.items()})


def _latency(latency: Latency) -> Json | None:
    """Quantiles in ms; null without an answer."""
    return {name: latency.quantile(share) for name, share in QUANTILES.items()} if latency.count else None


def _time(at: float | None) -> str | None:
    return None if at is None or at < 0 else rfc3339(at, "seconds")
