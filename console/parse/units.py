"""Parses `systemctl show` of several units. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from console.model.facts import UnitReport

PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "NRestarts",
    "MainPID",
)


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
    )


def _int(text: str) -> int | None:
    return int(text) if text.isdigit() else None
