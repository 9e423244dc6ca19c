"""What single destinations have missed: a finding that is still so, the end of one that they heard of. Pure.

A destination may have been added, corrected, gone for a while, or down for so long that messages were given up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from console.judge import alerts_words as words
from console.judge.alerts import still_so
from console.judge.alerts_heard import FLAPPING, Heard
from console.judge.alerts_message import Message
from console.judge.alerts_state import Alerts, Sight
from console.model.facts import RANK, Severity

Knowledge = Mapping[str, Mapping[str, Heard]]
"""Destination -> finding's key -> how it is known there."""


def missed(
    alerts: Alerts, now: float, sight: Sight, knows: Knowledge, *, looked_s: float
) -> Iterator[tuple[str, Message]]:
    """Who must be told what. `looked_s`: for how long this watch has been looking at the findings.

    An end is told only after so long that a finding would have been seen again, and not while nobody can tell.
    """
    if alerts.hush is not None:
        return
    so = still_so(alerts, now, sight.during)
    names = {case.name for case in alerts.cases.values()}
    for destination, known in knows.items():
        yield from ((destination, said) for key, said in so.items() if _is_news(said, known.get(key)))
        if looked_s < alerts.policy.patience.gone_s:
            continue
        for key, heard in known.items():
            if key not in names and not _unclear(heard, sight):
                yield destination, _end(alerts, now, key, heard)


def _is_news(said: Message, heard: Heard | None) -> bool:
    """Not heard of, or as less severe than it is. Of what flaps, everybody hears when it is calm."""
    if heard is None or heard.state == FLAPPING:
        return heard is None
    return RANK[said.severity] < RANK[Severity(heard.state)]


def _unclear(heard: Heard, sight: Sight) -> bool:
    unseen = heard.node in sight.unseen if heard.node is not None else bool(sight.unseen)
    return unseen or any(each.code == heard.code and each.node in (None, heard.node) for each in sight.blind)


def _end(alerts: Alerts, now: float, key: str, heard: Heard) -> Message:
    return words.missed_end(alerts.profile, now, heard.title, heard.node, heard.code, key)
