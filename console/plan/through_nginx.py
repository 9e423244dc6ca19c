"""What requests through an nginx tell of its backends: does another one serve, was one taken back? Pure.

Who answered is known from the access log, and proves something only where nginx names a backend of the profile.
Where it does not, or each worker counts for itself, nginx's own time is waited out with good answers: what it had
given up before, it asks again by then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from console.model.proxy import FAIL_TIMEOUT_S
from console.plan.reading import Reading, Verdict

# Where nobody is ever given up and the log names nobody, good answers count after nginx's default time.
UNTOLD_S = FAIL_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Through:
    """What came of requests through one nginx. `backends` None: its access log does not tell, for this reason.

    `failed_ago_s`: how long ago a request through it last failed, in this look or an earlier one.
    """

    sent: int
    failed: int
    complaint: str
    backends: Mapping[str, int] | None
    untold: str = ""
    failed_ago_s: float | None = None

    @classmethod
    def of(cls, text: str) -> Through:
        """Of the hands' answer, as JSON."""
        said = json.loads(text)
        ago_s = said.get("failed_ago_s")
        return cls(said["sent"], said["failed"], said["complaint"], said["backends"], said["untold"], ago_s)

    def by(self, names: tuple[str, ...]) -> list[str]:
        """Those of the names that are known to have answered."""
        return [] if self.backends is None else sorted(self.backends.keys() & set(names))

    @property
    def trouble(self) -> str:
        return f"{self.failed} of {self.sent} requests failed: {self.complaint}"

    def good_for_s(self, elapsed_s: float) -> float:
        """For how long every answer was good, as far as this look goes back."""
        return elapsed_s if self.failed_ago_s is None else min(elapsed_s, self.failed_ago_s)


@dataclass(frozen=True, slots=True)
class ThroughNginx:
    """One nginx, a backend by the names it may have there, and the other backends by theirs.

    `settles_s`: by when every worker asks again whom it had given up. `shared`: all workers know the same. `even`:
    whoever can be asked is asked within a few requests, so that who did not answer is not asked. `listed`: its
    files name another backend that takes requests. `awaited`: a look before this one has waited.
    """

    node: str
    service: str
    names: tuple[str, ...]
    others: tuple[str, ...]
    settles_s: float
    shared: bool = False
    even: bool = True
    listed: bool = True
    awaited: bool = False

    @property
    def waits_s(self) -> float:
        """For how long good answers are waited for at most."""
        return self._waits_s(seen=False)

    def _waits_s(self, *, seen: bool) -> float:
        """`seen`: the log names who is looked for. Good answers of no time at all would prove nothing."""
        return self.settles_s if seen or self.settles_s or self.awaited else UNTOLD_S

    def judge_output(self, exit_status: int | None, text: str, elapsed_s: float) -> Reading:
        if exit_status != 0:
            return Reading(Verdict.UNKNOWN, f"nginx on {self.node} could not be asked for {self.service}")
        return self._judge(Through.of(text), elapsed_s)

    def _judge(self, seen: Through, elapsed_s: float) -> Reading:
        raise NotImplementedError

    def _untold(self, seen: Through) -> str:
        """Why the answers do not tell whether a backend is asked; nothing where they do."""
        if seen.backends is None:
            return f"which backend answered is not known: {seen.untold}"
        if strange := sorted(seen.backends.keys() - set(self.names) - set(self.others)):
            return f"its access log names {', '.join(strange)}, which is no backend that the profile knows"
        if not seen.backends:
            return "which backend answered is not known: its access log names none"
        return "" if self.even else "it does not spread requests evenly"


@dataclass(frozen=True, slots=True)
class OthersServe(ThroughNginx):
    """nginx on the node is answered by another backend of the service than the one of these names."""

    @property
    def sentence(self) -> str:
        return f"nginx on {self.node} is answered by another backend of {self.service} than {self.names[-1]}"

    def _judge(self, seen: Through, elapsed_s: float) -> Reading:
        others, untold = seen.by(self.others), self._untold(seen)
        told = f"is answered by {', '.join(others)}"
        if others and self.shared:
            return Reading(Verdict.HOLDS, f"nginx on {self.node} {told}")
        if seen.failed:
            return Reading(Verdict.NOT_YET, f"nginx on {self.node}: {seen.trouble}")
        if not others and not untold:
            alone = f"is answered for {self.service} only by {self.names[-1]}"
            return Reading(Verdict.NOT_YET, f"nginx on {self.node} {alone}")
        if not others and not self.listed:
            told = f"its files name no other backend of {self.service} that is known, and {untold}"
            return Reading(Verdict.NOT_YET, f"nginx on {self.node}: {told}")
        why = "each of its workers counts for itself" if others else untold
        waits_s = self._waits_s(seen=bool(others))
        left_s = waits_s - seen.good_for_s(elapsed_s)
        if left_s > 0:
            waits = f"may have given another backend up: good answers are waited for, {left_s:.0f} s more"
            return Reading(Verdict.NOT_YET, f"nginx on {self.node} {waits} ({why})")
        well = told if others else f"{_answered_well(waits_s)} ({why})"
        return Reading(Verdict.HOLDS, f"nginx on {self.node} {well}")


@dataclass(frozen=True, slots=True)
class TakenBack(ThroughNginx):
    """nginx on the node gets answers from this backend, and no request through it fails."""

    @property
    def sentence(self) -> str:
        return f"nginx on {self.node} sends requests to {self.names[-1]} for {self.service}"

    def _judge(self, seen: Through, elapsed_s: float) -> Reading:
        own, untold = seen.by(self.names), self._untold(seen)
        if seen.failed:
            return Reading(Verdict.NOT_YET, f"nginx on {self.node}: {seen.trouble}")
        if not (own and self.shared):
            why = "each of its workers counts for itself" if own else untold
            left_s = self._waits_s(seen=bool(own)) - seen.good_for_s(elapsed_s)
            if left_s > 0:
                waits = f"may still have given {self.names[-1]} up for {left_s:.0f} s"
                return Reading(Verdict.NOT_YET, f"nginx on {self.node} {waits}{f' ({why})' if why else ''}")
        if own:
            return Reading(Verdict.HOLDS, f"nginx on {self.node} sends requests to {own[0]}")
        if untold:
            well = _answered_well(self._waits_s(seen=False))
            return Reading(Verdict.HOLDS, f"nginx on {self.node} {well} ({untold})")
        return Reading(Verdict.NOT_YET, f"nginx on {self.node} sends nothing to {self.names[-1]} yet")


def _answered_well(waited_s: float) -> str:
    return f"answered well for {waited_s:g} s" if waited_s else "has answered well since it was waited for"
