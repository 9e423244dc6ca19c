"""What journals and the ledger remember, as lines of the event list: each move of a VIP with what led to it. Pure.

Only kinds and names are compared, never words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from console.model.facts import Severity, VrrpState
from console.model.profile import Profile
from console.model.state import Notice
from console.model.timeline import Happening, HappeningKind

# The event list has room for some 200 lines: units that restart for ever must not take that of moves.
KEPT = 60
UNITS_KEPT = 40
# What led to a move lies so close before it; clocks that are compared differ by less than SLACK_S.
LEADS_S = 60.0
SLACK_S = 2.0
LOUD = frozenset({VrrpState.FAULT, VrrpState.STOP})


def recalled(happenings: Iterable[Happening], profile: Profile) -> tuple[Notice, ...]:
    """Oldest first."""
    every = sorted(happenings, key=lambda each: each.at)
    units = [each for each in every if each.kind is HappeningKind.UNIT][-UNITS_KEPT:]
    others = [each for each in every if each.kind is not HappeningKind.UNIT][-KEPT:]
    moves = {id(came): (left, cause) for came, left, cause in _moves(every, profile)}
    kept = sorted((*units, *others), key=lambda each: each.at)
    return tuple(_notice(each, profile, moves.get(id(each))) for each in kept)


def _moves(every: Sequence[Happening], profile: Profile) -> Iterator[tuple[Happening, str, Happening | None]]:
    """(who came to hold a VIP, who held it before, what led to it). An owner that let go of nothing was not moved
    from: that is two owners, or a journal that ends.
    """
    for instance in profile.vrrp:
        last: Happening | None = None
        for came in every:
            if came.kind is not HappeningKind.VIP or came.subject != instance or came.word != VrrpState.MASTER:
                continue
            if last is not None and last.node != came.node and _let_go(every, last, came, profile):
                yield came, last.node or "", _led(every, last.node, came, profile)
            last = came


def _let_go(every: Sequence[Happening], last: Happening, came: Happening, profile: Profile) -> bool:
    """Its keepalived left MASTER or ended before the other one came; or the machine was off, and booted since."""
    for each in every:
        if each.node != last.node or each.at <= last.at:
            continue
        if each.kind is HappeningKind.BOOT:
            return True
        gone = each.kind is HappeningKind.VIP and each.subject == last.subject and each.word != VrrpState.MASTER
        ended = each.kind is HappeningKind.UNIT and each.subject == profile.keepalived.unit and each.bad
        if (gone or ended) and each.at <= came.at + SLACK_S:
            return True
    return False


def _led(every: Sequence[Happening], left: str | None, came: Happening, profile: Profile) -> Happening | None:
    """An action of ours before what fell over, and that before what came back and took its VIP.

    The units on which a VIP depends before all others: what else stopped in that minute may be none of it.
    """
    near = [each for each in every if came.at - LEADS_S <= each.at <= came.at + SLACK_S and each is not came]
    carrying = {profile.keepalived.unit, profile.nginx.unit}
    units = [each for each in near if each.kind is HappeningKind.UNIT]
    fell = [each for each in units if each.node == left and each.bad]
    rose = [each for each in units if each.node == came.node and not each.bad]
    choices = (
        [each for each in near if each.kind is HappeningKind.ACTION],
        [each for each in fell if each.subject in carrying],
        [each for each in near if each.kind is HappeningKind.CHECK and each.node == left and each.bad],
        [each for each in near if each.kind is HappeningKind.BOOT and each.node == came.node],
        [each for each in rose if each.subject in carrying],
        [each for each in near if each.kind is HappeningKind.CHECK and each.node == came.node and not each.bad],
        fell,
        rose,
    )
    return next((found[0] for found in choices if found), None)


def _notice(each: Happening, profile: Profile, move: tuple[str, Happening | None] | None) -> Notice:
    severity = Severity.WARNING if each.bad or each.word in LOUD else Severity.INFO
    at_node = f"{each.node}: " if each.node else ""
    notice = Notice(each.at, each.node, severity, f"{at_node}{each.text}", each.source)
    if move is None:
        return notice
    left, cause = move
    vip = profile.vrrp[each.subject].address
    why = f" after {_named(cause)}" if cause is not None else ""
    return replace(notice, severity=Severity.WARNING, text=f"VIP {vip} moved {left} -> {each.node}{why}")


def _named(cause: Happening) -> str:
    return f"{cause.node}: {cause.text}" if cause.node else cause.text
