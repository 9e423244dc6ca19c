"""The gap that a client measured against the one that a plan forecast. Pure."""

from __future__ import annotations

from console.model.gap import GapReport
from console.plan.action import ALLOWANCE_S
from console.plan.steps import Forecast


def beyond(gap: GapReport, forecast: Forecast) -> str | None:
    """What was lost beyond the forecast, as a sentence; None where it held, or where nothing was forecast.

    Many short gaps are as bad as a long one: their sum is what counts.
    """
    if forecast.gap_s is None or gap.total_ms is None:
        return None
    allowed_ms = (forecast.gap_s + ALLOWANCE_S) * 1000 + (gap.resolution_ms or 0.0)
    if gap.total_ms <= allowed_ms:
        return None
    kinds = ((gap.refused, "refused"), (gap.dark, "unanswered"), (gap.wrong, "answered wrongly"))
    told = ", ".join(f"{count} {word}" for count, word in kinds if count)
    forecast_ms = forecast.gap_s * 1000
    return f"a client got no good answer for {gap.total_ms:.0f} ms ({told}); the forecast was {forecast_ms:.0f} ms"
