"""Parses keepalived's JSON dump and its data dump into VRRP reports. Pure.

The JSON dump holds the authentication password in clear before 2.4: only named fields are taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from console.model.facts import VrrpReport, VrrpState
from console.model.timestamps import moment
from console.parse.foreign_json import json_of
from console.parse.numbers import whole

COUNTERS = (
    "advert_rcvd",
    "advert_sent",
    "become_master",
    "release_master",
    "pri_zero_rcvd",
    "pri_zero_sent",
    "auth_failure",
    "advert_interval_err",
    "addr_list_err",
)
_JSON_STATES = {0: VrrpState.INIT, 1: VrrpState.BACKUP, 2: VrrpState.MASTER, 3: VrrpState.FAULT}
_DATA_INSTANCE = re.compile(r"^\s*VRRP Instance = (?P<name>\S+)\s*$")
_DATA_FIELD = re.compile(r"^\s+(?P<key>[A-Za-z][A-Za-z ()]*?) = (?P<value>.*?)\s*$")


class DumpUnreadable(Exception):
    """The text is no dump; keepalived may still be writing it."""


def json_dump(text: str) -> Mapping[str, VrrpReport]:
    """Reports by instance. Understands the list of 2.2.x and the object of json_version 2."""
    try:
        document = json_of(text)
    except ValueError as error:
        raise DumpUnreadable(f"keepalived.json: {error}") from error
    entries = document.get("vrrp") if isinstance(document, dict) else document
    if not isinstance(entries, list):
        raise DumpUnreadable("keepalived.json: neither a list of instances nor an object with `vrrp`")
    reports = (_json_entry(entry) for entry in entries if isinstance(entry, dict))
    return dict(report for report in reports if report is not None)


def data_dump(text: str) -> Mapping[str, VrrpReport]:
    """Reports by instance from the human-readable dump (keepalived.data)."""
    found: dict[str, dict[str, str]] = {}
    fields: dict[str, str] | None = None
    for line in text.splitlines():
        if instance := _DATA_INSTANCE.match(line):
            fields = found.setdefault(instance["name"], {})
        elif line.strip() and not line.startswith(" "):
            fields = None
        elif fields is not None and (field := _DATA_FIELD.match(line)):
            fields.setdefault(field["key"], field["value"])
    return {name: report for name, raw in found.items() if (report := _data_entry(raw))}


def _json_entry(entry: Mapping[str, Any]) -> tuple[str, VrrpReport] | None:
    fields, stats = entry.get("data"), entry.get("stats")
    if not isinstance(fields, dict):
        return None
    name, number = fields.get("iname"), _int(fields.get("state"))
    state = None if number is None else _JSON_STATES.get(number)
    if not isinstance(name, str) or state is None:
        return None
    counters = stats if isinstance(stats, dict) else {}
    return name, VrrpReport(
        state=state,
        source="json",
        priority=_int(fields.get("base_priority")),
        effective_priority=_int(fields.get("effective_priority")),
        last_transition=moment(_float(fields.get("last_transition"))),
        master_priority=_int(fields.get("master_priority")),
        counters={key: value for key in COUNTERS if (value := _int(counters.get(key))) is not None},
    )


def _data_entry(raw: Mapping[str, str]) -> VrrpReport | None:
    state = raw.get("State", "").split()[:1]
    if not state or state[0] not in VrrpState.__members__:
        return None
    transition = re.match(r"[0-9]{1,19}(\.[0-9]{1,19})?", raw.get("Last transition", ""))
    return VrrpReport(
        state=VrrpState[state[0]],
        source="data",
        priority=_int(raw.get("Priority") or raw.get("Base priority")),
        effective_priority=_int(raw.get("Effective priority")),
        last_transition=moment(float(transition[0])) if transition else None,
        master_priority=_int(raw.get("Master priority")),
    )


def _int(raw: object) -> int | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, (int, float)):
        return int(raw)
    return whole(raw) if isinstance(raw, str) else None


def _float(raw: object) -> float | None:
    return float(raw) if isinstance(raw, (int, float)) and not isinstance(raw, bool) else None
