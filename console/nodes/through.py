"""Requests through the nginx of one node, and which backends answered them by its access log."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from console.model.facts import ProbeReport
from console.model.profile import Profile, Service
from console.nodes.http import HttpQuestion
from console.nodes.probes import Door, probe_http
from console.nodes.split import new_token
from console.nodes.transport import CommandFailed, Transport
from console.parse.log_backends import NAME_MAX
from console.parse.log_counts import values
from console.parse.log_format import Escape, Field, FormatError, LogFormat, named_format
from console.parse.log_words import NOBODY, NOTHING, attempts
from console.parse.words import words, words_of

LOCALHOST = "127.0.0.1"
LOG_TAIL_BYTES = 512 * 1024
LOG_TIMEOUT_S = 3.0
# nginx writes a line when a request is over: a moment after its answer.
WRITTEN_AFTER_S = 0.05
_FOUND = 'tail -c "$2" -- "$1" | grep -F -- "$3"; exit 0'


async def through(transport: Transport, profile: Profile, service: Service, count: int) -> dict[str, Any]:
    """{sent, failed, complaint, backends: {endpoint: answers} | None, in_vain: {endpoint: requests}, nameless,
    untold}, after `count` requests one by one.

    `in_vain`: who was asked and gave no good answer, though another one may have. `nameless`: requests that failed
    and for which the log names nobody. `sent` 0: the node opens no connection for us, so nothing can be said.
    Raises LinkLost.
    """
    token = new_token()
    path = f"{service.health}{'&' if '?' in service.health else '?'}{token}"
    question, door = HttpQuestion(service.domain or "", path), Door(LOCALHOST, profile.nginx.port)
    reports: list[ProbeReport] = []
    for _ in range(count):
        report = await probe_http(transport, door, question, time.monotonic)
        if report is None:
            return _answer([], None, "the node opens no connection for us")
        reports.append(report)
    try:
        form = named_format(profile.logs.format)
    except FormatError as error:
        return _answer(reports, None, str(error))
    if not form.tells(Field.UPSTREAM):
        return _answer(reports, None, form.missing(Field.UPSTREAM))
    await asyncio.sleep(WRITTEN_AFTER_S)
    return await _by_log(transport, profile, form, token, reports)


async def _by_log(
    transport: Transport, profile: Profile, form: LogFormat, token: str, reports: list[ProbeReport]
) -> dict[str, Any]:
    log = profile.logs.access
    argv = ("sh", "-c", _FOUND, "found", log, str(LOG_TAIL_BYTES), token)
    try:
        result = await transport.run(argv, timeout_s=LOG_TIMEOUT_S)
    except CommandFailed as failure:
        return _answer(reports, None, failure.reason)
    lines = [line.decode("utf-8", "replace") for line in result.stdout.splitlines()]
    if not lines:
        said = words_of(result.stderr.strip(), 120) or "it does not hold these requests"
        return _answer(reports, None, f"{log} on {transport.node}: {said}")
    read = [each for line in lines if (each := _line(form, line)) is not None]
    if not read:
        return _answer(reports, None, f"{log} on {transport.node} is not in the format {profile.logs.format}")
    return _answer(reports, read, "")


@dataclass(frozen=True, slots=True)
class _Line:
    """One request. `asked`: every backend in order, the last one gave the answer; "-" where nginx names none."""

    good: bool
    asked: tuple[str, ...]

    @property
    def in_vain(self) -> set[str]:
        return set(self.asked[:-1] if self.good else self.asked) - {NOBODY}


def _line(form: LogFormat, text: str) -> _Line | None:
    """None: not in this format. By default nginx writes "-" for nothing: then no word at all is no answer."""
    name = form.fields[Field.UPSTREAM]
    told = values(form, text, {name, "status"})
    if told is None or (form.escape is Escape.DEFAULT and not told[name]):
        return None
    names = (each.strip() for each in attempts(told[name]))
    asked = tuple(NOBODY if each in NOTHING else words(each, NAME_MAX) for each in names)
    return _Line(told["status"].startswith(("2", "3")), asked)


def _answer(reports: list[ProbeReport], lines: list[_Line] | None, untold: str) -> dict[str, Any]:
    bad = [report for report in reports if not report.ok]
    named = sum(not line.good and line.asked[-1] != NOBODY for line in lines or ())
    return {
        "sent": len(reports),
        "failed": len(bad),
        "complaint": (bad[0].detail or str(bad[0].outcome)) if bad else "",
        "backends": None if lines is None else dict(Counter(line.asked[-1] for line in lines if line.good)),
        "in_vain": dict(Counter(name for line in lines or () for name in line.in_vain)),
        "nameless": max(0, len(bad) - named),
        "untold": untold,
    }
