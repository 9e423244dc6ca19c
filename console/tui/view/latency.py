"""How long a client waited for its answers, as bars over time; where a request failed stands a cross. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from console.model.gap import Fate, Sample, Samples
from console.tui.view.amounts import latency
from console.tui.view.fit import apart
from console.tui.view.tone import Line, Span, Tone, joined

EIGHTHS = " ▁▂▃▄▅▆▇█"
FAILED = "✗"
COLUMNS_MIN = 20


def latency_lines(samples: Samples, began: float, until: float, width: int, height: int) -> tuple[Line, ...]:
    """`height` rows of bars from `began` to `until` and a scale below; nothing where nobody asked yet.

    Both in session time. A column shows the slowest answer of its span, or that one of its requests failed.
    """
    if not samples.row:
        return ()
    columns = max(COLUMNS_MIN, width)
    span_s = max(until - began, 1.0)
    worst = _worst(samples, began, span_s, columns)
    top_ms = _round_up(max((s.latency_ms or 0.0 for s in worst.values() if s.fate is Fate.GOOD), default=0.0))
    rows = (joined(_piece(worst.get(n), top_ms, row, height) for n in range(columns)) for row in range(height))
    top = f"top {latency(top_ms)} · {latency(span_s / columns * 1000)} a column · "
    scale = (Span(f"0 s · {top}", Tone.MUTED), Span(f"{FAILED} failed", Tone.DOWN))
    return (*rows, apart(scale, (Span(f"{span_s:.1f} s", Tone.MUTED),), columns))


def _worst(samples: Samples, began: float, span_s: float, columns: int) -> Mapping[int, Sample]:
    found: dict[int, Sample] = {}
    first = began - samples.ahead_s
    for sample in samples.row:
        column = min(int((sample.at - first) / span_s * columns), columns - 1)
        if column < 0:
            continue
        if column not in found or _badness(sample) > _badness(found[column]):
            found[column] = sample
    return found


def _badness(sample: Sample) -> float:
    return float("inf") if sample.fate is not Fate.GOOD else sample.latency_ms or 0.0


def _round_up(top_ms: float) -> float:
    """1, 2 or 5 times a power of ten, at least 1 ms."""
    power = 1.0
    while power * 10 < top_ms:
        power *= 10
    return next(step * power for step in (1, 2, 5, 10) if step * power >= top_ms)


def _piece(sample: Sample | None, top_ms: float, row: int, height: int) -> tuple[str, Tone]:
    """One cell of a bar; row 0 is the uppermost."""
    if sample is None:
        return " ", Tone.PLAIN
    if sample.fate is not Fate.GOOD:
        return FAILED, Tone.DOWN
    eighths = max(1, round((sample.latency_ms or 0.0) / top_ms * height * 8))
    return EIGHTHS[min(8, max(0, eighths - (height - 1 - row) * 8))], Tone.GRAPH
