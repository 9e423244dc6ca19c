"""A drain is over when nginx's access log names the backend no more: its field, never a client's text. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.words import counted
from console.parse.log_awk import asked_program
from console.parse.log_format import named_format
from console.parse.numbers import whole
from console.plan.reading import Reading, Verdict

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
        program = asked_program(named_format(self.form), self.endpoint)
        return ("sh", "-c", _QUIET, "quiet", self.log, program, f"{self.quiet_s:g}", str(self.main_pid))

    def judge_output(self, exit_status: int | None, text: str, elapsed_s: float) -> Reading:
        words = text.split()
        if words == ["rotated"]:
            return Reading(Verdict.NOT_YET, f"{self.log} on {self.node} was rotated: looking again")
        if words == ["renamed"]:
            return Reading(Verdict.NOT_YET, f"{self.log} on {self.node} was renamed, and nginx writes there still")
        numbers = [number for word in words if (number := whole(word)) is not None]
        if exit_status != 0 or len(words) != 3 or len(numbers) != 3:
            return Reading(Verdict.UNKNOWN, f"{self.log} on {self.node} cannot be read")
        lines, unparsed, workers = numbers
        if unparsed:
            which = f"{counted(unparsed, 'new line')} of {self.log} on {self.node}"
            why = f"{which} not in the profile's logs.format"
            return Reading(Verdict.UNKNOWN, f"{why}, so nobody can tell where those requests went")
        told = f"{counted(lines, 'request')} to {self.endpoint} from {self.node} in {self.quiet_s:g} s"
        if workers:
            told = f"{told}, {counted(workers, 'old worker')} still at work"
        return Reading(Verdict.HOLDS if lines == workers == 0 else Verdict.NOT_YET, told)
