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

# Where keepalived takes another value than its file says, or than its default is.
#
# Source: vrrp_complete_instance() in keepalived's vrrp.c. What it takes instead differs between its versions, so
# such a value is not known here.

# `vrrp_strict` corrects everything that RFC 3768 and RFC 5798 do not have.
STRICT = ("version", "priority", "advert_int", "nopreempt", "authentication", "unicast_peer", "unicast_src_ip")
ONCE = ("virtual_router_id", "priority", "advert_int", "version", "interface", "unicast_src_ip", "authentication")
OWNER_PRIORITY = 255
_WHOLE = re.compile(r"[0-9]{1,9}")
_HUNDREDTHS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2}0*)?")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.0+)?")
_RANGES = {"virtual_router_id": range(1, 256), "priority": range(1, 256), "version": range(2, 4)}


def decided(instance: Directive, global_defs: tuple[Directive, ...]) -> Iterator[str]:
    """The keywords of one vrrp_instance, set or not, whose value is keepalived's own choice."""
    if instance.first("strict_mode") or any(directive.name == "vrrp_strict" for directive in global_defs):
        yield from STRICT
    yield from (name for name in ONCE if len(instance.all(name)) > 1)
    for name, allowed in _RANGES.items():
        if (found := instance.first(name)) and not (_WHOLE.fullmatch(found.arg) and int(found.arg) in allowed):
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
    # A node that begins as MASTER owns the address: without a priority it has the highest, and it preempts.
    state, priority = instance.first("state"), instance.first("priority")
    may_own = state is not None and state.arg != "BACKUP"
    if may_own and priority is None:
        yield "priority"
    owner = priority is not None and priority.arg == str(OWNER_PRIORITY)
    if instance.first("nopreempt") and (may_own or instance.first("preempt") or owner):
        yield "nopreempt"


def _version(instance: Directive, global_defs: tuple[Directive, ...]) -> int | None:
    """None: it depends on the family of its addresses, or cannot be read."""
    stated = [
        *instance.all("version"),
        *(directive for directive in global_defs if directive.name == "vrrp_version"),
    ]
    if stated and stated[0].arg == "3":
        return 3
    addresses = (*instance.entries("virtual_ipaddress"), *instance.entries("unicast_peer"))
    plain = all(_is_ipv4(entry.name) for entry in addresses)
    if not plain or instance.first("native_ipv6") or (stated and stated[0].arg != "2"):
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

    `unknown`: keywords whose value depends on a definition or a conditional. `decided`: keywords, set or not, for
    which keepalived takes a value of its own choice. `conditional`: it may not be there. `partial`: what is not
    set here may be set in files that are not at hand.
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
    global_defs = tuple(entry for block in reading.all("global_defs") for entry in block.block or ())
    versions = (_number(entry.arg) for entry in global_defs if entry.name == "vrrp_version")
    version = next((int(number) for number in versions if number is not None), 2)
    return tuple(_instance(block, version, global_defs) for block in reading.all("vrrp_instance"))


def checks(reading: ReadFile) -> tuple[CheckConf, ...]:
    return tuple(
        CheckConf(
            name=block.arg,
            file=block.file,
            line=block.line,
            script=" ".join(script.args) if (script := block.first("script")) else "",
            interval_s=_first_number(block, "interval") or 1.0,
            fall=None if (fall := _first_number(block, "fall")) is None else int(fall),
            weight=int(_first_number(block, "weight") or 0),
            lines={entry.name: entry.line for entry in block.block or ()},
        )
        for block in reading.all("vrrp_script")
    )


def _instance(block: Directive, version: int, global_defs: tuple[Directive, ...]) -> VrrpConf:
    auth = block.first("authentication")
    router, priority, advert, own_version = (
        _first_number(block, name) for name in ("virtual_router_id", "priority", "advert_int", "version")
    )
    return VrrpConf(
        name=block.arg,
        file=block.file,
        line=block.line,
        state=_first_arg(block, "state"),
        interface=_first_arg(block, "interface"),
        router_id=None if router is None else int(router),
        priority=DEFAULT_PRIORITY if priority is None else int(priority),
        advert_s=1.0 if advert is None else advert,
        version=int(own_version or version),
        nopreempt=block.first("nopreempt") is not None,
        auth_type=_first_arg(auth, "auth_type"),
        password=_first_arg(auth, "auth_pass"),
        # Each entry may carry `dev eth0 label …` behind its address.
        vips=tuple(sorted(entry.name for entry in block.entries("virtual_ipaddress"))),
        unicast_src=_first_arg(block, "unicast_src_ip"),
        peers=tuple(sorted(entry.name for entry in block.entries("unicast_peer"))),
        tracks=_tracks(block.first("track_script")),
        interfaces=flattened(tracked).args if (tracked := block.first("track_interface")) else (),
        unknown=frozenset(entry.name for entry in block.block or () if _hangs(entry)),
        decided=frozenset(decided(block, global_defs)),
        conditional=UNKNOWN in block.args,
        partial=is_partial(block),
        lines={entry.name: entry.line for entry in block.block or ()},
    )


def _hangs(directive: Directive) -> bool:
    """Does its value, or one in its block, come from a definition or a conditional?"""
    # A `$` within a password is most often its own.
    found = _DEFINITION.fullmatch if directive.name == "authentication" else _DEFINITION.search
    return any(found(word) for word in (*directive.args, *flattened(directive).args))


def _tracks(block: Directive | None) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for entry in (block.block or ()) if block else ():
        weight = _number(entry.args[1]) if len(entry.args) > 1 and entry.args[0] == "weight" else None
        found[entry.name] = None if weight is None else int(weight)
    return found


def _first_arg(block: Directive | None, name: str) -> str | None:
    found = block.first(name) if block else None
    return found.arg if found else None


def _first_number(block: Directive, name: str) -> float | None:
    return _number(_first_arg(block, name) or "")


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None
