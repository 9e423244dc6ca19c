"""What a keepalived.conf says of VRRP: instances, check scripts, global settings, each with its line. Pure.

The password is kept for comparison only, and has no printable form.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from iamops.parse.directives import Directive, ReadFile
from iamops.parse.keepalived.conf import UNKNOWN, flattened, is_partial

# Where keepalived takes another value than its file says, or than its default is. Pure.
#
# Source: vrrp_complete_instance() in keepalived's vrrp.c. What it takes instead differs between its versions, so
# such a value is not known here.

# `vrrp_strict` mends whatever RFC 3768 and RFC 5798 do not have.
STRICT = ("version", "priority", "advert_int", "nopreempt", "authentication", "unicast_peer", "unicast_src_ip")
ONCE = ("virtual_router_id", "priority", "advert_int", "version", "interface", "unicast_src_ip", "authentication")
OWNER_PRIORITY = 255
_WHOLE = re.compile(r"[0-9]{1,9}")
_HUNDREDTHS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2}0*)?")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.0+)?")
_RANGES = {"virtual_router_id": range(1, 256), "priority": range(1, 256), "version": range(2, 4)}


def decided(instance: Directive, global_defs: tuple[Directive, ...]) -> frozenset[str]:
    """The keywords of one vrrp_instance, set or not, whose value is keepalived's own choice."""
    return frozenset(_decided(instance, global_defs))


def _decided(instance: Directive, global_defs: tuple[Directive, ...]) -> Iterator[str]:
    if instance.first("strict_mode") or any(directive.name == "vrrp_strict" for directive in global_defs):
        yield from STRICT
    for name in ONCE:
        if len(instance.all(name)) > 1:
            yield name
    for name, allowed in _RANGES.items():
        if (said := instance.first(name)) and not (_WHOLE.fullmatch(said.arg) and int(said.arg) in allowed):
            yield name
    version = _version(instance, global_defs)
    if version is None:
        yield "version"
    if version != 2:
        # Version 3 knows no authentication.
        yield "authentication"
    advert = instance.first("advert_int")
    if advert and not (_HUNDREDTHS if version == 3 else _SECONDS).fullmatch(advert.arg):
        yield "advert_int"
    yield from _by_state(instance)


def _by_state(instance: Directive) -> Iterator[str]:
    """A node that begins as MASTER owns the address: without a priority it has the highest, and it preempts."""
    state, priority = instance.first("state"), instance.first("priority")
    may_own = state is not None and state.arg != "BACKUP"
    if may_own and priority is None:
        yield "priority"
    if instance.first("nopreempt") and (
        may_own or instance.first("preempt") or (priority and priority.arg == str(OWNER_PRIORITY))
    ):
        yield "nopreempt"


def _version(instance: Directive, global_defs: tuple[Directive, ...]) -> int | None:
    """None: it hangs on the family of its addresses, or cannot be read."""
    said = [
        *instance.all("version"),
        *(directive for directive in global_defs if directive.name == "vrrp_version"),
    ]
    if said and said[0].arg == "3":
        return 3
    lists = (*instance.all("virtual_ipaddress"), *instance.all("unicast_peer"))
    plain = all(_is_ipv4(entry.name) for found in lists for entry in found.block or ())
    if not plain or instance.first("native_ipv6") or (said and said[0].arg != "2"):
        return None
    return 2


def _is_ipv4(text: str) -> bool:
    try:
        return ipaddress.ip_interface(text).version == 4
    except ValueError:
        return False


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


def instances(reading: ReadFile) -> tuple[VrrpConf, ...]:
    """Every vrrp_instance, in the order of the file. A setting that is no number counts as not set."""
    version = next((int(n) for d in _globals(reading, "vrrp_version") if (n := _number(d.arg)) is not None), 2)
    blocks = tuple(entry for block in reading.all("global_defs") for entry in block.block or ())
    return tuple(_instance(block, version, blocks) for block in reading.all("vrrp_instance"))


def checks(reading: ReadFile) -> tuple[CheckConf, ...]:
    """Every vrrp_script."""
    return tuple(_check(block) for block in reading.all("vrrp_script"))


def _globals(reading: ReadFile, name: str) -> list[Directive]:
    return [directive for block in reading.all("global_defs") for directive in block.all(name)]


def _instance(block: Directive, version: int, global_defs: tuple[Directive, ...]) -> VrrpConf:
    auth = block.first("authentication")
    own = {name: block.first(name) for name in ("state", "interface", "unicast_src_ip")}
    numbers = {
        name: _number(found.arg) if (found := block.first(name)) else None
        for name in ("virtual_router_id", "priority", "advert_int", "version")
    }
    vips = [entry for found in block.all("virtual_ipaddress") for entry in found.block or ()]
    peers = [entry for found in block.all("unicast_peer") for entry in found.block or ()]
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
        vips=tuple(sorted(entry.name for entry in vips)),
        unicast_src=own["unicast_src_ip"].arg if own["unicast_src_ip"] else None,
        peers=tuple(sorted(entry.name for entry in peers)),
        tracks=_tracks(block.first("track_script")),
        interfaces=flattened(tracked).args if (tracked := block.first("track_interface")) else (),
        unknown=frozenset(entry.name for entry in block.block or () if _hangs(entry)),
        decided=decided(block, global_defs),
        conditional=UNKNOWN in block.args,
        partial=is_partial(block),
        lines={entry.name: entry.line for entry in block.block or ()},
    )


def _hangs(directive: Directive) -> bool:
    """Does its value, or one in its block, come from a definition or a conditional?"""
    inner = [word for entry in directive.block or () for word in (entry.name, *entry.args)]
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
        lines={entry.name: entry.line for entry in block.block or ()},
    )


def _tracks(block: Directive | None) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for entry in (block.block or ()) if block else ():
        weight = _number(entry.args[1]) if len(entry.args) > 1 and entry.args[0] == "weight" else None
        found[entry.name] = None if weight is None else int(weight)
    return found


def _in(block: Directive | None, name: str) -> str | None:
    found = block.first(name) if block else None
    return found.arg if found else None


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None
