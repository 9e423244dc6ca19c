"""Rules that compare the nodes of one cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from iamops.judge.disk.sources import DaemonSources
from iamops.judge.lint.finding import Hit
from iamops.judge.lint.tree import ConfigTree
from iamops.model.config import KEEPALIVED_CONF
from iamops.parse.keepalived.vrrp import VrrpConf

# Code, keyword and its value: what must be the same on every node.
SAME: tuple[tuple[str, str, Callable[[VrrpConf], object]], ...] = (
    ("P001", "virtual_router_id", lambda v: v.router_id),
    ("P002", "advert_int", lambda v: v.advert_s),
    ("P004", "version", lambda v: v.version),
    # Adverts carry addresses without their prefix lengths.
    ("P005", "virtual_ipaddress", lambda v: tuple(vip.partition("/")[0] for vip in v.vips)),
)


Placed: TypeAlias = tuple[ConfigTree, VrrpConf]


def pair_hits(trees: Sequence[ConfigTree]) -> Iterator[Hit]:
    """Every instance, on all the nodes that should have it. Nothing for less than two nodes."""
    having = [tree for tree in trees if KEEPALIVED_CONF in tree.files]
    names = dict.fromkeys(vrrp.name for tree in having for vrrp in tree.vrrp)
    for name in names:
        found = [(tree, vrrp) for tree in having for vrrp in tree.vrrp if vrrp.name == name]
        missing = []
        for tree in having:
            if len(having) < 2 or tree in [other for other, _ in found]:
                continue
            # Includes of which it is not certain that every file is at hand.
            unread = list(DaemonSources.of(tree.conf, KEEPALIVED_CONF, tree.keepalived).unavailable)
            for pattern in unread:
                text = f"{pattern} is included and was not read: {name} may be there"
                yield Hit("L003", text, tree.name, KEEPALIVED_CONF)
            if not unread:
                missing.append(tree.name)
        if missing:
            yield _hit("P010", f"{name} is not on {', '.join(missing)}", found[0], "virtual_router_id")
        if len(found) > 1:
            yield from _compared(name, found)


def _compared(name: str, found: list[Placed]) -> Iterator[Hit]:
    for code, keyword, value_of in SAME:
        values = [value_of(vrrp) for _, vrrp in found]
        if _known(found, keyword) and len(set(values)) > 1:
            placed = zip(found, values, strict=True)
            shown = " and ".join(f"{_shown(value)} on {tree.name}" for (tree, _), value in placed)
            yield _hit(code, f"{name}: {keyword} is {shown}", found[-1], keyword)
    secrets = {(vrrp.auth_type, vrrp.counted_password) for _, vrrp in found}
    if len(secrets) > 1 and _known(found, "authentication"):
        yield _hit("P003", f"{name}: type or password is not the same on all nodes", found[-1], "authentication")
    if _known(found, "unicast_peer", "unicast_src_ip"):
        yield from _unicast(name, found)
    if _known(found, "priority"):
        yield from _priorities(name, found)


def _known(found: list[Placed], *keywords: str) -> bool:
    """A value that depends on a definition or a conditional cannot be compared."""
    return not any(vrrp.unknown.intersection(keywords) for _, vrrp in found)


def _unicast(name: str, found: list[Placed]) -> Iterator[Hit]:
    unicast = [bool(vrrp.peers) for _, vrrp in found]
    if any(unicast) and not all(unicast):
        odd = found[unicast.index(False)]
        yield _hit("P007", f"{name}: {odd[0].name} has no unicast_peer", odd, "unicast_peer")
        return
    for tree, vrrp in found if all(unicast) else ():
        others = {v.unicast_src for placed_on, v in found if placed_on is not tree and v.unicast_src}
        missing = sorted(others - set(vrrp.peers))
        if missing:
            evidence = f"{name}: {tree.name} does not name {', '.join(missing)} as a peer"
            yield _hit("P006", evidence, (tree, vrrp), "unicast_peer")


def _priorities(name: str, found: list[Placed]) -> Iterator[Hit]:
    ranked = sorted(found, key=lambda placed: -placed[1].priority)
    (best, first), (second, other) = ranked[:2]
    if first.priority == other.priority:
        evidence = f"{name}: priority {first.priority} on {best.name} and {second.name}"
        yield _hit("P009", evidence, (second, other), "priority")
    elif not first.nopreempt and any(vrrp.nopreempt for _, vrrp in ranked[1:]):
        yield _hit("P008", f"{name}: {best.name} has priority {first.priority}", (best, first), "priority")


def _hit(code: str, evidence: str, where: Placed, keyword: str) -> Hit:
    tree, vrrp = where
    return Hit(code, evidence, tree.name, vrrp.file, vrrp.at(keyword))


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
