"""What a push means, in sentences a person can check: upstreams, VRRP settings, other files. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from iamops.model.config import KEEPALIVED_CONF, NGINX_CONF
from iamops.parse.directives import Directive
from iamops.parse.keepalived.conf import keepalived_conf
from iamops.parse.keepalived.vrrp import CheckConf, VrrpConf, checks, instances
from iamops.parse.nginx.conf import nginx_conf, upstreams
from iamops.plan.config.change import FileChange, NodeChange

Told = Callable[[VrrpConf], object]
# Nodes that disagree on these drop each other's adverts, or never hear them: two masters.
SHARED: Mapping[str, Told] = {
    "virtual_router_id": lambda v: v.router_id,
    "advert_int": lambda v: v.advert_s,
    "the VRRP version": lambda v: v.version,
    "the authentication": lambda v: (v.auth_type, v.counted_password),
    "the VIP": lambda v: v.vips,
    "unicast": lambda v: bool(v.peers),
    "the interface": lambda v: v.interface,
}
OWN: Mapping[str, Told] = {
    "priority": lambda v: v.priority,
    "nopreempt": lambda v: v.nopreempt,
    "state": lambda v: v.state,
    "unicast_src_ip": lambda v: v.unicast_src,
    "unicast_peer": lambda v: v.peers,
}
NEVER_SHOWN = ("the authentication",)


def change_summary(changes: Mapping[str, NodeChange]) -> tuple[str, ...]:
    """One sentence for each thing that changes; the same on several nodes is said once."""
    said: dict[str, list[str]] = {}
    for node, change in changes.items():
        for sentence in _of_node(change):
            said.setdefault(sentence, []).append(node)
    told = [f"{sentence} on {' and '.join(nodes)}" for sentence, nodes in said.items()]
    return (*told, *_reloads(changes)) if told else ()


def incompatible(changes: Mapping[str, NodeChange]) -> tuple[str, ...]:
    """Why a keepalived with the old file and one with the new must not run side by side; empty: they may."""
    found: dict[str, None] = {}
    for change in changes.values():
        for old, new in _instance_pairs(change):
            found |= {what: None for what, told in SHARED.items() if told(old) != told(new)}
    if not found:
        return ()
    what = ", ".join(found)
    return (
        f"{what} changes: old and new do not hear each other, so the standby's keepalived is stopped first and "
        "started last; meanwhile nobody could take the VIP over",
    )


def _of_node(change: NodeChange) -> Iterator[str]:
    for file in change.files:
        if file.path == NGINX_CONF:
            yield from _upstream_sentences(file)
        elif file.path == KEEPALIVED_CONF:
            yield from _vrrp_sentences(file)
        elif file.old is None:
            yield f"{file.path} is new"
        elif file.new is None:
            yield f"{file.path} goes"
        else:
            yield f"{file.path} changes" if file.old != file.new else f"{file.path} gets mode {file.mode:o}"


def _upstream_sentences(file: FileChange) -> Iterator[str]:
    old, new = (upstreams(nginx_conf({NGINX_CONF: text or ""})) for text in (file.old, file.new))
    spoken = False
    for name in sorted({*old, *new}):
        before, after = _servers(old.get(name, ())), _servers(new.get(name, ()))
        for sentence in _server_sentences(name, before, after):
            spoken = True
            yield sentence
    if _rest(file.old) != _rest(file.new):
        yield f"{NGINX_CONF} changes outside of its upstreams"
    elif not spoken:
        yield f"{NGINX_CONF} changes in comments or spaces only"


def _server_sentences(name: str, before: dict[str, bool], after: dict[str, bool]) -> Iterator[str]:
    """Endpoint -> drained, before and after."""
    if not after:
        yield f"upstream {name} goes"
        return
    gained, lost = sorted(set(after) - set(before)), sorted(set(before) - set(after))
    if gained:
        yield f"upstream {name} gains {', '.join(gained)}"
    if lost:
        yield f"upstream {name} loses {', '.join(lost)}"
    for endpoint in sorted(set(before) & set(after)):
        if before[endpoint] != after[endpoint]:
            verb = "sends no more requests to" if after[endpoint] else "sends requests again to"
            yield f"upstream {name} {verb} {endpoint}"


def _servers(servers: tuple[Directive, ...]) -> dict[str, bool]:
    return {server.arg: "down" in server.args for server in servers}


def _rest(text: str | None) -> list[str]:
    """What is no upstream, as words: spaces and comments are not a change."""
    reading = nginx_conf({NGINX_CONF: text or ""})
    return [
        f"{each.name} {' '.join(each.args)}"
        for each in reading.walk()
        if each.name not in ("upstream", "server", "zone") or (each.block and each.name == "server")
    ]


def _vrrp_sentences(file: FileChange) -> Iterator[str]:
    old, new = (_vrrp(text) for text in (file.old, file.new))
    spoken = False
    for name in sorted({*old, *new}):
        if name not in old or name not in new:
            spoken = True
            yield f"{name} is new" if name in new else f"{name} goes"
            continue
        for sentence in _instance_sentences(old[name], new[name]):
            spoken = True
            yield sentence
    for sentence in _check_sentences(file):
        spoken = True
        yield sentence
    if not spoken:
        yield f"{KEEPALIVED_CONF} changes outside of VRRP's settings"


def _instance_sentences(old: VrrpConf, new: VrrpConf) -> Iterator[str]:
    for what, told in {**SHARED, **OWN}.items():
        before, after = told(old), told(new)
        if before != after:
            shown = "" if what in NEVER_SHOWN else f" from {_shown(before)} to {_shown(after)}"
            yield f"{old.name}: {what} changes{shown}"


def _check_sentences(file: FileChange) -> Iterator[str]:
    old, new = ({each.name: each for each in _checks(text)} for text in (file.old, file.new))
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            yield f"check {name} {'is new' if after else 'goes'}"
            continue
        for what in ("script", "interval_s", "fall", "weight"):
            was, becomes = getattr(before, what), getattr(after, what)
            if was != becomes:
                yield f"check {name}: {what} changes from {_shown(was)} to {_shown(becomes)}"


def _reloads(changes: Mapping[str, NodeChange]) -> Iterator[str]:
    daemons = {
        daemon: [node for node, change in changes.items() if daemon in change.daemons]
        for daemon in ("nginx", "keepalived")
    }
    for daemon, nodes in daemons.items():
        if nodes:
            yield f"reload of {daemon} on {' and '.join(nodes)}"


def _instance_pairs(change: NodeChange) -> Iterator[tuple[VrrpConf, VrrpConf]]:
    for file in change.files:
        if file.path == KEEPALIVED_CONF and file.old is not None:
            old, new = _vrrp(file.old), _vrrp(file.new)
            yield from ((old[name], new[name]) for name in old if name in new)


def _vrrp(text: str | None) -> dict[str, VrrpConf]:
    return {each.name: each for each in instances(keepalived_conf({KEEPALIVED_CONF: text or ""}))}


def _checks(text: str | None) -> tuple[CheckConf, ...]:
    return checks(keepalived_conf({KEEPALIVED_CONF: text or ""}))


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "nothing"
    return f"{value:g}" if isinstance(value, float) else "nothing" if value is None else str(value)
