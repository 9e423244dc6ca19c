"""Two MASTERs of one VRRP instance at once, by the journals of their keepalived: begin and end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from console.model.contest import HANDOVER_S
from console.model.facts import VrrpState
from console.model.profile import Profile
from console.model.timeline import Happening, HappeningKind
from console.parse.journal import JournalRecord, transition
from console.parse.unit_story import boot_took, unit_change
from console.parse.words import words

SOURCE = "keepalived's journals"
# A daemon that is stopped lets go at once, and systemd says so when it has ended.
ENDS_WITHIN_S = 5.0
NAME_LIMIT = 60


@dataclass(frozen=True, slots=True)
class Turn:
    """A node became MASTER of an instance, or ceased to be. `instance` is empty where the whole daemon ended;
    `unclear`: the machine was off before, and nobody wrote down when it ceased.
    """

    at: float
    node: str
    instance: str
    master: bool
    unclear: bool = False


def turns(records: Iterable[JournalRecord], profile: Profile, node: str, ahead_s: float) -> Iterator[Turn]:
    """What one node's journal tells. `ahead_s`: how far its clock is ahead of ours."""
    for record in records:
        at, own = record.at - ahead_s, record.unit == profile.keepalived.unit
        entered = transition(record.message) if own and not record.by_systemd else None
        if entered is not None:
            yield Turn(at, node, words(entered[0], NAME_LIMIT), entered[1] is VrrpState.MASTER)
        elif own and record.by_systemd and unit_change(record.message) not in (None, "reloaded"):
            yield Turn(at, node, "", master=False)
        elif boot_took(record.message) is not None:
            yield Turn(at, node, "", master=False, unclear=True)


def splits(found: Iterable[Turn], profile: Profile, now: float) -> Iterator[Happening]:
    """The times of two MASTERs that were longer than a handover."""
    masters: dict[str, dict[str, float]] = {}
    for turn in sorted(found, key=lambda each: each.at):
        names = [turn.instance] if turn.instance else list(masters)
        for name in names:
            holders = masters.setdefault(name, {})
            if turn.master:
                holders.setdefault(turn.node, turn.at)
            elif turn.node in holders:
                short = not turn.instance and turn.at - max(holders.values()) < ENDS_WITHIN_S
                if len(holders) > 1 and not turn.unclear and not short:
                    yield from _told(profile, name, holders, turn.at, left=turn.node)
                del holders[turn.node]
    for name, holders in masters.items():
        if len(holders) > 1:
            yield from _told(profile, name, holders, now)


def _told(
    profile: Profile, name: str, holders: dict[str, float], until: float, *, left: str = ""
) -> Iterator[Happening]:
    """`left`: who ceased to be MASTER at `until`; nobody where it still is so."""
    begin = max(holders.values())
    lasted_s = until - begin
    if lasted_s < HANDOVER_S:
        return
    vrrp = profile.vrrp.get(name)
    what = f"{name}, VIP {vrrp.address}" if vrrp is not None else name
    nodes = " and ".join(sorted(holders))
    yield Happening(begin, HappeningKind.VIP, f"SPLIT BRAIN: {nodes} are both MASTER of {what}", SOURCE)
    if left:
        rest = " and ".join(sorted(each for each in holders if each != left))
        over = f"split brain ended: only {rest} is MASTER of {what}, lasted {lasted_s:.0f} s"
        yield Happening(until, HappeningKind.VIP, over, SOURCE)
