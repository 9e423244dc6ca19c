"""keepalived's data dump, and its files, as settings that can be compared with each other. Pure.

Only what was told is in a Settings: what a build does not tell, or a file leaves to a definition, is compared with
nothing. A password is kept for comparison only, and has no printable form.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from console.parse.vrrp_conf import PASSWORD_BYTES, VrrpConf

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
_INSTANCE = re.compile(r"^\s*VRRP Instance = (?P<name>\S+)\s*$")
_FIELD = re.compile(r"^   (?P<key>[A-Za-z][A-Za-z ()_]*?) = (?P<value>.*?)\s*$")
# A colon from 2.1 on, a number before.
_LIST = re.compile(
    r"^   (?P<key>Virtual IP|Unicast Peer)(?: \([0-9]{1,19}\)| )?(?::| = [0-9]{1,19}|= [0-9]{1,19})\s*$"
)
_ENTRY = re.compile(r"^     (?P<word>\S+)")
_NUMBER = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,19})?")
_TYPES = {"SIMPLE_PASSWORD": "PASS", "IPSEC_AH": "AH"}
_HIDDEN = re.compile(r"\*+")
# With use_vmac or use_ipvlan: "vrrp.51, vmac on eth0, xmit base i/f"; the file names the one that it is on.
_ON_TOP = re.compile(r"\S+, \w+ on (?P<base>[^\s,]+)")


@dataclass(frozen=True, slots=True)
class Settings:
    """One instance: setting -> value, where it is told. `hides_password`: the daemon does not tell it."""

    values: Mapping[str, object] = field(default_factory=dict, repr=False)
    hides_password: bool = False


def settings_of(vrrp: VrrpConf, *, whole: bool = True) -> Settings:
    """What a file says, its defaults included, without what keepalived decides itself.

    `whole` False: not every file is at hand, so that what is not set may be set there.
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
    return Settings({name: value for name, value in values.items() if name not in hangs | absent})


def address(text: str) -> str:
    """An address in its one spelling, without its prefix; what is none stays as it is."""
    try:
        return str(ipaddress.ip_interface(text).ip)
    except ValueError:
        return text.partition("/")[0]


def addresses(texts: Iterable[str]) -> tuple[str, ...]:
    """Each address once, in one order."""
    return tuple(sorted({address(text) for text in texts}))


def running_settings(text: str) -> Mapping[str, Settings]:
    """By instance, what the daemon is really running with."""
    found: dict[str, Settings] = {}
    name, lines = None, list[str]()
    for line in [*text.splitlines(), "------<"]:
        start = _INSTANCE.match(line)
        if name is not None and (start or (line.strip() and not line.startswith("  "))):
            found[name] = _settings(lines)
            name = None
        if start:
            name, lines = start["name"], []
        elif name is not None:
            lines.append(line)
    return found


def _settings(lines: list[str]) -> Settings:
    fields: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    entries: list[str] | None = None
    for line in lines:
        if header := _LIST.match(line):
            entries = lists.setdefault(header["key"], [])
        elif entries is not None and (entry := _ENTRY.match(line)):
            entries.append(entry["word"])
        elif told := _FIELD.match(line):
            entries = None
            fields.setdefault(told["key"], told["value"])
        else:
            entries = None
    return _compared(fields, lists)


def _compared(fields: Mapping[str, str], lists: Mapping[str, list[str]]) -> Settings:
    values: dict[str, object] = {}
    for name, key in ((ROUTER_ID, "Virtual Router ID"), (PRIORITY, "Priority"), (VERSION, "VRRP Version")):
        if (number := _number(fields.get(key))) is not None:
            values[name] = int(number)
    if (advert_s := _number(fields.get("Advert interval"))) is not None:
        values[ADVERT] = advert_s / 1000 if fields["Advert interval"].endswith("milli-sec") else advert_s
    if "Preempt" in fields:
        values[NOPREEMPT] = fields["Preempt"] == "disabled"
    if "Interface" in fields:
        on_top = _ON_TOP.match(fields["Interface"])
        values[INTERFACE] = on_top["base"] if on_top else fields["Interface"]
    if "Using src_ip" in fields and "from configuration" in fields["Using src_ip"]:
        values[SOURCE] = address(fields["Using src_ip"].partition(" ")[0])
    if "Virtual IP" in lists:
        values |= {VIPS: addresses(lists["Virtual IP"])}
        values |= {UNICAST: "Unicast Peer" in lists, PEERS: addresses(lists.get("Unicast Peer", []))}
    password, kind = fields.get("Password"), fields.get("Authentication type")
    hidden = password is not None and _HIDDEN.fullmatch(password) is not None
    if kind is not None and password is not None and not hidden:
        values[AUTH] = (_TYPES.get(kind, kind), password[:PASSWORD_BYTES])
    return Settings(values, hides_password=hidden)


def _number(value: str | None) -> float | None:
    match = _NUMBER.match(value) if value is not None else None
    return float(match[0]) if match else None
