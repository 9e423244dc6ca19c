"""keepalived's data dump, or the files of a stopped one -> the configuration of its VRRP instances. Pure.

The dump holds the authentication password in clear: only named fields are taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from console.model.live import LiveCheck, LiveVrrp
from console.parse.directives import Directive, Reading
from console.parse.vrrp_conf import VrrpConf, instances
from console.parse.vrrp_decided import OWNER_PRIORITY
from console.parse.vrrp_rest import TRACKED, Rest, check_key, rest_on_disk

_BLOCK = re.compile(r"^\s*VRRP (?P<kind>Instance|Script) = (?P<name>\S+)\s*$")
_FIELD = re.compile(r"^\s+(?P<key>[A-Za-z][A-Za-z ()_]*?) = (?P<value>.*?)\s*$")
# A list with a colon from 2.1 on; 2.0 and older count it: "Tracked scripts = 1".
_TRACKS = re.compile(r"^\s+Tracked scripts (?::|= [0-9]{1,19})\s*$")
_TRACKED = re.compile(r"^\s+(?P<name>\S+) weight (?P<weight>[+-]?[0-9]{1,19})")
_NUMBER = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,19})?")
_NOTIFY = re.compile(r"(Backup|Master|Fault|Stop) state transition script")
_VERSION = re.compile(r"VRRP Version$")
_PREEMPT = {"disabled": True, "enabled": False}
# What is in doubt in one of these leaves an instance without an answer.
_NEEDED = ("state", "priority", "advert_int", "version", "virtual_router_id", "preempt_delay", "track_script")


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
        nopreempt=_PREEMPT.get(block.fields.get("Preempt", "")),
        virtual_router_id=int(router_id),
        version=int(version),
        checks=told if len(told) == len(block.tracked) else None,
        notify=tuple(match[1].upper() for key in block.fields if (match := _NOTIFY.match(key))),
        # The dump names a delay only where there is one.
        preempt_delay_s=_number(block.fields.get("Preempt delay")) or 0.0,
    )


def live_on_disk(reading: Reading) -> Mapping[str, LiveVrrp]:
    """By instance, what a daemon that reads these files runs with; without those that hang on a definition, may
    not be there, or take what keepalived decides itself.
    """
    rest = rest_on_disk(reading)
    blocks = {block.arg: block for block in reading.all("vrrp_instance")}
    found = (_on_disk(vrrp, blocks[vrrp.name], rest) for vrrp in instances(reading))
    return {live.instance: live for live in found if live is not None}


def _on_disk(vrrp: VrrpConf, block: Directive, rest: Rest) -> LiveVrrp | None:
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
        preempt_delay_s=0.0 if delay is None or master or nopreempt else _number(delay.arg) or 0.0,
    )


def _checks_on_disk(tracked: object, rest: Rest) -> tuple[LiveCheck, ...] | None:
    """None where how one of them runs is not said in whole numbers."""
    found = []
    for told in tracked if isinstance(tracked, tuple) else (None,):
        name, _, weight = str(told).split() if told is not None else ("", "", "")
        said = rest.get(check_key(name), {})
        interval, rise, fall = (said.get(key) for key in ("interval", "rise", "fall"))
        timeout = said.get("timeout", interval)  # a check without a timeout has its interval as one
        if not (isinstance(interval, int) and isinstance(rise, int) and isinstance(fall, int)):
            return None
        if not interval or not isinstance(timeout, int):
            return None
        found.append(LiveCheck(name, interval, timeout, rise, fall, int(weight)))
    return tuple(found)


def _number(value: str | None) -> float | None:
    match = _NUMBER.match(value or "")
    return float(match[0]) if match else None
