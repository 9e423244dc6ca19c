"""Figures of a bench: percentiles, and rows of a table with goal and alternative."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `held` is None where there is no goal to hold."""

    what: str
    ours: str
    goal: str
    against: str
    held: bool | None


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank: with 50 values the 99th percentile is the largest of them."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float], unit: str) -> str:
    """Median, 99th percentile and maximum in one cell."""
    median, p99 = percentile(values, 0.5), percentile(values, 0.99)
    return f"median {median:.1f} {unit}, p99 {p99:.1f} {unit} (n={len(values)})"


def table(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = ["| what | ours | goal | against | held |", "|---|---|---|---|---|"]
    words = {True: "yes", False: "**no**", None: "-"}
    lines += [f"| {r.what} | {r.ours} | {r.goal} | {r.against} | {words[r.held]} |" for r in rows]
    return "\n".join(lines)
