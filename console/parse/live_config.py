"""keepalived's data dump -> the configuration its VRRP instances are really running with. Pure.

The dump holds the authentication password in clear: only named fields are taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from console.model.live import LiveCheck, LiveVrrp

_BLOCK = re.compile(r"^\s*VRRP (?P<kind>Instance|Script) = (?P<name>\S+)\s*$")
_FIELD = re.compile(r"^\s+(?P<key>[A-Za-z][A-Za-z ()_]*?) = (?P<value>.*?)\s*$")
# A list with a colon from 2.1 on; 2.0 and older count it: "Tracked scripts = 1".
_TRACKS = re.compile(r"^\s+Tracked scripts (?::|= \d+)\s*$")
_TRACKED = re.compile(r"^\s+(?P<name>\S+) weight (?P<weight>[+-]?\d+)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NOTIFY = re.compile(r"(Backup|Master|Fault|Stop) state transition script")
_VERSION = re.compile(r"VRRP Version$")


@dataclass(slots=True)
class _Block:
    kind: str
    name: str
    fields: dict[str, str] = field(default_factory=dict)
    tracked: list[tuple[str, int]] = field(default_factory=list)


def live_config(text: str) -> Mapping[str, LiveVrrp]:
    """By instance. One whose priority, advert interval, router id or version is not told is left out."""
    blocks = list(_blocks(text))
    checks = {block.name: check for block in blocks if block.kind == "Script" and (check := _check(block))}
    found = (_instance(block, checks) for block in blocks if block.kind == "Instance")
    return {live.instance: live for live in found if live is not None}


def _blocks(text: str) -> Iterator[_Block]:
    block: _Block | None = None
    tracking = False
    for line in text.splitlines():
        if start := _BLOCK.match(line):
            if block is not None:
                yield block
            block, tracking = _Block(start["kind"], start["name"]), False
        elif block is None:
            continue
        elif line.strip() and not line.startswith(" "):
            yield block
            block = None
        elif _TRACKS.match(line):
            tracking = True
        elif tracking and (tracked := _TRACKED.match(line)):
            block.tracked.append((tracked["name"], int(tracked["weight"])))
        else:
            tracking = False  # the list is over: tracked files follow in the same form
            if told := _FIELD.match(line):
                block.fields.setdefault(told["key"], told["value"])
    if block is not None:
        yield block


def _check(block: _Block) -> LiveCheck | None:
    said = {key: _number(block.fields.get(key)) for key in ("Interval", "Timeout", "Rise", "Fall")}
    interval, rise, fall = said["Interval"], said["Rise"], said["Fall"]
    if not interval or rise is None or fall is None:
        return None  # the dump tells whole seconds: 0 is anything below one
    timeout = said["Timeout"] or interval  # a check without a timeout has its interval as one
    return LiveCheck(block.name, interval, timeout, int(rise), int(fall))


def _instance(block: _Block, checks: Mapping[str, LiveCheck]) -> LiveVrrp | None:
    priority, advert_s = _number(block.fields.get("Priority")), _number(block.fields.get("Advert interval"))
    router_id = _number(block.fields.get("Virtual Router ID"))
    version = next((_number(value) for key, value in block.fields.items() if _VERSION.search(key)), None)
    if priority is None or advert_s is None or router_id is None or version is None:
        return None
    if block.fields["Advert interval"].endswith("milli-sec"):
        advert_s /= 1000
    # An instance may give a script another weight than the script itself has.
    told = tuple(replace(checks[name], weight=weight) for name, weight in block.tracked if name in checks)
    return LiveVrrp(
        instance=block.name,
        priority=int(priority),
        advert_interval_s=advert_s,
        nopreempt=block.fields.get("Preempt") == "disabled",
        virtual_router_id=int(router_id),
        version=int(version),
        checks=told if len(told) == len(block.tracked) else None,
        notify=tuple(match[1].upper() for key in block.fields if (match := _NOTIFY.match(key))),
    )


def _number(value: str | None) -> float | None:
    match = _NUMBER.match(value or "")
    return float(match[0]) if match else None
