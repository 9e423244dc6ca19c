"""What of all that happened is the doing of a run of iamops, by what runs left in the nodes' journals. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from console.judge.rules.looked import ours
from console.model.look import JournalLook, OwnRun
from console.model.state import NodeState

# No run takes longer from its beginning to its last stop of a unit; of one that ended it is known when.
OWN_WITHIN_S = 180.0
# What it moved or stopped shows a moment after its end.
SETTLES_S = 5.0
_BEGINS = " begins "


def own_run(look: JournalLook, at: float) -> OwnRun | None:
    """The run that was under way at a time of the node's clock."""
    for place, run in reversed(tuple(enumerate(look.runs))):
        if _BEGINS in run.text and run.at <= at:
            return run if at <= _until(run, look.runs[place + 1 :]) else None
    return None


def anyones_run(looks: Iterable[tuple[NodeState, JournalLook]], at: float) -> OwnRun | None:
    """The same by all nodes' journals: not every node is told of a run. `at` is a time of our clock."""
    found = (own_run(look, at + (at - ours(node, at))) for node, look in looks)
    return next((run for run in found if run is not None), None)


def own_words(run: OwnRun) -> str:
    """`switchover by colin from ops-1`."""
    return run.text.replace(_BEGINS, " ", 1)


def _until(run: OwnRun, later: Iterable[OwnRun]) -> float:
    ended = next((each.at + SETTLES_S for each in later if _BEGINS not in each.text), run.at + OWN_WITHIN_S)
    return min(ended, run.at + OWN_WITHIN_S)
