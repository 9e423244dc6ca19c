"""keepalived's data dump as blocks: the fields and lists of each instance and check script. Pure.

The dump holds the authentication password in clear: readers take named fields only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

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
