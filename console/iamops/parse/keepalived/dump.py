"""Parses keepalived's JSON dump and its data dump into VRRP reports. Pure.

The JSON dump holds the authentication password in clear before 2.4: only named fields are taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from iamops.model.facts import VrrpReport, VrrpState
from iamops.model.foreign import json_of, whole
from iamops.model.running import LiveCheck, LiveVrrp
from iamops.model.timestamps import calendar_time
from iamops.parse.directives import Directive, ReadFile
from iamops.parse.keepalived.settings import (
    TRACKED,
    TRACKED_SCRIPTS,
    BlockSettings,
    DumpBlock,
    advert_interval_s,
    blocks_on_disk,
    check_key,
    dump_blocks,
    leading_number,
)
from iamops.parse.keepalived.vrrp import OWNER_PRIORITY, VrrpConf, instances

_JSON_STATES: Mapping[int | None, VrrpState] = {
    0: VrrpState.INIT,
    1: VrrpState.BACKUP,
    2: VrrpState.MASTER,
    3: VrrpState.FAULT,
}


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
    reports = {}
    for entry in entries:
        fields = entry.get("data") if isinstance(entry, dict) else None
        if not isinstance(fields, dict):
            continue
        name, state = fields.get("iname"), _JSON_STATES.get(_int(fields.get("state")))
        if not isinstance(name, str) or state is None:
            continue
        entered = fields.get("last_transition")
        entered_at = (
            float(entered) if isinstance(entered, (int, float)) and not isinstance(entered, bool) else None
        )
        reports[name] = VrrpReport(
            state=state,
            source="json",
            priority=_int(fields.get("base_priority")),
            effective_priority=_int(fields.get("effective_priority")),
            last_transition=calendar_time(entered_at),
            master_priority=_int(fields.get("master_priority")),
        )
    return reports


def data_dump(text: str) -> Mapping[str, VrrpReport]:
    """Reports by instance from the human-readable dump (keepalived.data)."""
    reports = {}
    for block in dump_blocks(text):
        fields, state = block.fields, block.fields.get("State", "").split()[:1]
        if not block.is_instance or not state or state[0] not in VrrpState.__members__:
            continue
        reports[block.name] = VrrpReport(
            state=VrrpState[state[0]],
            source="data",
            priority=_int(fields.get("Priority") or fields.get("Base priority")),
            effective_priority=_int(fields.get("Effective priority")),
            last_transition=calendar_time(leading_number(fields.get("Last transition"))),
            master_priority=_int(fields.get("Master priority")),
        )
    return reports


def _int(raw: object) -> int | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, (int, float)):
        return int(raw)
    return whole(raw) if isinstance(raw, str) else None


# keepalived's data dump, or the files of a stopped one -> the configuration of its VRRP instances.

_TRACKED = re.compile(r"(?P<name>\S+) weight (?P<weight>[+-]?[0-9]{1,19})")
_NOTIFY = re.compile(r"(Backup|Master|Fault|Stop) state transition script")
_VERSION = re.compile(r"VRRP Version$")
_PREEMPT = {"disabled": True, "enabled": False}
# What is in doubt in one of these leaves an instance without an answer.
_NEEDED = ("state", "priority", "advert_int", "version", "virtual_router_id", "preempt_delay", "track_script")


def live_config(text: str) -> Mapping[str, LiveVrrp]:
    """By instance, without those of which the dump lacks priority, advert interval, router id or version."""
    blocks = dump_blocks(text)
    checks = {block.name: check for block in blocks if not block.is_instance and (check := _check(block))}
    found = (_instance(block, checks) for block in blocks if block.is_instance)
    return {live.instance: live for live in found if live is not None}


def _check(block: DumpBlock) -> LiveCheck | None:
    interval, timeout, rise, fall = (
        leading_number(block.fields.get(key)) for key in ("Interval", "Timeout", "Rise", "Fall")
    )
    if not interval or rise is None or fall is None:
        return None  # the dump has whole seconds: 0 is anything below one
    # A check without a timeout has its interval as one.
    return LiveCheck(block.name, interval, timeout or interval, int(rise), int(fall))


def _instance(block: DumpBlock, checks: Mapping[str, LiveCheck]) -> LiveVrrp | None:
    fields = block.fields
    priority, advert_s = leading_number(fields.get("Priority")), advert_interval_s(fields)
    router_id = leading_number(fields.get("Virtual Router ID"))
    version = next((leading_number(value) for key, value in fields.items() if _VERSION.search(key)), None)
    if priority is None or advert_s is None or router_id is None or version is None:
        return None
    entries = (_TRACKED.match(entry) for entry in block.lists.get(TRACKED_SCRIPTS, ()))
    tracked = [(entry["name"], int(entry["weight"])) for entry in entries if entry]
    # An instance may give a script another weight than the script itself has.
    known = tuple(replace(checks[name], weight=weight) for name, weight in tracked if name in checks)
    return LiveVrrp(
        instance=block.name,
        priority=int(priority),
        advert_interval_s=advert_s,
        nopreempt=_PREEMPT.get(fields.get("Preempt", "")),
        virtual_router_id=int(router_id),
        version=int(version),
        checks=known if len(known) == len(tracked) else None,
        notify=tuple(match[1].upper() for key in fields if (match := _NOTIFY.match(key))),
        # The dump names a delay only where there is one.
        preempt_delay_s=leading_number(fields.get("Preempt delay")) or 0.0,
    )


def live_on_disk(reading: ReadFile) -> Mapping[str, LiveVrrp]:
    """By instance, what a daemon that reads these files runs with. Left out: instances that depend on a
    definition, that may not be there, or for which keepalived takes a value of its own.
    """
    rest = blocks_on_disk(reading)
    blocks = {block.arg: block for block in reading.all("vrrp_instance")}
    found = (_on_disk(vrrp, blocks[vrrp.name], rest) for vrrp in instances(reading))
    return {live.instance: live for live in found if live is not None}


def _on_disk(vrrp: VrrpConf, block: Directive, rest: BlockSettings) -> LiveVrrp | None:
    doubtful, open_name = vrrp.unknown | vrrp.decided, not {"$", "~"}.isdisjoint(vrrp.name)
    if vrrp.router_id is None or vrrp.conditional or vrrp.partial or open_name or doubtful.intersection(_NEEDED):
        return None
    # keepalived clears both beside `state MASTER`; the address's owner always preempts (RFC 5798).
    master = vrrp.state == "MASTER"
    cleared = master or vrrp.priority == OWNER_PRIORITY
    nopreempt = False if cleared else None if "nopreempt" in doubtful else vrrp.nopreempt
    delay = block.first("preempt_delay")
    return LiveVrrp(
        instance=vrrp.name,
        priority=vrrp.priority,
        advert_interval_s=vrrp.advert_s,
        nopreempt=nopreempt,
        virtual_router_id=vrrp.router_id,
        version=vrrp.version,
        checks=_checks_on_disk(rest.get(vrrp.name, {}).get(TRACKED), rest),
        preempt_delay_s=0.0 if delay is None or master or nopreempt else leading_number(delay.arg) or 0.0,
    )


def _checks_on_disk(tracked: object, rest: BlockSettings) -> tuple[LiveCheck, ...] | None:
    """None where one of them does not say in whole numbers how it runs."""
    if not isinstance(tracked, tuple):
        return None
    found = []
    for entry in tracked:
        name, _, weight = str(entry).split()
        values = rest.get(check_key(name), {})
        interval, rise, fall = (values.get(key) for key in ("interval", "rise", "fall"))
        timeout = values.get("timeout", interval)  # a check without a timeout has its interval as one
        if not (isinstance(interval, int) and isinstance(rise, int) and isinstance(fall, int)):
            return None
        if not interval or not isinstance(timeout, int):
            return None
        found.append(LiveCheck(name, interval, timeout, rise, fall, int(weight)))
    return tuple(found)
