"""Where keepalived takes another value than its file says, or than its default is. Pure.

Source: vrrp_complete_instance() in keepalived's vrrp.c. What it takes instead differs between its versions, so
such a value is not known here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from console.parse.directives import Directive

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
    if instance.first("strict_mode") or any(each.name == "vrrp_strict" for each in global_defs):
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
    said = [*instance.all("version"), *(each for each in global_defs if each.name == "vrrp_version")]
    if said and said[0].arg == "3":
        return 3
    lists = (*instance.all("virtual_ipaddress"), *instance.all("unicast_peer"))
    plain = all(_is_ipv4(each.name) for found in lists for each in found.block or ())
    if not plain or instance.first("native_ipv6") or (said and said[0].arg != "2"):
        return None
    return 2


def _is_ipv4(text: str) -> bool:
    try:
        return ipaddress.ip_interface(text).version == 4
    except ValueError:
        return False
