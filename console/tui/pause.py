"""What there is to paint: the present, or the picture at which the operator paused."""

from __future__ import annotations

from dataclasses import replace

from console.tui.cluster import Cluster
from console.tui.judging import Judging
from console.tui.view.moment import Moment, Stance


class Pause:
    """Makes the moments that views paint. Filter, stance and what the header shows are never held back."""

    def __init__(self, cluster: Cluster, judging: Judging) -> None:
        self._cluster, self._judging = cluster, judging
        self._held: Moment | None = None

    @property
    def on(self) -> bool:
        return self._held is not None

    def toggle(self) -> None:
        self._held = self._present() if self._held is None else None

    def moment(self, needle: str, stance: Stance) -> Moment:
        present = replace(self._present(), needle=needle, stance=stance)
        if self._held is None:
            return present
        paused_s = present.now - self._held.now
        return replace(self._held, needle=needle, paused_s=paused_s, stance=stance, present=present)

    def _present(self) -> Moment:
        judging = self._judging
        return Moment(
            self._cluster.store.state,
            self._cluster.now(),
            judging.findings,
            look=judging.look,
            deep=judging.deep,
        )
