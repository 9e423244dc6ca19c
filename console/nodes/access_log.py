"""One node's access log during a session: its requests so far by class, and whoever wants to know more of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from console.model.facts import RequestCount
from console.nodes.log_lane import Count, LogLane
from console.parse.log_counts import FULL, TAB, Counts, Recipe, Want
from console.parse.log_format import named_format
from console.parse.log_words import Grain

HISTORY_S = 3600.0


class AccessLog:
    """Counts what the log of now holds, and from then on everything that is written, over every rotation.

    `more` is given everything that a line tells, of the last hour and from then on. Raises FormatError.
    """

    def __init__(
        self, log: str, form: str, more: Count | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._more = more
        self._classes: Counter[str] = Counter()
        self._probes = self._unparsed = 0
        recipe = Recipe(named_format(form), Want.NOTHING)
        if more is None:
            self.lane = LogLane(log, recipe, self._add)
        else:
            full = Recipe(recipe.form, FULL, grain=Grain.TEN_SECONDS)
            self.lane = LogLane(
                log, full, self._tell, base=self._add, older=more, history_s=HISTORY_S, clock=clock
            )

    @property
    def count(self) -> RequestCount:
        """Requests so far."""
        return RequestCount(
            self._classes.total(), dict(sorted(self._classes.items())), self._probes, self._unparsed
        )

    def _tell(self, counts: Counts, recipe: Recipe) -> None:
        assert self._more is not None  # noqa: S101 - only given to the lane where somebody listens
        self._add(counts, recipe)
        self._more(counts, recipe)

    def _add(self, counts: Counts, recipe: Recipe) -> None:
        for key, number in counts.shapes.items():
            self._classes[f"{key.split(TAB, 2)[1][:1]}xx"] += number
        self._probes += counts.probes
        self._unparsed += counts.unparsed
