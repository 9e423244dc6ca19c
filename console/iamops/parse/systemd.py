"""What systemd says of units, and why a service does not start, from its own words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from iamops.model.facts import UnitReport
from iamops.model.foreign import json_object, whole

PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "NRestarts", "MainPID", "Restart", "RestartUSec")
_SPAN = re.compile(r"(?P<number>[0-9]{1,19}(?:\.[0-9]{1,19})?)(?P<unit>us|ms|s|min|h|d)\b")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def unit_reports(text: str) -> Mapping[str, UnitReport]:
    """Reports by unit name without .service. A unit systemd does not know is `not-found`."""
    reports = {}
    for block in text.strip().split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        name = fields.get("Id", "").removesuffix(".service")
        if not name:
            continue
        if fields.get("LoadState") == "not-found":
            reports[name] = UnitReport(active="not-found", sub="not-found")
            continue
        # systemd writes spans as `100ms`, `5s` or `1min 30s`.
        spans = _SPAN.finditer(fields.get("RestartUSec", ""))
        delay_s = sum(float(span["number"]) * _SECONDS[span["unit"]] for span in spans)
        reports[name] = UnitReport(
            active=fields.get("ActiveState", "unknown"),
            sub=fields.get("SubState", ""),
            restarts=whole(fields.get("NRestarts", "")),
            main_pid=whole(fields.get("MainPID", "")) or None,
            restart_delay_s=None if fields.get("Restart", "no") == "no" else delay_s,
        )
    return reports


# What systemd says in the journal about a unit's life, in a few words.
#
# Sources: the messages of systemd 239 to 257 (src/core/job.c, service.c, unit.c).

# Since 250 systemd names the unit and its description, before only the description: the verb comes first in both.
_VERBS = {
    "Started": "started",
    "Stopped": "stopped",
    "Reloaded": "reloaded",
    "Failed to start": "could not be started",
}
_EXITED = re.compile(r"[Mm]ain process exited, code=(?P<code>\w+), status=(?P<status>[\w/+]+)")
_FAILED = re.compile(r": Failed with result '(?P<result>[\w-]+)'")
_RESTART = re.compile(r"Scheduled restart job, restart counter is at (?P<count>[0-9]{1,19})")
_BOOTED = re.compile(r"Startup finished in (?:.*= )?(?P<took>[^=]+?)\.?$")


def unit_change(message: str) -> str | None:
    """`started`, `stopped`, `crashed (killed, 9/KILL)`, ...; None for what changes nothing."""
    for verb, word in _VERBS.items():
        if message.startswith(f"{verb} "):
            return word
    if (match := _EXITED.search(message)) is not None:
        clean = match["code"] == "exited" and match["status"].split("/")[0] == "0"
        return None if clean else f"crashed ({match['code']}, {match['status']})"
    if (match := _FAILED.search(message)) is not None:
        return f"failed ({match['result']})"
    if (match := _RESTART.search(message)) is not None:
        return f"is restarted by systemd, for the {_ordinal(int(match['count']))} time"
    if "killed by the OOM killer" in message:
        return "was killed for want of memory"
    return None


def exit_of(message: str) -> str | None:
    """`exit 1` or `killed by KILL` when systemd says how a main process ended; None for any other message."""
    match = _EXITED.search(message)
    if match is None:
        return None
    number, _, name = match["status"].partition("/")
    if match["code"] == "exited":
        # From 200 on it is systemd that failed, and says at what; below, its names are not the program's own.
        return f"exit {number} ({name})" if name and len(number) == 3 and number >= "200" else f"exit {number}"
    return f"killed by {name or number}"


def boot_took(message: str) -> str | None:
    """How long a boot took, as systemd says it at its end; None for any other message."""
    match = _BOOTED.match(message)
    return match["took"] if match is not None else None


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{({1: 'st', 2: 'nd', 3: 'rd'}).get(number % 10, 'th')}"


REASON_MAX = 300
# The colour itself, and how it looks once it was made harmless for a terminal.
_COLOUR = re.compile(r"(?:\x1b|\\x1b)\[[0-9;]*m")
_LEVELS = {
    **dict.fromkeys(("fatal", "panic", "dpanic", "critical", "crit", "emerg", "alert"), "fatal"),
    **dict.fromkeys(("error", "err", "eror"), "error"),
    **dict.fromkeys(("warn", "warning"), "warning"),
    **dict.fromkeys(("info", "debug", "notice", "trace", "dbug"), "other"),
}
# 2024-03-05 14:07:09.123, 2024-03-05T14:07:09Z, 2024/03/05 14:07:09: before the text, plain or in brackets.
_STAMP = re.compile(
    r"^\[?[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,19})?"
    r"(?:Z|\s?[+-][0-9]{2}:?[0-9]{2})?\]?(?:\s*[|:-])?\s*"
)
_PLACE = re.compile(r"^[\w./@+-]+\.\w+:[0-9]{1,19}:?$")
_LOGFMT = re.compile(r'(?P<key>\w+)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>\S*))')
_KLOG = re.compile(
    r"^(?P<level>[IWEF])[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,19}\s+[0-9]{1,19} "
    r"(?P<place>\S+:[0-9]{1,19})\] (?P<text>.*)$"
)
_LEADING = re.compile(r"^[\[<]?(?P<level>[A-Za-z]{3,8})[\]>]?[:\s]\s*(?P<text>\S.*)$")
# What stands behind a reason and says nothing to an operator: frames of Go and Python, and their headings.
_FRAME = re.compile(
    r"^(?:\s|goroutine [0-9]{1,19} \[|created by |exit status [0-9]|\[signal |[\w./*()\[\]{}$-]+\([^ ]*\)$|"
    r"[\w./@-]+\.\w+(?:\(.*\)|[\w.*()-]*)$|Traceback \(most recent call last\)|During handling of the above)"
)
# No frame is longer, and no reason stands further behind in a line.
FRAME_MAX, LINE_MAX = 1000, 16_384
_LAST_WORDS = ("panic: ", "fatal error: ", "FATAL")
_TRACEBACK = "Traceback (most recent call last)"
_COMPLAINT = re.compile(
    r"\b(?:cannot|can't|could not|couldn't|fail(?:ed|ure)?|unable|refused|denied|no such|not found|invalid|"
    r"unknown|in use|unexpected|must be|missing|errors?|exception|timed out|timeout)\b",
    re.IGNORECASE,
)
_ENTRY = re.compile(r"^(?P<at>[0-9]{1,19}\.[0-9]{1,19}) (?P<who>.*?)\[(?P<pid>[0-9]{1,19})\]: ?(?P<text>.*)$")


class Weight(IntEnum):
    """How surely a line is the reason."""

    FATAL = 0
    TRACEBACK = 1
    ERROR = 2
    COMPLAINT = 3
    FIRST = 4


@dataclass(frozen=True, slots=True)
class Reason:
    """The line that says why, without its time stamp, level and colours."""

    text: str
    weight: Weight

    @property
    def complains(self) -> bool:
        """Whether the line itself says that something is wrong; else it is only the first one."""
        return self.weight is not Weight.FIRST


@dataclass(frozen=True, slots=True)
class Journal:
    """`journalctl --output=short-unix --no-hostname` of one unit. `starts`: each process's lines, newest first.

    Lines of a start are oldest first. `exits`: how its processes ended (`exit 1`), newest first; `span_s`: from
    the first of these to the last.
    """

    starts: tuple[tuple[str, ...], ...] = ()
    exits: tuple[str, ...] = ()
    span_s: float = 0.0


def is_error(line: str) -> bool:
    level, _ = _parsed(_COLOUR.sub("", line[:LINE_MAX]))
    return level in ("error", "fatal")


def reason_line(lines: Sequence[str], *, latest: bool = False) -> Reason | None:
    """The reason among the lines of one start, oldest first; None where there are none.

    `latest`: the lines may be of several starts.
    """
    found = [reason for reason in _candidates(lines) if reason.text]
    if not found:
        return None
    best = min(reason.weight for reason in found)
    among = [reason for reason in found if reason.weight is best]
    # An error is repeated until one gives up: the last is nearest to the end. A fatal line is the end itself.
    chosen = among[-1] if latest or best in (Weight.ERROR, Weight.TRACEBACK) else among[0]
    return Reason(chosen.text[:REASON_MAX], chosen.weight)


def level_of(line: str) -> str | None:
    """The level that a line gives itself: `fatal`, `error`, `warning`, `other`. None: it begins no record."""
    line = _COLOUR.sub("", line[:LINE_MAX])
    if line.startswith((*_LAST_WORDS, _TRACEBACK)):
        return "fatal"
    level, rest = _parsed(line)
    # A stamp alone begins a record, too.
    return level or ("other" if rest != line and _STAMP.match(line) is not None else None)


def reason_of_starts(starts: Sequence[Sequence[str]]) -> Reason | None:
    """The reason of the latest start; of the one before where that has only begun and says less. Newest first."""
    found = [reason for lines in starts if (reason := reason_line(lines)) is not None]
    complaining = [reason for reason in found[:2] if reason.complains]
    return min(complaining or found[:1], key=lambda reason: reason.weight, default=None)


def journal_of(text: str, without: int | None = None) -> Journal:
    """From the newest entry to the oldest, as `--reverse` prints them. `without`: a process not to count."""
    starts: dict[str, list[str]] = {}
    exits: list[str] = []
    times: list[float] = []
    for line in text.splitlines():
        match = _ENTRY.match(line)
        if match is None:
            continue
        if match["pid"] == "1":
            if (ended := exit_of(match["text"])) is not None:
                exits.append(ended)
                times.append(float(match["at"]))
        elif match["pid"] != str(without):
            starts.setdefault(match["pid"], []).insert(0, match["text"])
    span_s = max(times) - min(times) if times else 0.0
    return Journal(tuple(tuple(lines) for lines in starts.values()), tuple(exits), span_s)


def standing_story(journal: Journal, fields: Mapping[str, str]) -> str:
    """`exit 1, 13 times in 70 s`, of a unit that began to fail at an unknown time."""
    return exit_story(journal.exits, {**fields, "NRestarts": ""}, journal.span_s)


def exit_story(exits: Sequence[str], fields: Mapping[str, str], span_s: float) -> str:
    """`exit 1, 13 times in 70 s`, from the journal, or where that is silent from `systemctl show`; or empty."""
    code, status = fields.get("ExecMainCode", ""), fields.get("ExecMainStatus", "")
    last = ""
    # ExecMainCode is a waitid code: 1 exited, 2 killed, 3 dumped.
    if exits:
        last = exits[0]
    elif code == "1" and status not in ("", "0"):
        last = f"exit {status}"
    elif code in ("2", "3"):
        last = f"killed by signal {status}"
    if not last:
        return ""
    times = max(len(exits), whole(fields.get("NRestarts", "")) or 0)
    return f"{last}, {times} times in {span_s:.0f} s" if times > 1 else last


def _candidates(lines: Sequence[str]) -> Iterator[Reason]:
    """Every line that may be the reason. What a traceback is about stands at its end."""
    in_traceback = False
    for raw in lines:
        line = _COLOUR.sub("", raw[:LINE_MAX]).rstrip()
        if line.startswith(_TRACEBACK):
            in_traceback = True
        elif in_traceback and line and not line[0].isspace():
            in_traceback = False
            yield Reason(line, Weight.TRACEBACK)
        elif line and not in_traceback and not (len(line) <= FRAME_MAX and _FRAME.match(line)):
            level, text = _parsed(line)
            weight = Weight.FIRST
            if level == "fatal" or text.startswith(_LAST_WORDS):
                weight = Weight.FATAL
            elif level == "error":
                weight = Weight.ERROR
            elif level is None and _COMPLAINT.search(text):
                weight = Weight.COMPLAINT
            yield Reason(text, weight)


def _parsed(line: str) -> tuple[str | None, str]:
    """The level (`fatal`, `error`, `other`; None: none) and the text of a line in any of the usual shapes."""
    if line.startswith("{"):
        return _of_json(line)
    if (match := _KLOG.match(line)) is not None:
        return {"F": "fatal", "E": "error", "W": "warning"}.get(match["level"], "other"), match["text"]
    if "\t" in line:
        return _of_fields([part.strip() for part in line.split("\t")], line)
    if "level=" in line and ("msg=" in line or "message=" in line):
        return _of_logfmt(line)
    rest = _STAMP.sub("", line)
    match = _LEADING.match(rest)
    if match is not None and (level := _LEVELS.get(match["level"].lower())) is not None:
        # `Error: unknown flag` is a sentence, `ERROR unknown flag` a level.
        return level, match["text"] if match["level"].isupper() else rest
    return None, rest


def _of_fields(fields: Sequence[str], line: str) -> tuple[str | None, str]:
    """TIME TAB level TAB name TAB file:line TAB message TAB {json}; name, place and json may be missing."""
    at = next((n for n, part in enumerate(fields[:4]) if part.lower() in _LEVELS), None)
    if at is None:
        return None, _STAMP.sub("", line.replace("\t", " ")).strip()
    rest = [part for part in fields[at + 1 :] if part and not _PLACE.match(part)]
    extra = _cause(rest.pop()) if rest and rest[-1].startswith("{") else ""
    # The logger's name is one word before the message.
    if len(rest) > 1 and len(rest[0].split()) <= 2:
        rest = rest[1:]
    return _LEVELS[fields[at].lower()], _joined(" ".join(rest), extra)


def _of_json(line: str) -> tuple[str | None, str]:
    fields = {key.lower(): value for key, value in json_object(line).items()}
    level = _LEVELS.get(str(fields.get("level", fields.get("severity", ""))).lower())
    message = next((str(fields[key]) for key in ("message", "msg") if fields.get(key)), "")
    return level, _joined(message, _cause(line)) or line


def _of_logfmt(line: str) -> tuple[str | None, str]:
    found = (
        (m["key"].lower(), m["plain"] if m["quoted"] is None else m["quoted"]) for m in _LOGFMT.finditer(line)
    )
    fields = dict(found)
    message = fields.get("msg") or fields.get("message") or line
    cause = fields.get("error") or fields.get("err") or ""
    return _LEVELS.get(fields.get("level", "").lower()), _joined(message, cause)


def _cause(text: str) -> str:
    fields = {key.lower(): value for key, value in json_object(text).items()}
    return next((str(fields[key]) for key in ("error", "err", "cause", "reason") if fields.get(key)), "")


def _joined(message: str, cause: str) -> str:
    return message if not cause or cause in message else f"{message}: {cause}" if message else cause
