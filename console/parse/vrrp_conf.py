"""What a keepalived.conf says of VRRP: instances, check scripts, global settings, each with its line. Pure.

The password is kept for comparison only, and has no printable form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from console.parse.directives import Directive, Reading
from console.parse.keepalived_conf import INCLUDES, UNKNOWN, flattened
from console.parse.vrrp_decided import decided

DEFAULT_PRIORITY = 100
# Only these bytes of a PASS password go into an advert (RFC 2338 10.5.2).
PASSWORD_BYTES = 8
# Bounded: a number of 400 digits is infinite to a float.
_NUMBER = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?")
_DEFINITION = re.compile(r"\$(?:\?|\w+|\{\w+\})")


@dataclass(frozen=True, slots=True)
class VrrpConf:
    """One vrrp_instance. `lines`: keyword -> line. `tracks`: check script -> weight (None: the script's own).

    `unknown`: keywords whose value hangs on a definition or a conditional, so that nothing can be said of it.
    `decided`: keywords, set or not, for which keepalived takes a value of its own choice. `conditional`: it may
    not be there. `partial`: what is not set here may be set where nobody could look.
    """

    name: str
    file: str
    line: int
    state: str | None = None
    interface: str | None = None
    router_id: int | None = None
    priority: int = DEFAULT_PRIORITY
    advert_s: float = 1.0
    version: int = 2
    nopreempt: bool = False
    auth_type: str | None = None
    password: str | None = field(default=None, repr=False)
    vips: tuple[str, ...] = ()
    unicast_src: str | None = None
    peers: tuple[str, ...] = ()
    tracks: Mapping[str, int | None] = field(default_factory=dict)
    interfaces: tuple[str, ...] = ()
    unknown: frozenset[str] = frozenset()
    decided: frozenset[str] = frozenset()
    conditional: bool = False
    partial: bool = False
    lines: Mapping[str, int] = field(default_factory=dict)

    def at(self, keyword: str) -> int:
        return self.lines.get(keyword, self.line)

    @property
    def counted_password(self) -> str | None:
        return self.password[:PASSWORD_BYTES] if self.password is not None else None


@dataclass(frozen=True, slots=True)
class CheckConf:
    """One vrrp_script. `fall` None: not set, which counts as 1."""

    name: str
    file: str
    line: int
    script: str = ""
    interval_s: float = 1.0
    fall: int | None = None
    weight: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)

    def at(self, keyword: str) -> int:
        return self.lines.get(keyword, self.line)


def instances(reading: Reading) -> tuple[VrrpConf, ...]:
    """Every vrrp_instance, in the order of the file. A setting that is no number counts as not set."""
    version = next((int(n) for d in _globals(reading, "vrrp_version") if (n := _number(d.arg)) is not None), 2)
    blocks = tuple(each for block in reading.all("global_defs") for each in block.block or ())
    return tuple(_instance(each, version, blocks) for each in reading.all("vrrp_instance"))


def checks(reading: Reading) -> tuple[CheckConf, ...]:
    """Every vrrp_script."""
    return tuple(_check(each) for each in reading.all("vrrp_script"))


def _globals(reading: Reading, name: str) -> list[Directive]:
    return [each for block in reading.all("global_defs") for each in block.all(name)]


def _instance(block: Directive, version: int, global_defs: tuple[Directive, ...]) -> VrrpConf:
    auth = block.first("authentication")
    own = {name: block.first(name) for name in ("state", "interface", "unicast_src_ip")}
    numbers = {
        name: _number(found.arg) if (found := block.first(name)) else None
        for name in ("virtual_router_id", "priority", "advert_int", "version")
    }
    vips = [each for found in block.all("virtual_ipaddress") for each in found.block or ()]
    peers = [each for found in block.all("unicast_peer") for each in found.block or ()]
    priority, advert, router = numbers["priority"], numbers["advert_int"], numbers["virtual_router_id"]
    return VrrpConf(
        name=block.arg,
        file=block.file,
        line=block.line,
        state=own["state"].arg if own["state"] else None,
        interface=own["interface"].arg if own["interface"] else None,
        router_id=None if router is None else int(router),
        priority=DEFAULT_PRIORITY if priority is None else int(priority),
        advert_s=1.0 if advert is None else advert,
        version=int(numbers["version"] or version),
        nopreempt=block.first("nopreempt") is not None,
        auth_type=_in(auth, "auth_type"),
        password=_in(auth, "auth_pass"),
        # Each entry may carry `dev eth0 label …` behind its address.
        vips=tuple(sorted(each.name for each in vips)),
        unicast_src=own["unicast_src_ip"].arg if own["unicast_src_ip"] else None,
        peers=tuple(sorted(each.name for each in peers)),
        tracks=_tracks(block.first("track_script")),
        interfaces=flattened(tracked).args if (tracked := block.first("track_interface")) else (),
        unknown=frozenset(each.name for each in block.block or () if _hangs(each)),
        decided=decided(block, global_defs),
        conditional=UNKNOWN in block.args,
        partial=any(each.name.startswith("$") or each.name in INCLUDES for each in block.block or ()),
        lines={each.name: each.line for each in block.block or ()},
    )


def _hangs(directive: Directive) -> bool:
    """Does its value, or one in its block, come from a definition or a conditional?"""
    inner = [word for each in directive.block or () for word in (each.name, *each.args)]
    # A `$` within a password is most often its own.
    found = _DEFINITION.fullmatch if directive.name == "authentication" else _DEFINITION.search
    return any(found(word) for word in (*directive.args, *inner))


def _check(block: Directive) -> CheckConf:
    script = block.first("script")
    said = {name: _number(d.arg) if (d := block.first(name)) else None for name in ("interval", "fall", "weight")}
    fall, weight = said["fall"], said["weight"]
    return CheckConf(
        name=block.arg,
        file=block.file,
        line=block.line,
        script=" ".join(script.args) if script else "",
        interval_s=said["interval"] or 1.0,
        fall=None if fall is None else int(fall),
        weight=int(weight or 0),
        lines={each.name: each.line for each in block.block or ()},
    )


def _tracks(block: Directive | None) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for each in (block.block or ()) if block else ():
        weight = _number(each.args[1]) if len(each.args) > 1 and each.args[0] == "weight" else None
        found[each.name] = None if weight is None else int(weight)
    return found


def _in(block: Directive | None, name: str) -> str | None:
    found = block.first(name) if block else None
    return found.arg if found else None


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None
