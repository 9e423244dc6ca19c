"""Parses `systemctl show` of several units. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from iamops.model.facts import UnitReport
from iamops.model.foreign import whole

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
_EXITED = re.compile(r"[Mm]ain process exited, code=(?P<code>\w+), status=(?P<status>[\w/]+)")
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
