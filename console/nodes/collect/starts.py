"""Units that do not start: how often they tried, and their own line about why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from console.model.events import Event, UnitReported
from console.nodes.transport import CommandFailed
from console.nodes.watch import Watch
from console.plan.own_words import TIMEOUT_S, OwnWords, Told

# A unit that fails is asked again no sooner: it says the same at each start.
AGAIN_S = 10.0
STANDS_S = 60.0
LOOKED_BACK_S = 600.0
NOTHING = Told("", "", complains=False)


async def tell(watch: Watch, events: Sequence[Event]) -> None:
    """Emits them, those of units that do not start with what is known of why; and then asks for what is not."""
    failing: list[UnitReported] = []
    for event in events:
        if not isinstance(event, UnitReported):
            watch.emit(event)
            continue
        if event.report.failing:
            failing.append(event)
        watch.emit(_explained(watch, event))
    for event in failing:
        asked = watch.starts.get(event.unit)
        if asked is None or watch.clock() - asked[0] >= AGAIN_S:
            watch.starts[event.unit] = (watch.clock(), await _asked(watch, event.unit))
            watch.emit(_explained(watch, event))


def _explained(watch: Watch, event: UnitReported) -> UnitReported:
    """Between two starts it runs for a moment: what it said before still stands, for a while."""
    at, told = watch.starts.get(event.unit, (float("-inf"), NOTHING))
    if not event.report.failing or watch.clock() - at > STANDS_S:
        return event
    return replace(event, report=replace(event.report, exits=told.story, reason=told.line))


async def _asked(watch: Watch, unit: str) -> Told:
    services = watch.profile.services.values()
    log = next((service.log_path for service in services if service.unit == unit), "")
    words = OwnWords(watch.node, unit, LOOKED_BACK_S, log, standing=True)
    try:
        result = await watch.transport.run(words.argv, timeout_s=TIMEOUT_S)
    except CommandFailed:
        return NOTHING
    return words.told(result.stdout.decode("utf-8", "replace"))
