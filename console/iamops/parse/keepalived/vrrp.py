"""What a keepalived.conf says of VRRP: instances, check scripts, global settings, each with its line. Pure.

The password is kept for comparison only, and has no printable form.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

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
MAX_ADVERT_S = 255
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
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?")
_DEFINITION = re.compile(r"\$(?:\?|\w+|\{\w+\})")


@dataclass(frozen=True, slots=True)
class VrrpConf:
    """One vrrp_instance, as keepalived takes it: of what is set twice the last, and what it works out itself.

    `lines`: keyword -> last line. `tracks`: check script -> weight (None: the script's own). `family`: 4 or 6.
    `advert_s`: rounded as its version asks. `others`: what else it tracks, keyword and name.

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
    preempt_delay: bool = False
    strict: bool = False
    accept: bool = False
    family: int = 4
    auth_type: str | None = None
    password: str | None = field(default=None, repr=False)
    vips: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    unicast_src: str | None = None
    peers: tuple[str, ...] = ()
    tracks: Mapping[str, int | None] = field(default_factory=dict)
    others: tuple[tuple[str, str], ...] = ()
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

    @property
    def auth(self) -> tuple[str, str] | None:
        """What its adverts carry: version 3 has no authentication, and a type without a password is none."""
        if self.version == 3 or self.auth_type not in ("PASS", "AH") or not self.counted_password:
            return None
        return self.auth_type, self.counted_password

    def knows(self, *keywords: str) -> bool:
        """Is the value of each what it says here, set or not?"""
        doubtful = self.unknown.union(STRICT if self.strict else ())
        return not any(k in doubtful or (self.partial and k not in self.lines) for k in keywords)


@dataclass(frozen=True, slots=True)
class CheckConf:
    """One vrrp_script. `fall` None: not set, which counts as 1. `unknown`, `partial`: as of an instance."""

    name: str
    file: str
    line: int
    script: str = ""
    interval_s: float = 1.0
    fall: int | None = None
    weight: int = 0
    user: str = ""
    unknown: frozenset[str] = frozenset()
    partial: bool = False
    lines: Mapping[str, int] = field(default_factory=dict)

    def at(self, keyword: str) -> int:
        return self.lines.get(keyword, self.line)


def instances(reading: ReadFile) -> tuple[VrrpConf, ...]:
    """Every vrrp_instance, in the order of the file. A setting that is no number counts as not set."""
    global_defs = tuple(
        replace(entry, args=(UNKNOWN,)) if UNKNOWN in block.args else entry
        for block in reading.all("global_defs")
        for entry in block.block or ()
    )
    return tuple(_instance(block, global_defs) for block in reading.all("vrrp_instance"))


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
            user=_last_arg(block, "user") or "",
            unknown=frozenset(entry.name for entry in block.block or () if _hangs(entry)),
            partial=is_partial(block),
            lines={entry.name: entry.line for entry in block.block or ()},
        )
        for block in reading.all("vrrp_script")
    )


def _instance(block: Directive, global_defs: tuple[Directive, ...]) -> VrrpConf:
    auth = block.first("authentication")
    # Each entry may carry `dev eth0 label …` behind its address.
    vips, excluded = (
        tuple(sorted(entry.name for entry in block.entries(name)))
        for name in ("virtual_ipaddress", "virtual_ipaddress_excluded")
    )
    peers = tuple(sorted(entry.name for entry in block.entries("unicast_peer")))
    source = _last_arg(block, "unicast_src_ip")
    family = _family((source or "", *peers, *(entry.name for entry in block.entries("virtual_ipaddress"))))
    version, doubtful = _counted_version(block, family, global_defs)
    router = _last_number(block, "virtual_router_id")
    state = "MASTER" if any(given.arg == "MASTER" for given in block.all("state")) else _last_arg(block, "state")
    preempt = [entry.name for entry in block.block or () if entry.name in ("preempt", "nopreempt")]
    strict = block.all("strict_mode")[-1:]
    everywhere = any(entry.name == "vrrp_strict" for entry in global_defs)
    return VrrpConf(
        name=block.arg,
        file=block.file,
        line=block.line,
        state=state,
        interface=_last_arg(block, "interface"),
        router_id=None if router is None else int(router),
        priority=_counted_priority(block, state),
        advert_s=_counted_advert(block, version),
        version=version,
        nopreempt=preempt[-1:] == ["nopreempt"],
        preempt_delay=bool(_last_number(block, "preempt_delay")),
        strict=strict[0].arg not in ("off", "false", "no") if strict else everywhere,
        accept=block.first("accept") is not None,
        family=family,
        auth_type=_first_arg(auth, "auth_type"),
        password=_first_arg(auth, "auth_pass"),
        vips=vips,
        excluded=excluded,
        unicast_src=source,
        peers=peers,
        tracks=tracks(block),
        others=tracked_others(block),
        interfaces=flattened(tracked).args if (tracked := block.first("track_interface")) else (),
        unknown=frozenset({entry.name for entry in block.block or () if _hangs(entry)} | doubtful),
        decided=frozenset(decided(block, global_defs)),
        conditional=UNKNOWN in block.args,
        partial=is_partial(block),
        lines={entry.name: entry.line for entry in block.block or ()},
    )


# What keepalived makes of what an instance says. Source: vrrp_complete_instance() in keepalived's vrrp.c.


def _family(addresses: Iterable[str]) -> int:
    """The first address decides; 4 where there is none."""
    found = (ipaddress.ip_interface(text).version for text in addresses if is_address(text))
    return next(found, 4)


def is_address(text: str) -> bool:
    """With or without the length of its prefix."""
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


def _counted_version(
    block: Directive, family: int, global_defs: tuple[Directive, ...]
) -> tuple[int, frozenset[str]]:
    """The version, and `version` where it cannot be told: the releases differ on version 2 with IPv6."""
    own = _last_arg(block, "version")
    everywhere = [entry.arg for entry in global_defs if entry.name == "vrrp_version"]
    stated = own or ("3" if family == 6 else everywhere[-1] if everywhere else "2")
    known = stated in ("2", "3") and not (stated == "2" and family == 6)
    return int(stated) if stated in ("2", "3") else 2, frozenset(() if known else ("version",))


def _counted_priority(block: Directive, state: str | None) -> int:
    """Without one, a node that begins as MASTER owns the address."""
    stated = _last_arg(block, "priority")
    if stated is None:
        return OWNER_PRIORITY if state == "MASTER" else DEFAULT_PRIORITY
    valid = _WHOLE.fullmatch(stated) and int(stated) in _RANGES["priority"]
    return int(stated) if valid else DEFAULT_PRIORITY


def _counted_advert(block: Directive, version: int) -> float:
    """Seconds: whole ones in version 2, rounded up from a half, never 0."""
    stated = _last_number(block, "advert_int")
    if stated is None or not 0 < stated <= MAX_ADVERT_S:
        return 1.0
    return max(1.0, float(int(stated + 0.5))) if version == 2 else stated


def _hangs(directive: Directive) -> bool:
    """Does its value, or one in its block, come from a definition or a conditional?"""
    # A `$` within a password is most often its own.
    found = _DEFINITION.fullmatch if directive.name == "authentication" else _DEFINITION.search
    return any(found(word) for word in (*directive.args, *flattened(directive).args))


def tracks(block: Directive) -> dict[str, int | None]:
    """Tracked script -> weight: of an instance, or of a group."""
    found: dict[str, int | None] = {}
    for entry in block.entries("track_script"):
        weight = _number(entry.args[1]) if len(entry.args) > 1 and entry.args[0] == "weight" else None
        found[entry.name] = None if weight is None else int(weight)
    return found


def tracked_others(block: Directive) -> tuple[tuple[str, str], ...]:
    """What is tracked besides scripts and interfaces: `track_process` and a name, `track_file` and a name."""
    kinds = ("track_process", "track_file")
    return tuple((kind, entry.name) for kind in kinds for entry in block.entries(kind))


def _first_arg(block: Directive | None, name: str) -> str | None:
    found = block.first(name) if block else None
    return found.arg if found else None


def _last_arg(block: Directive, name: str) -> str | None:
    found = block.all(name)
    return found[-1].arg if found else None


def _last_number(block: Directive, name: str) -> float | None:
    return _number(_last_arg(block, name) or "")


def _first_number(block: Directive, name: str) -> float | None:
    return _number(_first_arg(block, name) or "")


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None
