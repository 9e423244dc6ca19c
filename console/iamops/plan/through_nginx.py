"""What requests through an nginx tell of its backends: does another one serve, was one taken back? Pure.

Who answered is known from the access log, and proves something only where nginx names a backend of the profile.
Where it does not, or each worker counts for itself, nginx's own time is waited out with good answers: what it had
given up before, it asks again by then.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from iamops.accesslog.awk import backend_awk_program
from iamops.accesslog.format import named_format
from iamops.accesslog.values import NOBODY
from iamops.model.foreign import whole
from iamops.model.running import FAIL_TIMEOUT_S
from iamops.model.text import counted
from iamops.plan.observation import Observation

# Where nobody is ever given up and the log names nobody, good answers count after nginx's default time.
UNNAMED_S = FAIL_TIMEOUT_S
PER_WORKER = "each of its workers counts for itself"


@dataclass(frozen=True, slots=True)
class Through:
    """What came of requests through one nginx. `backends` None: its access log does not tell, for this reason.

    `in_vain`: who was asked and gave no good answer, even if another one did. `nameless`: failed requests of
    which nobody knows who failed. Both with how long before these requests that last was, in this look or an
    earlier one.
    """

    sent: int
    failed: int
    complaint: str
    backends: Mapping[str, int] | None
    unavailable: str = ""
    nameless: int = 0
    failed_ago_s: float | None = None
    in_vain: Mapping[str, int] = field(default_factory=dict)
    in_vain_ago_s: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> Through:
        """Of the answer as JSON (`nodes/logs/split.py`). A failed request is nobody's unless it says otherwise."""
        answer = json.loads(text)
        return cls(**{"nameless": answer["failed"], **answer})

    def by(self, names: tuple[str, ...]) -> list[str]:
        """Those of the names that are known to have answered."""
        return [] if self.backends is None else sorted(self.backends.keys() & set(names))

    @property
    def by_itself(self) -> bool:
        """nginx has answered without asking any backend."""
        return self.backends is not None and self.backends.keys() == {NOBODY}

    def trouble(self, spared: Collection[str]) -> str:
        """Which of the few answers was not good; those that only the spared backends have failed do not count."""
        asked = sorted(self.in_vain.keys() - set(spared))
        if self.nameless:
            return f"{self.failed} of {self.sent} requests failed: {self.complaint}"
        return f"{', '.join(asked)} did not answer every request well" if asked else ""

    def good_for_s(self, spared: Collection[str]) -> float:
        """For how long every answer was good, but for those of the spared backends; infinite where all were."""
        by_name = [ago_s for name, ago_s in self.in_vain_ago_s.items() if name not in spared]
        return min([float("inf"), *by_name, *([] if self.failed_ago_s is None else [self.failed_ago_s])])


@dataclass(frozen=True, slots=True)
class ThroughNginx:
    """One nginx, a backend by the names it may have there, and the other backends by theirs.

    `settles_s`: by when every worker asks again whom it had given up. `shared`: all workers know the same. `even`:
    every backend that can be asked is asked within a few requests: one that did not answer is not asked.
    """

    node: str
    service: str
    names: tuple[str, ...]
    others: tuple[str, ...]
    settles_s: float
    shared: bool = False
    even: bool = True

    def waits_s(self, *, named: bool = False) -> float:
        """For how long good answers are waited for at most. `named`: the log names who is looked for.

        Good answers of no time at all would prove nothing.
        """
        return self.settles_s if named or self.settles_s else UNNAMED_S

    def judge_output(self, exit_status: int | None, text: str, elapsed_s: float) -> Observation:
        if exit_status != 0:
            return Observation.unknown(f"nginx on {self.node} could not be asked for {self.service}")
        return self._judge(Through.of(text), elapsed_s)

    def _judge(self, seen: Through, elapsed_s: float) -> Observation:
        raise NotImplementedError

    def _unclear(self, seen: Through) -> str:
        """Why the answers do not tell whether a backend is asked; nothing where they do."""
        if seen.backends is None:
            return f"which backend answered is not known: {seen.unavailable}"
        if strange := sorted(seen.backends.keys() - {NOBODY, *self.names, *self.others}):
            return f"its access log names {', '.join(strange)}, which is no backend that the profile knows"
        if not seen.backends:
            return "which backend answered is not known: its access log names none"
        if seen.by_itself:
            return "it answers by itself, and asks no backend"
        return "" if self.even else "it does not spread requests evenly"


@dataclass(frozen=True, slots=True)
class OthersServe(ThroughNginx):
    """nginx on the node is answered by another backend of the service than the one of these names.

    `listed`: its files name another backend that takes requests. `waited_for`: the other backend for which the
    step right before has waited at this nginx, so that no worker has given it up; until an answer is not good.
    """

    listed: bool = True
    waited_for: str | None = None

    @property
    def sentence(self) -> str:
        return f"nginx on {self.node} is answered by another backend of {self.service} than {self.names[-1]}"

    def _judge(self, seen: Through, elapsed_s: float) -> Observation:
        nginx, others, unclear = f"nginx on {self.node}", seen.by(self.others), self._unclear(seen)
        answered = f"is answered by {', '.join(others)}"
        good_for_s = seen.good_for_s(self.names)
        if trouble := seen.trouble(self.names):
            return Observation.of(False, f"{nginx}: {trouble}")
        if others and self.shared:
            return Observation.of(True, f"{nginx} {answered}")
        if not others:
            if not unclear:
                return Observation.of(False, f"{nginx} is answered for {self.service} only by {self.names[-1]}")
            if seen.by_itself:
                return Observation.of(False, f"{nginx} for {self.service}: {unclear}")
            if not self.listed:
                none = f"its files name no other backend of {self.service} that is known"
                return Observation.of(False, f"{nginx}: {none}, and {unclear}")
        if self.waited_for is not None and good_for_s > elapsed_s:
            well = f"has answered well since {self.waited_for} was waited for ({unclear})"
            return Observation.of(True, f"{nginx} {answered if others else well}")
        why = PER_WORKER if others else unclear
        waits_s = self.waits_s(named=bool(others))
        left_s = waits_s - min(elapsed_s, good_for_s)
        if left_s > 0:
            waits = f"may have given another backend up: good answers are waited for, {left_s:.0f} s more"
            return Observation.of(False, f"{nginx} {waits} ({why})")
        return Observation.of(
            True, f"{nginx} {answered if others else f'answered well for {waits_s:g} s ({why})'}"
        )


@dataclass(frozen=True, slots=True)
class TakenBack(ThroughNginx):
    """nginx on the node gets answers from this backend, and no request through it fails."""

    @property
    def sentence(self) -> str:
        return f"nginx on {self.node} sends requests to {self.names[-1]} for {self.service}"

    def _judge(self, seen: Through, elapsed_s: float) -> Observation:
        nginx, own, unclear = f"nginx on {self.node}", seen.by(self.names), self._unclear(seen)
        if seen.failed or seen.in_vain.keys() & set(self.names):
            return Observation.of(False, f"{nginx}: {seen.trouble(())}")
        waits_s = self.waits_s(named=bool(own))
        if not (own and self.shared):
            left_s = waits_s - min(elapsed_s, seen.good_for_s(self.others))
            if left_s > 0:
                why = PER_WORKER if own else unclear
                waits = f"may still have given {self.names[-1]} up for {left_s:.0f} s"
                return Observation.of(False, f"{nginx} {waits}{f' ({why})' if why else ''}")
        if own:
            return Observation.of(True, f"{nginx} sends requests to {own[0]}")
        if unclear:
            return Observation.of(True, f"{nginx} answered well for {waits_s:g} s ({unclear})")
        return Observation.of(False, f"{nginx} sends nothing to {self.names[-1]} yet")


# $1 log, $2 program, $3 seconds, $4 nginx's master: requests that went to the endpoint while we wait, lines that
# are not in the format, and workers that still answer requests from before the last reload. nginx writes on into a
# log that was renamed until it opens the new one: then the old one is the newer of the two.
_QUIET = (
    "LC_ALL=C; export LC_ALL; "
    'seen() { stat -L -c "%i %s" -- "$1"; }; '
    'was=$(seen "$1") || exit 1; sleep "$3"; is=$(seen "$1") || exit 1; size=${was#* }; '
    '[ "${is% *}" = "${was% *}" ] && [ "${is#* }" -ge "$size" ] || { echo rotated; exit 0; }; '
    'newer=$(find "${1%/*}/" -maxdepth 1 -name "${1##*/}[.-]*" -newer "$1" 2>/dev/null); '
    '[ -z "$newer" ] || { echo renamed; exit 0; }; '
    'asked=$(tail -c "+$((size + 1))" -- "$1" | awk "$2") || exit 1; '
    'echo "$asked $(ps --ppid "$4" -o args= | grep -c "shutting down")"'
)


@dataclass(frozen=True, slots=True)
class NoRequestsTo:
    """nginx's access log on the node names the endpoint no more, and no old worker is left to name it.

    `form`: the log's format, which must tell the backend. `quiet_s`: for how long nothing may be seen.
    """

    node: str
    endpoint: str
    log: str
    main_pid: int
    quiet_s: float = 2.0
    form: str = "iamops"

    @property
    def sentence(self) -> str:
        return f"no request goes to {self.endpoint} from {self.node} for {self.quiet_s:g} s, by its access log"

    @property
    def argv(self) -> tuple[str, ...]:
        program = backend_awk_program(named_format(self.form), self.endpoint)
        return ("sh", "-c", _QUIET, "quiet", self.log, program, f"{self.quiet_s:g}", str(self.main_pid))

    def judge_output(self, exit_status: int | None, text: str, elapsed_s: float) -> Observation:
        words, log = text.split(), f"{self.log} on {self.node}"
        if words == ["rotated"]:
            return Observation.of(False, f"{log} was rotated: looking again")
        if words == ["renamed"]:
            return Observation.of(False, f"{log} was renamed, and nginx writes there still")
        numbers = [number for word in words if (number := whole(word)) is not None]
        if exit_status != 0 or len(words) != 3 or len(numbers) != 3:
            return Observation.unknown(f"{log} cannot be read")
        lines, unparsed, workers = numbers
        if unparsed:
            why = f"{counted(unparsed, 'new line')} of {log} not in the profile's logs.format"
            return Observation.unknown(f"{why}, so nobody can tell where those requests went")
        seen = f"{counted(lines, 'request')} to {self.endpoint} from {self.node} in {self.quiet_s:g} s"
        if workers:
            seen += f", {counted(workers, 'old worker')} still at work"
        return Observation.of(lines == workers == 0, seen)
