"""What a failing check does to a node: FAULT with weight 0, another priority with any other. Pure.

Which of several checks asks nginx is not known: what nginx's end does is known only where all would do the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from iamops.model.foreign import whole
from iamops.model.running import LiveCheck, LiveVrrp
from iamops.model.state import ClusterState
from iamops.model.text import being
from iamops.plan.observation import Observation
from iamops.plan.vrrp_timing import HIGHEST_PRIORITY, reports_checks, vrrp_on

Checks = tuple[LiveCheck, ...]


def why_no_fault(node: str, live: LiveVrrp) -> str | None:
    """Why a failing check may not put the node in FAULT; None: each would, or keepalived tells none."""
    if live.checks is None:
        return None
    if not live.checks:
        return f"keepalived on {node} tracks no check for {live.instance}"
    weighted = tuple(check for check in live.checks if check.weight)
    return _weights_text(node, live.checks, weighted) if weighted else None


def why_it_stays(owner: str, own: LiveVrrp, taker: str, other: LiveVrrp) -> str | None:
    """Why the VIP would stay with an owner whose checks fail; None: it may go, or nobody can tell."""
    if own.checks is None or other.checks is None:
        return None
    if not own.checks:
        return why_no_fault(owner, own)
    stays = _leaving(own, other) == own.checks and _stays(own, own.checks, other)
    return _why(owner, own, taker, other, own.checks) if stays else None


def why_it_may_stay(owner: str, own: LiveVrrp, taker: str, other: LiveVrrp) -> str | None:
    """Why nobody can tell whether it would go: some of several checks would leave it; None: see `why_it_stays`."""
    if not own.checks or other.checks is None:
        return None
    leaving = _leaving(own, other)
    if not leaving or (leaving == own.checks and _stays(own, own.checks, other)):
        return None
    return _why(owner, own, taker, other, *((check,) for check in leaving))


class Staying(NamedTuple):
    """Why a VIP stays with an owner that answers nobody. `known` False: it may."""

    reason: str
    known: bool


def of_leaving(state: ClusterState, instance: str, owner: str, taker: str) -> Staying | None:
    """What speaks against a VIP leaving an owner without nginx; None: it goes, or no check is known."""
    if not reports_checks(state, owner, instance):
        return None
    vip = f"VIP {state.profile.vrrp[instance].address}"
    own, other = (vrrp_on(state, node, instance) for node in (owner, taker))
    why = why_it_stays(owner, own, taker, other)
    if why and not (own.checks and other.assumed):
        return Staying(f"{vip} would stay on {owner}, where nobody answers: {why}", known=True)
    if why := why or why_it_may_stay(owner, own, taker, other):
        reason = f"whether {vip} would leave {owner}, where nobody answers, is not known: {why}"
        return Staying(reason, known=False)
    return None


def _leaving(own: LiveVrrp, other: LiveVrrp) -> Checks:
    """The checks that, failing alone, would leave the VIP where it is."""
    return tuple(check for check in own.known_checks if _stays(own, (check,), other))


def _stays(own: LiveVrrp, failing: Checks, other: LiveVrrp) -> bool:
    if any(check.weight == 0 for check in failing):
        return False
    return bool(other.nopreempt) or _priority(own, failing) >= _priority(other, ())


def _why(owner: str, own: LiveVrrp, taker: str, other: LiveVrrp, *failing: Checks) -> str:
    """Each of `failing` leaves the VIP there; named is the priority that is the closest to going."""
    named = tuple(dict.fromkeys(check for checks in failing for check in checks))
    head = _weights_text(owner, own.known_checks, named)
    if other.nopreempt:
        return f"{head}; with nopreempt {taker} does not take the VIP from a living owner"
    left, well = min(_priority(own, checks) for checks in failing), _priority(other, ())
    return f"{head}; at priority {left} {owner} is still not below the {well} of {taker}"


def _weights_text(node: str, checks: Checks, weighted: Checks) -> str:
    named = " and ".join(f"{check.name} has weight {check.weight}" for check in weighted)
    if len(weighted) == len(checks):
        return f"{named} on {node}: it changes the priority there, and nothing makes it a FAULT"
    which = " and ".join(check.name for check in checks)
    return f"which of {which} on {node} asks nginx is not known, and {named}, which only changes the priority"


def _priority(live: LiveVrrp, failing: Checks) -> int:
    """A negative weight counts while the check fails, a positive one while it succeeds; 1 to 254 in all."""
    counted = sum(check.weight for check in live.known_checks if (check.weight < 0) is (check in failing))
    return min(HIGHEST_PRIORITY, max(1, live.priority + counted))


@dataclass(frozen=True, slots=True)
class CheckPasses:
    """The check that keepalived runs on the node says yes. `argv` is the known script, which changes nothing."""

    node: str
    argv: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return f"keepalived's check passes on {self.node}"

    def judge_output(self, exit_status: int | None, text: str, elapsed_s: float) -> Observation:
        if exit_status == 0:
            return Observation.of(True, self.sentence)
        ended = "was ended by a signal" if exit_status is None else f"says no (exit {exit_status})"
        return Observation.of(False, f"keepalived's check on {self.node} {ended}")


# With the look again at its health behind it, what answers is asked to stay up for a second.
ANSWERING_S = 0.9
LEAST_S = 1.0
MOST_S = 10.0

# $1 the unit, $2 seconds: the unit, and the unit again after that time. What is not up need not be waited for.
_TWICE = (
    'show() { systemctl show --property=ActiveState,SubState,MainPID,NRestarts -- "$1" || exit 1; }; '
    'first=$(show "$1") || exit 1; printf "%s\\n\\n" "$first"; '
    'case "$first" in *ActiveState=active*|*ActiveState=reloading*) sleep "$2" ;; esac; show "$1"'
)


@dataclass(frozen=True, slots=True)
class StaysUp:
    """The unit runs, and still does after `lasts_s`, under the same main process and with as many restarts."""

    node: str
    unit: str
    lasts_s: float

    @property
    def sentence(self) -> str:
        return f"{self.unit} on {self.node} stays up for {self.lasts_s:g} s"

    @property
    def argv(self) -> tuple[str, ...]:
        return ("sh", "-c", _TWICE, "stays", f"{self.unit}.service", f"{self.lasts_s:g}")

    def judge_output(self, exit_status: int | None, text: str, elapsed_s: float) -> Observation:
        what, shown = f"{self.unit} on {self.node}", text.strip().split("\n\n")
        looks = [dict(line.partition("=")[::2] for line in part.splitlines()) for part in shown]
        if exit_status != 0 or len(looks) != 2 or not all("ActiveState" in look for look in looks):
            return Observation.unknown(f"systemd on {self.node} did not tell about {self.unit}")
        for look in looks:
            active, sub = look["ActiveState"], look.get("SubState", "")
            if active not in ("active", "reloading"):
                return Observation.of(False, f"{what} {being(active)}" + (f" ({sub})" if sub != active else ""))
        first, then = looks
        if any(first.get(key) != then.get(key) for key in ("MainPID", "NRestarts")):
            died = f"process {first.get('MainPID')}, then {then.get('MainPID')}"
            return Observation.of(False, f"{what} does not stay up: {died}")
        return Observation.of(True, f"{what} stays up")


def lasts_s(restart_delay_s: float | None, *, answers: bool) -> float:
    """How long a unit must stay up. What cannot answer is given the time after which systemd starts it anew.

    `restart_delay_s` None: it does not, so a crash is seen at once.
    """
    if answers:
        return ANSWERING_S
    return LEAST_S if restart_delay_s is None else min(MOST_S, max(LEAST_S, restart_delay_s))


ROOM_ARGV = ("df", "--output=avail,iavail", "/run")


def no_room(node: str, text: str) -> str:
    """Why no timer can be made there; empty: there is room, or df did not tell."""
    left = [whole(word) for word in text.splitlines()[-1].split()] if text.strip() else []
    if 0 not in left:
        return ""
    what = "is full" if left[0] == 0 else "has no room for another file"
    return f"/run on {node} {what}, and systemd keeps the timers of undos there (du -x /run)"
