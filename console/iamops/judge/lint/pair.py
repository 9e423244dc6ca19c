"""Rules that compare the nodes of one cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from iamops.judge.disk.sources import DaemonSources
from iamops.judge.lint.finding import Hit
from iamops.judge.lint.tree import ConfigTree
from iamops.model.config import KEEPALIVED_CONF
from iamops.parse.keepalived.vrrp import VrrpConf

Told = Callable[[VrrpConf], object]
SAME: tuple[tuple[str, str, Told], ...] = (
    ("P001", "virtual_router_id", lambda v: v.router_id),
    ("P002", "advert_int", lambda v: v.advert_s),
    ("P004", "version", lambda v: v.version),
    # Adverts carry addresses without their prefix lengths.
    ("P005", "virtual_ipaddress", lambda v: tuple(vip.partition("/")[0] for vip in v.vips)),
)


def pair_hits(trees: Sequence[ConfigTree]) -> Iterator[Hit]:
    """Every instance, on all the nodes that should have it. Nothing for less than two nodes."""
    having = [tree for tree in trees if KEEPALIVED_CONF in tree.files]
    names = dict.fromkeys(vrrp.name for tree in having for vrrp in tree.vrrp)
    for name in names:
        found = [(tree, vrrp) for tree in having for vrrp in tree.vrrp if vrrp.name == name]
        if len(having) > 1 and len(found) < len(having):
            without = [tree for tree in having if tree not in [t for t, _ in found]]
            for tree in without:
                for pattern in _unread(tree):
                    yield Hit(
                        "L003",
                        f"{pattern} is included and was not read: {name} may be there",
                        tree.name,
                        KEEPALIVED_CONF,
                    )
            missing = [tree.name for tree in without if not _unread(tree)]
            if missing:
                yield _hit("P010", f"{name} is not on {', '.join(missing)}", found[0], "virtual_router_id")
        if len(found) > 1:
            yield from _compared(name, found)


def _unread(tree: ConfigTree) -> list[str]:
    """Includes of which it is not certain that every file is at hand."""
    return list(DaemonSources.of(tree.conf, KEEPALIVED_CONF, tree.keepalived).unread)


def _compared(name: str, found: list[tuple[ConfigTree, VrrpConf]]) -> Iterator[Hit]:
    for code, keyword, told in SAME:
        if not _known(found, keyword):
            continue
        values = [told(vrrp) for _, vrrp in found]
        if len(set(values)) > 1:
            said = " and ".join(
                f"{_shown(value)} on {tree.name}" for (tree, _), value in zip(found, values, strict=True)
            )
            yield _hit(code, f"{name}: {keyword} is {said}", found[-1], keyword)
    secrets = {(vrrp.auth_type, vrrp.counted_password) for _, vrrp in found}
    if len(secrets) > 1 and _known(found, "authentication"):
        yield _hit("P003", f"{name}: type or password is not the same on all nodes", found[-1], "authentication")
    if _known(found, "unicast_peer", "unicast_src_ip"):
        yield from _unicast(name, found)
    if _known(found, "priority"):
        yield from _priorities(name, found)


def _known(found: list[tuple[ConfigTree, VrrpConf]], *keywords: str) -> bool:
    """A value that hangs on a definition or a conditional says nothing."""
    return not any(vrrp.unknown.intersection(keywords) for _, vrrp in found)


def _unicast(name: str, found: list[tuple[ConfigTree, VrrpConf]]) -> Iterator[Hit]:
    unicast = [bool(vrrp.peers) for _, vrrp in found]
    if any(unicast) and not all(unicast):
        odd = found[unicast.index(False)]
        yield _hit("P007", f"{name}: {odd[0].name} has no unicast_peer", odd, "unicast_peer")
        return
    for tree, vrrp in found if all(unicast) else ():
        others = {other.unicast_src for each, other in found if each is not tree and other.unicast_src}
        missing = sorted(others - set(vrrp.peers))
        if missing:
            evidence = f"{name}: {tree.name} does not name {', '.join(missing)} as a peer"
            yield _hit("P006", evidence, (tree, vrrp), "unicast_peer")


def _priorities(name: str, found: list[tuple[ConfigTree, VrrpConf]]) -> Iterator[Hit]:
    ranked = sorted(found, key=lambda each: -each[1].priority)
    if ranked[0][1].priority == ranked[1][1].priority:
        evidence = f"{name}: priority {ranked[0][1].priority} on {ranked[0][0].name} and {ranked[1][0].name}"
        yield _hit("P009", evidence, ranked[1], "priority")
    elif not ranked[0][1].nopreempt and any(vrrp.nopreempt for _, vrrp in ranked[1:]):
        yield _hit(
            "P008", f"{name}: {ranked[0][0].name} has priority {ranked[0][1].priority}", ranked[0], "priority"
        )


def _hit(code: str, evidence: str, where: tuple[ConfigTree, VrrpConf], keyword: str) -> Hit:
    tree, vrrp = where
    return Hit(code, evidence, tree.name, vrrp.file, vrrp.at(keyword))


def _shown(value: object) -> str:
    return (
        ", ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)
    )
