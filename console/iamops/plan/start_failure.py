"""Why a unit that was started is not well, asked of its journal, its log and systemd. Pure; one look."""

from __future__ import annotations

from dataclasses import dataclass

from iamops.parse.systemd import exit_story, journal_of, reason_line, reason_of_starts, standing_story
from iamops.redact.clean import clean_text, without_secrets

JOURNAL_LINES = 150
# A dozen starts with a stack trace each.
JOURNAL_LINES_STANDING = 500
LOG_BYTES = 8192
TIMEOUT_S = 6.0
# $1 unit, $2 seconds, $3 lines, $4 bytes, $5 log or nothing. --reverse: with --since and --lines alone journalctl
# gives the oldest lines on some versions. A log that nobody has written to since says nothing of this start. Tabs
# stand between the parts of a line, and would be lost where remote text is made harmless.
_ASK = r"""
since=$(($(date +%s) - $2))
systemctl show --property=ActiveState,SubState,NRestarts,ExecMainCode,ExecMainStatus -- "$1"
echo ==log
[ -z "$5" ] || [ -z "$(find "$5" -newermt "@$since" 2>/dev/null)" ] || tail -c "$4" -- "$5" | sed 's/\t/ \\t /g'
echo
echo ==journal
journalctl --quiet --no-pager --all --reverse --output=short-unix --no-hostname \
    --lines="$3" --since="@$since" --unit="$1" | sed 's/\t/ \\t /g'
"""


@dataclass(frozen=True, slots=True)
class StartFailure:
    """`exit 1, 3 times in 12 s`, and the line that says why, or empty. `complains`: of the line."""

    story: str
    line: str
    complains: bool


@dataclass(frozen=True, slots=True)
class StartFailureQuery:
    """What a unit on a node has logged and how it has ended in the last `span_s` seconds.

    `other_than` is the process that was to be replaced: what it logged last is no reason. `standing`: nobody
    knows when it began to fail, so only the exits that the journal dates are counted.
    """

    node: str
    unit: str
    span_s: float
    log: str = ""
    other_than: int | None = None
    standing: bool = False

    @property
    def argv(self) -> tuple[str, ...]:
        since_s = str(int(self.span_s) + 1)
        lines = JOURNAL_LINES_STANDING if self.standing else JOURNAL_LINES
        numbers = (since_s, str(lines), str(LOG_BYTES))
        return ("sh", "-c", _ASK, "own-words", f"{self.unit}.service", *numbers, self.log)

    def reason(self, text: str) -> str:
        """`iam-apiserver does not start: exit 1, 3 times in 12 s: REASON`; empty where nothing is known."""
        failure = self.output(text)
        if not failure.story:
            return f"{self.unit} says: {failure.line}" if failure.complains else ""
        return f"{self.unit} does not start: {failure.story}" + (f": {failure.line}" if failure.line else "")

    def output(self, text: str) -> StartFailure:
        """How its starts ended, and its own line about it."""
        # Before it is taken apart: one line may say what the next one holds. The newest of them comes first.
        ours, _, entries = text.partition("==journal\n")
        entries = _reversed(without_secrets(_reversed(entries)))
        text = f"{without_secrets(ours)}==journal\n{entries}"
        shown, _, rest = text.replace(" \\t ", "\t").partition("==log\n")
        log, _, entries = rest.partition("==journal\n")
        fields = dict(line.partition("=")[::2] for line in shown.splitlines())
        journal = journal_of(entries, self.other_than)
        # The tail of a file begins with half a line, unless it is the whole file.
        tail = log.splitlines() if len(log) < LOG_BYTES else log.splitlines()[1:]
        line = reason_of_starts(journal.starts) or reason_line(tail, latest=True)
        if self.standing:
            exits = standing_story(journal, fields)
        else:
            exits = exit_story(journal.exits, fields, self.span_s)
        return StartFailure(
            exits, "" if line is None else clean_text(line.text), line is not None and line.complains
        )


def _reversed(text: str) -> str:
    return "\n".join(reversed(text.split("\n")))
