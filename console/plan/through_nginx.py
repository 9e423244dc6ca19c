"""What requests through an nginx tell of its backends: does another one serve, was one taken back? Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from console.plan.reading import Reading, Verdict


@dataclass(frozen=True, slots=True)
class Through:
    """What came of requests through one nginx. `backends` None: its access log does not tell, for this reason."""

    sent: int
    failed: int
    complaint: str
    backends: Mapping[str, int] | None
    untold: str = ""

    @classmethod
    def of(cls, text: str) -> Through:
        """Of the hands' answer, as JSON."""
        said = json.loads(text)
        return cls(said["sent"], said["failed"], said["complaint"], said["backends"], said["untold"])


@dataclass(frozen=True, slots=True)
class OthersServe:
    """nginx on the node is answered by another backend of the service than the one of these names."""

    node: str
    service: str
    names: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return f"nginx on {self.node} is answered by another backend of {self.service} than {self.names[-1]}"

    def judge_output(self, exit_status: int | None, text: str, elapsed_s: float) -> Reading:
        if exit_status != 0:
            return Reading(Verdict.UNKNOWN, f"nginx on {self.node} could not be asked for {self.service}")
        seen = Through.of(text)
        if seen.backends is None:
            told = f"which backend answered is not known: {seen.untold}"
            return Reading(Verdict.NOT_YET if seen.failed else Verdict.HOLDS, f"nginx on {self.node}: {told}")
        others = sorted(seen.backends.keys() - set(self.names))
        if others:
            return Reading(Verdict.HOLDS, f"nginx on {self.node} is answered by {', '.join(others)}")
        own = f"only by {self.names[-1]}" if seen.backends else f"by none ({seen.complaint})"
        return Reading(Verdict.NOT_YET, f"nginx on {self.node} is answered for {self.service} {own}")


@dataclass(frozen=True, slots=True)
class TakenBack:
    """nginx on the node gets answers from this backend, and no request through it fails.

    `settles_s`: how long it takes, from when the backend answers, until every worker would ask it.
    """

    node: str
    service: str
    names: tuple[str, ...]
    settles_s: float

    @property
    def sentence(self) -> str:
        return f"nginx on {self.node} sends requests to {self.names[-1]} for {self.service}"

    def judge_output(self, exit_status: int | None, text: str, elapsed_s: float) -> Reading:
        if exit_status != 0:
            return Reading(Verdict.UNKNOWN, f"nginx on {self.node} could not be asked for {self.service}")
        seen = Through.of(text)
        if seen.failed:
            told = f"{seen.failed} of {seen.sent} requests failed: {seen.complaint}"
            return Reading(Verdict.NOT_YET, f"nginx on {self.node}: {told}")
        if elapsed_s < self.settles_s:
            told = f"may still have given {self.names[-1]} up for {self.settles_s - elapsed_s:.0f} s"
            return Reading(Verdict.NOT_YET, f"nginx on {self.node} {told}")
        if seen.backends is None:
            return Reading(Verdict.HOLDS, f"nginx on {self.node} answers; which backend did is not known")
        if not seen.backends.keys() & set(self.names):
            return Reading(Verdict.NOT_YET, f"nginx on {self.node} sends nothing to {self.names[-1]} yet")
        return Reading(Verdict.HOLDS, f"nginx on {self.node} sends requests to {self.names[-1]}")
