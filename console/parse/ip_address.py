"""Parses `ip -o addr show` and `ip -ts -o monitor address` (iproute2). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

# 2: eth0    inet 10.0.4.99/32 scope global eth0\       valid_lft forever preferred_lft forever
_ADDRESS = re.compile(r"^[0-9]{1,19}: (?P<link>\S+)\s+inet6? (?P<address>[0-9a-fA-F.:]+)")
_STAMP = re.compile(r"^\[(?P<stamp>[^\]]+)\] ?")


@dataclass(frozen=True, slots=True)
class AddressLine:
    """One address that came or went. `stamp`: when, on the node's clock; the monitor must run with TZ=UTC."""

    link: str
    address: str
    present: bool
    stamp: datetime | None = None


def address_list(text: str) -> frozenset[str]:
    """Every address in the output of `ip -o addr show`, without prefix lengths."""
    found = (_ADDRESS.match(line) for line in text.splitlines())
    return frozenset(match["address"] for match in found if match)


def monitor_line(line: str) -> AddressLine | None:
    """One line of the address monitor; None for lines that are not about an address."""
    stamp, rest = _stamp(line.strip())
    present = not rest.startswith("Deleted ")
    match = _ADDRESS.match(rest.removeprefix("Deleted "))
    if match is None:
        return None
    return AddressLine(match["link"], match["address"], present, stamp)


def _stamp(line: str) -> tuple[datetime | None, str]:
    match = _STAMP.match(line)
    if match is None:
        return None, line
    try:
        return datetime.fromisoformat(match["stamp"]).replace(tzinfo=UTC), line[match.end() :]
    except ValueError:
        return None, line[match.end() :]
