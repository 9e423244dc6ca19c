"""keepalived's data dump, and its files, as settings that can be compared with each other. Pure.

Only what is known is in a VrrpSettings: what a build does not print, or a file leaves to a definition, is compared
with nothing. A password is kept for comparison only, and has no printable form.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from iamops.parse.directives import Directive, ReadFile
from iamops.parse.keepalived.conf import UNKNOWN, is_partial
from iamops.parse.keepalived.vrrp import PASSWORD_BYTES, VrrpConf

VIRTUAL_IP, UNICAST_PEER, TRACKED_SCRIPTS = "Virtual IP", "Unicast Peer", "Tracked scripts"
_BLOCK = re.compile(r"^\s*VRRP (?P<kind>Instance|Script) = (?P<name>\S+)\s*$")
_FIELD = re.compile(r"^   (?P<key>[A-Za-z][A-Za-z ()_]*?) = (?P<value>.*?)\s*$")
# A colon from 2.1 on; 2.0 and older count: "Tracked scripts = 1".
_LIST = re.compile(
    r"^   (?P<key>Virtual IP|Unicast Peer|Tracked scripts)(?: \([0-9]{1,19}\)| )?"
    r"(?::| = [0-9]{1,19}|= [0-9]{1,19})\s*$"
)
_NUMBER = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,19})?")


@dataclass(frozen=True, slots=True)
class DumpBlock:
    """One VRRP instance, or one check script. `fields`: the first of each name; `lists`: entries by list."""

    kind: str
    name: str
    fields: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_instance(self) -> bool:
        return self.kind == "Instance"


def dump_blocks(text: str) -> list[DumpBlock]:
    """In the order of the dump. A line that is indented less than a field ends its block."""
    blocks: list[DumpBlock] = []
    inside = False
    entries: list[str] | None = None
    for line in text.splitlines():
        if start := _BLOCK.match(line):
            blocks.append(DumpBlock(start["kind"], start["name"]))
            inside, entries = True, None
        elif line.strip() and not line.startswith("  "):
            inside = False
        elif inside and (header := _LIST.match(line)):
            entries = blocks[-1].lists.setdefault(header["key"], [])
        elif inside and entries is not None and line.startswith("     ") and line.strip():
            entries.append(line.strip())
        elif inside:
            entries = None  # the list is over: tracked files follow in the same form
            if found := _FIELD.match(line):
                blocks[-1].fields.setdefault(found["key"], found["value"])
    return blocks


def leading_number(value: str | None) -> float | None:
    """Of `1.5 sec`, `1000 milli-sec`, `51`."""
    match = _NUMBER.match(value or "")
    return float(match[0]) if match else None


def advert_interval_s(fields: Mapping[str, str]) -> float | None:
    advert = leading_number(fields.get("Advert interval"))
    milli = fields.get("Advert interval", "").endswith("milli-sec")
    return advert / 1000 if advert is not None and milli else advert


ROUTER_ID, ADVERT, VERSION, VIPS = "virtual_router_id", "advert_int", "the VRRP version", "the VIP"
AUTH, UNICAST, INTERFACE, PRIORITY = "the authentication", "unicast", "the interface", "priority"
NOPREEMPT, SOURCE, PEERS = "nopreempt", "unicast_src_ip", "unicast_peer"
KEYWORDS = {
    ROUTER_ID: ("virtual_router_id",),
    ADVERT: ("advert_int",),
    VERSION: ("version",),
    VIPS: ("virtual_ipaddress",),
    AUTH: ("authentication",),
    UNICAST: ("unicast_peer",),
    INTERFACE: ("interface",),
    PRIORITY: ("priority",),
    NOPREEMPT: ("nopreempt",),
    SOURCE: ("unicast_src_ip",),
    PEERS: ("unicast_peer",),
}
_TYPES = {"SIMPLE_PASSWORD": "PASS", "IPSEC_AH": "AH"}
_HIDDEN = re.compile(r"\*+")
# With use_vmac or use_ipvlan: "vrrp.51, vmac on eth0, xmit base i/f"; the file names the one that it is on.
_ON_TOP = re.compile(r"\S+, \w+ on (?P<base>[^\s,]+)")


@dataclass(frozen=True, slots=True)
class VrrpSettings:
    """One instance: setting -> value, where it is known. `hides_password`: the daemon prints stars."""

    values: Mapping[str, object] = field(default_factory=dict, repr=False)
    hides_password: bool = False


def settings_of(vrrp: VrrpConf, *, whole: bool = True) -> VrrpSettings:
    """A file's settings, defaults included, without what keepalived decides itself.

    `whole` False: not every file is at hand, and what is not set here may be set there.
    """
    values: dict[str, object] = {
        ROUTER_ID: vrrp.router_id,
        ADVERT: float(vrrp.advert_s),
        VERSION: vrrp.version,
        VIPS: addresses(vrrp.vips),
        AUTH: (vrrp.auth_type, vrrp.counted_password),
        UNICAST: bool(vrrp.peers),
        INTERFACE: vrrp.interface,
        PRIORITY: vrrp.priority,
        NOPREEMPT: vrrp.nopreempt,
        SOURCE: vrrp.unicast_src and address(vrrp.unicast_src),
        PEERS: addresses(vrrp.peers),
    }
    doubtful = vrrp.unknown | vrrp.decided
    hangs = {name for name, words in KEYWORDS.items() if doubtful.intersection(words)}
    absent = {name for name in (INTERFACE, SOURCE) if values[name] is None}
    if vrrp.partial or not whole:
        absent |= {name for name, words in KEYWORDS.items() if vrrp.lines.keys().isdisjoint(words)}
    return VrrpSettings({name: value for name, value in values.items() if name not in hangs | absent})


def address(text: str) -> str:
    """An address in its one spelling, without its prefix; what is none stays as it is."""
    try:
        return str(ipaddress.ip_interface(text).ip)
    except ValueError:
        return text.partition("/")[0]


def addresses(texts: Iterable[str]) -> tuple[str, ...]:
    """Each address once, in one order."""
    return tuple(sorted({address(text) for text in texts}))


def running_settings(text: str) -> Mapping[str, VrrpSettings]:
    return {block.name: _running(block) for block in dump_blocks(text) if block.is_instance}


def _running(block: DumpBlock) -> VrrpSettings:
    fields, values = block.fields, dict[str, object]()
    for name, key in ((ROUTER_ID, "Virtual Router ID"), (PRIORITY, "Priority"), (VERSION, "VRRP Version")):
        if (number := leading_number(fields.get(key))) is not None:
            values[name] = int(number)
    if (advert_s := advert_interval_s(fields)) is not None:
        values[ADVERT] = advert_s
    if "Preempt" in fields:
        values[NOPREEMPT] = fields["Preempt"] == "disabled"
    if "Interface" in fields:
        on_top = _ON_TOP.match(fields["Interface"])
        values[INTERFACE] = on_top["base"] if on_top else fields["Interface"]
    if "Using src_ip" in fields and "from configuration" in fields["Using src_ip"]:
        values[SOURCE] = address(fields["Using src_ip"].partition(" ")[0])
    if VIRTUAL_IP in block.lists:
        vips, peers = (
            addresses(entry.split()[0] for entry in block.lists.get(name, ()))
            for name in (VIRTUAL_IP, UNICAST_PEER)
        )
        values |= {VIPS: vips, UNICAST: UNICAST_PEER in block.lists, PEERS: peers}
    password, kind = fields.get("Password"), fields.get("Authentication type")
    hidden = password is not None and _HIDDEN.fullmatch(password) is not None
    if kind is not None and password is not None and not hidden:
        values[AUTH] = (_TYPES.get(kind, kind), password[:PASSWORD_BYTES])
    return VrrpSettings(values, hides_password=hidden)


# Checks, tracking, notify scripts and a VIP's prefix: in keepalived's data dump, and in its files.
#
# What either side does not show is left out, and is compared with nothing. Keyed by block: an instance's name, or
# `vrrp_script NAME`.

TRACKED, VIP_AS, COMMAND = "the tracked checks", "the VIP's prefix and interface", "the check's command"
BlockSettings = Mapping[str, Mapping[str, object]]
NUMBERS = {"interval": 1, "timeout": None, "rise": 1, "fall": 1, "weight": 0}
_NOTIFY = re.compile(r"(?P<state>Backup|Master|Fault|Stop) state transition script")
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_SECONDS = re.compile(r"([0-9]{1,9}) sec")
# The VIPs are on an interface that keepalived makes, whatever `interface` says.
_MADE_INTERFACES = ("use_vmac", "use_vmac_addr", "use_ipvlan")


def check_key(name: str) -> str:
    return f"vrrp_script {name}"


def running_blocks(text: str) -> BlockSettings:
    blocks = dump_blocks(text)
    checks = {check_key(block.name): dict(_check(block.fields)) for block in blocks if not block.is_instance}
    return {block.name: dict(_instance(block)) for block in blocks if block.is_instance} | checks


def blocks_on_disk(reading: ReadFile, *, whole: bool = True) -> BlockSettings:
    """What the files say, defaults included. `whole` False: files are missing that may set the rest."""
    checks = {block.arg: dict(_check_block(block, whole)) for block in reading.all("vrrp_script")}
    own = [block for block in reading.all("vrrp_instance") if UNKNOWN not in block.args]
    found = {block.arg: dict(_instance_block(block, checks, whole)) for block in own}
    return found | {check_key(name): values for name, values in checks.items()}


def _instance(block: DumpBlock) -> Iterator[tuple[str, object]]:
    tracked = [_weighed(entry.split()) for entry in block.lists.get(TRACKED_SCRIPTS, ())]
    if None not in tracked:
        yield TRACKED, tuple(sorted(filter(None, tracked)))
    interface = block.fields.get("Interface", "")
    vips = [_vip(entry.split(), interface, from_daemon=True) for entry in block.lists.get(VIRTUAL_IP, ())]
    if vips and None not in vips and "," not in interface:
        yield VIP_AS, tuple(sorted(filter(None, vips)))
    for name, value in block.fields.items():
        if (notify := _NOTIFY.match(name)) and (words := _split(value.partition(", uid:gid")[0])):
            yield f"notify_{notify['state'].lower()}", words


def _check(fields: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    if words := _split(fields.get("Command", "")):
        yield COMMAND, words
    for name in ("rise", "fall", "weight"):
        if _WHOLE.fullmatch(value := fields.get(name.capitalize(), "")):
            yield name, int(value)
    for name in ("interval", "timeout"):
        # 0 is anything below one second, or none.
        if (match := _SECONDS.fullmatch(fields.get(name.capitalize(), ""))) and int(match[1]):
            yield name, int(match[1])


def _check_block(block: Directive, whole: bool) -> Iterator[tuple[str, object]]:
    whole, script = whole and not is_partial(block), block.first("script")
    if script is not None and (words := _split(" ".join(script.args))):
        yield COMMAND, words
    for name, default in NUMBERS.items():
        given = block.first(name)
        if given is None and default is not None and whole:
            yield name, default
        elif given is not None and len(given.args) == 1 and _WHOLE.fullmatch(given.arg):
            yield name, int(given.arg)


def _instance_block(
    block: Directive, checks: Mapping[str, Mapping[str, object]], whole: bool
) -> Iterator[tuple[str, object]]:
    whole = whole and not is_partial(block)
    tracked = [
        _weighed((entry.name, *(entry.args or ("weight", str(checks.get(entry.name, {}).get("weight", "?"))))))
        for entry in block.entries("track_script")
    ]
    if None not in tracked and (whole or block.first("track_script")):
        yield TRACKED, tuple(sorted(filter(None, tracked)))
    interface = found.arg if (found := block.first("interface")) else ""
    vips = [_vip((entry.name, *entry.args), interface) for entry in block.entries("virtual_ipaddress")]
    on_top = any(block.first(name) for name in _MADE_INTERFACES)
    if None not in vips and not on_top and (whole or block.first("virtual_ipaddress")):
        yield VIP_AS, tuple(sorted(filter(None, vips)))
    for state in ("backup", "master", "fault", "stop"):
        given = block.first(f"notify_{state}")
        if given is None and whole:
            yield f"notify_{state}", ()
        # A second word is the user it runs as.
        elif given is not None and len(given.args) == 1 and (words := _split(given.arg)):
            yield f"notify_{state}", words


def _weighed(words: tuple[str, ...] | list[str]) -> str | None:
    """`NAME weight N`; None for whatever says more."""
    if len(words) != 3 or words[1] != "weight" or not _WHOLE.fullmatch(words[2]) or "$" in words[0]:
        return None
    return f"{words[0]} weight {int(words[2])}"


def _vip(words: tuple[str, ...] | list[str], interface: str, *, from_daemon: bool = False) -> str | None:
    """Address with prefix and interface; None where a file says more, or leaves it to a definition."""
    try:
        address = ipaddress.ip_interface(words[0] if words else "")
    except ValueError:
        return None
    named = len(words) > 2 and words[1] == "dev"
    device, more = (words[2], words[3:]) if named else (interface, words[1:])
    if not device or "$" in device or (more and not from_daemon):
        return None
    return f"{address} dev {device}"


def _split(text: str) -> tuple[str, ...]:
    try:
        words = shlex.split(text)
    except ValueError:
        return ()
    return () if any("$" in word for word in words) else tuple(words)
