"""Log formats with lines, and what is right to count: `tests/fixtures/specimens/formats/*.yaml`.

An entry has `format` (a profile's `logs.format`) and either `refused`, a part of what is said of it, or `lines`
and `expect`: totals by name, where what is not named is not asked. `backend`: requests/errors/answer times.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from iamops.accesslog.aggregate import tallied
from iamops.accesslog.count import CountQuery, Counts
from iamops.accesslog.values import NO_TIME

ROOT = Path(__file__).parents[1] / "fixtures" / "specimens" / "formats"


def format_specimens() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(ROOT.glob("*.yaml")):
        found |= yaml.safe_load(path.read_text())
    return found


def totals(query: CountQuery, counts: Counts) -> dict[str, Any]:
    """Of all slots together, in the words of `expect`."""
    tables = {name: Counter[str]() for name in ("status", "method", "host", "client", "path")}
    backends: dict[str, list[int]] = {}
    other = Counter(bytes=0, latencies=0, no_time=0, unparsed=counts.unparsed)
    for slot, part in tallied(counts, query).items():
        tables["status"].update(part.statuses)
        tables["method"].update(part.methods)
        for name, table in (("host", part.hosts), ("client", part.clients), ("path", part.paths)):
            for (value, _), number in table.items():
                tables[name][value] += number
        for name, seen in part.backends.items():
            asked = backends.setdefault(name, [0, 0, 0])
            for at, number in enumerate((seen.requests, seen.errors, seen.latency.count)):
                asked[at] += number
        other["bytes"] += part.sent
        other["latencies"] += part.latency.count
        other["no_time"] += part.total if slot == NO_TIME else 0
    shown = {name: "/".join(map(str, numbers)) for name, numbers in backends.items()}
    return {**tables, "backend": shown, **other}


def expected(entry: dict[str, Any]) -> dict[str, Any]:
    """YAML reads 200 as a number."""
    stated = entry["expect"].items()
    return {
        name: {str(key): each for key, each in told.items()} if isinstance(told, dict) else told
        for name, told in stated
    }
