"""From event to pixel: marks what the news touches, and paints the view in sight when a frame is due."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from console.judge.diagnosis import Diagnosis
from console.judge.findings import Finding
from console.model.events import Event
from console.tui.cluster import Cluster
from console.tui.frames import Frames
from console.tui.judging import Judging
from console.tui.pause import Pause
from console.tui.view.dirty import ALL, Part, touched, urgent
from console.tui.view.moment import Moment, Stance
from console.tui.views import Views

HEADER = frozenset({Part.HEADER})
FINDING = frozenset({Part.FINDING})


class Host(Protocol):
    """What is needed of the console."""

    @property
    def is_running(self) -> bool: ...

    @property
    def stance(self) -> Stance: ...

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Calls from inside the app's own message pump."""
        ...


class Painting:
    """Only marks are made at once. `judged(findings, now)` hears what the rules answered on the way."""

    def __init__(
        self,
        host: Host,
        cluster: Cluster,
        views: Views,
        judged: Callable[[tuple[Finding, ...], float], None],
    ) -> None:
        self._host, self._views = host, views
        self._frames = Frames(self._paint, host.later)
        self._judging = Judging(
            cluster, judged, lambda: self._mark_routine(Part.FINDING), lambda: host.stance.running
        )
        self._pause = Pause(cluster, self._judging)

    def moment(self) -> Moment:
        """What a view is to show now, whatever its filter lets pass."""
        return self._pause.moment(self._views.needle, self._host.stance)

    def pause(self) -> None:
        """Holds the picture, or lets go of the one that is held."""
        self._pause.toggle()
        self.everything()

    # --- marks ---

    def everything(self) -> None:
        self._frames.mark(ALL, urgent=True)

    def header(self) -> None:
        """The stance is another: it is shown even beside a held picture."""
        self._frames.mark(HEADER, urgent=True)

    def heard(self, event: Event) -> None:
        """The store has taken in an event. Beside a held picture only the header goes on, and the judging."""
        parts = touched(event) & HEADER if self._pause.on else touched(event)
        if parts:
            self._frames.mark(parts, urgent=urgent(event))
        self._mark_routine(Part.FINDING)

    def looked(self, diagnosis: Diagnosis) -> None:
        """A deep look is over: what it found stands in every view."""
        self._judging.looked(diagnosis)
        self._frames.mark(HEADER | {Part.FINDING}, urgent=True)

    @property
    def looked_deep(self) -> bool:
        return self._judging.look is not None

    def stir(self, part: Part) -> None:
        """A part has news that did not come through the store."""
        if not self._pause.on:
            self._mark_routine(part)

    def _mark_routine(self, part: Part) -> None:
        self._frames.mark(frozenset({part}), urgent=False)

    # --- a frame ---

    def _paint(self, parts: frozenset[Part]) -> None:
        if not self._host.is_running:
            return
        if Part.FINDING in parts and self._judging.ask():
            parts |= HEADER
        elif parts == FINDING:
            return  # the rules were asked, and nothing is another; ages are painted as time goes on
        self._views.in_sight.paint(self.moment(), parts)
