"""Parses `systemctl show` of several units. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from console.model.facts import UnitReport
from console.parse.numbers import whole

PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "NRestarts",
    "MainPID",
    "Restart",
    "RestartUSec",
)
_SPAN = re.compile(r"(?P<number>[0-9]{1,19}(?:\.[0-9]{1,19})?)(?P<unit>us|ms|s|min|h|d)\b")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def unit_reports(text: str) -> Mapping[str, UnitReport]:
    """Reports by unit name without .service. A unit systemd does not know is `not-found`."""
    reports = {}
    for block in text.strip().split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        name = fields.get("Id", "").removesuffix(".service")
        if name:
            reports[name] = _report(fields)
    return reports


def _report(fields: Mapping[str, str]) -> UnitReport:
    if fields.get("LoadState") == "not-found":
        return UnitReport(active="not-found", sub="not-found")
    return UnitReport(
        active=fields.get("ActiveState", "unknown"),
        sub=fields.get("SubState", ""),
        restarts=_int(fields.get("NRestarts", "")),
        main_pid=_int(fields.get("MainPID", "")) or None,
        restart_delay_s=_restart_delay_s(fields),
    )


def _restart_delay_s(fields: Mapping[str, str]) -> float | None:
    """systemd writes spans as `100ms`, `5s` or `1min 30s`."""
    if fields.get("Restart", "no") == "no":
        return None
    spans = _SPAN.finditer(fields.get("RestartUSec", ""))
    return sum(float(each["number"]) * _SECONDS[each["unit"]] for each in spans)


def _int(text: str) -> int | None:
    return whole(text)
