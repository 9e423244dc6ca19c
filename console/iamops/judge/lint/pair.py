"""Rules that compare the nodes of one cluster.

An instance's name is its node's own affair. Nodes hear each other by the virtual router id, the address family
and the segment (RFC 5798 5.2.3), and serve clients by the VIPs: by these the instances of several nodes are one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from iamops.judge.lint.finding import Hit
from iamops.judge.lint.tree import ConfigTree
from iamops.model.config import KEEPALIVED_CONF
from iamops.parse.keepalived.settings import address, addresses
from iamops.parse.keepalived.vrrp import OWNER_PRIORITY, VrrpConf, is_address

Placed: TypeAlias = tuple[ConfigTree, VrrpConf]
# One instance of a node, and of each other node the one that belongs to it.
Router: TypeAlias = list[Placed]
VIPS, EXCLUDED = "virtual_ipaddress", "virtual_ipaddress_excluded"
ROUTER_ID, SOURCE, PEERS = "virtual_router_id", "unicast_src_ip", "unicast_peer"


def pair_hits(trees: Sequence[ConfigTree]) -> Iterator[Hit]:
    """Every router, on all the nodes that should have it. Nothing for less than two nodes."""
    having = [tree for tree in trees if KEEPALIVED_CONF in tree.files]
    if len(having) < 2:
        return
    for router in routers(having):
        if len(router) < len(having):
            yield from _missing(router, having)
        yield from _compared(router)


def routers(trees: Sequence[ConfigTree]) -> list[Router]:
    """What surely stands in the files, put together by the surest sign first."""
    found: list[Router] = [[(tree, vrrp)] for tree in trees for vrrp in tree.vrrp if not vrrp.conditional]
    for keys in (_by_id_and_vip, _by_id_and_interface, _by_id, _by_vip, _by_name):
        # What is on every node already needs no other.
        whole = [router for router in found if len(router) == len(trees)]
        found = whole + _joined([router for router in found if len(router) < len(trees)], keys)
    return found


def _joined(found: list[Router], keys: Callable[[VrrpConf], Iterable[Hashable]]) -> list[Router]:
    """Puts together what shares a key and is on different nodes."""
    done: list[Router] = []
    seen: dict[Hashable, list[Router]] = {}
    for router in found:
        own = dict.fromkeys(key for _, vrrp in router for key in keys(vrrp))
        names = {tree.name for tree, _ in router}
        others = (other for key in own for other in seen.get(key, ()))
        into = next((o for o in others if names.isdisjoint(tree.name for tree, _ in o)), None)
        if into is None:
            done.append(router)
        else:
            into += router
        for key in own:
            seen.setdefault(key, []).append(router if into is None else into)
    return done


def _by_id_and_vip(vrrp: VrrpConf) -> Iterable[Hashable]:
    return ((*known, vip) for known in _by_id(vrrp) for _, vip in _by_vip(vrrp))


def _by_id_and_interface(vrrp: VrrpConf) -> Iterable[Hashable]:
    return ((*known, vrrp.interface) for known in _by_id(vrrp) if vrrp.interface and vrrp.knows("interface"))


def _by_id(vrrp: VrrpConf) -> Iterable[tuple[Hashable, ...]]:
    return () if _is_nameless(vrrp) else ((vrrp.router_id, vrrp.family),)


def _by_vip(vrrp: VrrpConf) -> Iterable[tuple[Hashable, ...]]:
    return ((vrrp.family, vip) for vip in addresses(vrrp.vips) if "$" not in vip)


def _by_name(vrrp: VrrpConf) -> Iterable[Hashable]:
    """One template for all nodes: what would tell the instances apart hangs on a definition."""
    return () if not _is_nameless(vrrp) and vrrp.knows(VIPS) else (vrrp.name,)


def _is_nameless(vrrp: VrrpConf) -> bool:
    """Its id is not known, or its family: that is the one of its addresses."""
    family = vrrp.knows(VIPS) or any(map(is_address, (*vrrp.vips, *vrrp.peers, vrrp.unicast_src or "")))
    return vrrp.router_id is None or not vrrp.knows(ROUTER_ID) or not family


def _missing(router: Router, having: Sequence[ConfigTree]) -> Iterator[Hit]:
    """The nodes that surely do not have it."""
    name, present = router[0][1].name, {tree.name for tree, _ in router}
    missing = []
    for tree in (tree for tree in having if tree.name not in present):
        for pattern in tree.unread:
            text = f"{pattern} is included and was not read: {name} may be there"
            yield Hit("L003", text, tree.name, KEEPALIVED_CONF)
        if not tree.is_open and not any(vrrp.conditional or _is_nameless(vrrp) for vrrp in tree.vrrp):
            missing.append(tree.name)
    if missing and not _is_nameless(router[0][1]):
        yield _hit("P010", f"{name} is not on {', '.join(missing)}", router[0], ROUTER_ID)


def _compared(router: Router) -> Iterator[Hit]:
    yield from _same(router, "P001", ROUTER_ID, lambda v: v.router_id)
    yield from _same(router, "P005", VIPS, lambda v: addresses(v.vips))
    yield from _same(router, "P005", EXCLUDED, lambda v: addresses(v.excluded))
    versions = [(tree, vrrp) for tree, vrrp in router if _knows_version(tree, vrrp)]
    different = list(_same(versions, "P004", "version", lambda v: v.version))
    yield from different
    if not different:
        # Version 3 takes the master's interval from its adverts, and knows no authentication (RFC 5798 6.1, 9).
        second = [(tree, vrrp) for tree, vrrp in versions if vrrp.version == 2]
        yield from _same(second, "P002", "advert_int", lambda v: v.advert_s)
        secrets = [vrrp.auth for _, vrrp in second if vrrp.knows("authentication")]
        if len(set(secrets)) > 1:
            text = f"{second[0][1].name}: type or password is not the same on all nodes"
            yield _hit("P003", text, second[-1], "authentication")
    yield from _unicast([(tree, vrrp) for tree, vrrp in router if vrrp.knows(PEERS)])
    ranked = [(tree, vrrp) for tree, vrrp in router if knows_priority(vrrp)]
    yield from _priorities(ranked)


def _knows_version(tree: ConfigTree, vrrp: VrrpConf) -> bool:
    """What is not set in the instance may be set for all in a file that was not read."""
    return vrrp.knows("version") and ("version" in vrrp.lines or vrrp.family == 6 or not tree.is_open)


def knows_priority(vrrp: VrrpConf) -> bool:
    """Where it is not set, the state decides."""
    return vrrp.knows("priority") and ("priority" in vrrp.lines or vrrp.knows("state"))


def _same(router: Router, code: str, keyword: str, value_of: Callable[[VrrpConf], Hashable]) -> Iterator[Hit]:
    """Who differs from whom. A value that hangs on a definition or a conditional is compared with nothing."""
    by_value: dict[Hashable, Router] = {}
    for tree, vrrp in router:
        if vrrp.knows(keyword):
            by_value.setdefault(value_of(vrrp), []).append((tree, vrrp))
    if len(by_value) < 2:
        return
    shown = (f"{_shown(value)} on {_names(placed)}" for value, placed in by_value.items())
    # The odd one out; of two nodes the second.
    odd = min(reversed(by_value.values()), key=len)[0]
    yield _hit(code, f"{odd[1].name}: {keyword} is {' and '.join(shown)}", odd, keyword)


def _unicast(router: Router) -> Iterator[Hit]:
    silent = [placed for placed in router if not placed[1].peers]
    if silent and len(silent) < len(router):
        odd = silent[0]
        yield _hit("P007", f"{odd[1].name}: {_names(silent)} has no {PEERS}", odd, PEERS)
        return
    own = {tree.name: address(v.unicast_src) for tree, v in router if v.unicast_src and v.knows(SOURCE)}
    wrong: dict[str, str] = {}
    for tree, vrrp in router if not silent else ():
        source = own.get(tree.name)
        first = next((name for name, other in own.items() if other == source), tree.name)
        if source and first != tree.name:
            wrong[tree.name] = f"{source}, as {first} does"
        elif source and addresses(vrrp.peers) == (source,):
            wrong[tree.name] = f"its peer's {source}"
    for tree, vrrp in router if not silent else ():
        if tree.name in wrong:
            yield _hit("P006", f"{vrrp.name}: {tree.name} sends from {wrong[tree.name]}", (tree, vrrp), SOURCE)
            continue
        known = {*addresses(vrrp.peers), own.get(tree.name)}
        missing = sorted({own[name] for name in own if name != tree.name and name not in wrong} - known)
        if missing:
            text = f"{vrrp.name}: {tree.name} does not name {', '.join(missing)} as a peer"
            yield _hit("P006", text, (tree, vrrp), PEERS)


def _priorities(router: Router) -> Iterator[Hit]:
    ranked = sorted(router, key=lambda placed: -placed[1].priority)
    for (tree, first), (second, other) in pairwise(ranked):
        if first.priority == other.priority:
            text = f"{other.name}: priority {first.priority} on {tree.name} and {second.name}"
            yield _hit("P009", text, (second, other), "priority")
    if not any(vrrp.nopreempt for _, vrrp in router) or not all(vrrp.knows("nopreempt") for _, vrrp in router):
        return
    for tree, vrrp in ranked:
        # The last one has nobody to take the VIP from, and an owner always does (K012).
        outranks = vrrp.priority > ranked[-1][1].priority
        if outranks and not vrrp.nopreempt and vrrp.priority < OWNER_PRIORITY:
            yield _hit("P008", f"{vrrp.name}: {tree.name} has priority {vrrp.priority}", (tree, vrrp), "priority")


def _names(placed: Router) -> str:
    return ", ".join(tree.name for tree, _ in placed)


def _hit(code: str, evidence: str, where: Placed, keyword: str) -> Hit:
    tree, vrrp = where
    return Hit(code, evidence, tree.name, vrrp.file, vrrp.at(keyword))


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "nothing"
    return f"{value:g}" if isinstance(value, float) else str(value)
