"""What a push means, in sentences a person can check: upstreams, VRRP settings, other files. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from iamops.model.config import KEEPALIVED_CONF, NGINX_CONF
from iamops.parse.directives import Directive, ReadFile
from iamops.parse.keepalived.conf import keepalived_conf
from iamops.parse.keepalived.vrrp import VrrpConf, checks, instances
from iamops.parse.nginx.conf import nginx_conf, upstreams
from iamops.plan.config.change import FileChange, NodeFilesChange

Setting = Callable[[VrrpConf], object]
# Nodes that disagree on these drop each other's adverts, or never hear them: two masters.
SHARED: Mapping[str, Setting] = {
    "virtual_router_id": lambda v: v.router_id,
    "advert_int": lambda v: v.advert_s,
    "the VRRP version": lambda v: v.version,
    "the authentication": lambda v: (v.auth_type, v.counted_password),
    "the VIP": lambda v: v.vips,
    "unicast": lambda v: bool(v.peers),
    "the interface": lambda v: v.interface,
}
OWN: Mapping[str, Setting] = {
    "priority": lambda v: v.priority,
    "nopreempt": lambda v: v.nopreempt,
    "state": lambda v: v.state,
    "unicast_src_ip": lambda v: v.unicast_src,
    "unicast_peer": lambda v: v.peers,
}
NEVER_SHOWN = ("the authentication",)


def change_summary(changes: Mapping[str, NodeFilesChange]) -> tuple[str, ...]:
    """One sentence for each thing that changes; a change on several nodes is one sentence."""
    nodes_by_sentence: dict[str, list[str]] = {}
    for node, change in changes.items():
        for sentence in _of_node(change):
            nodes_by_sentence.setdefault(sentence, []).append(node)
    if not nodes_by_sentence:
        return ()
    sentences = [f"{sentence} on {' and '.join(nodes)}" for sentence, nodes in nodes_by_sentence.items()]
    for daemon in ("nginx", "keepalived"):
        nodes = [node for node, change in changes.items() if daemon in change.daemons]
        sentences += [f"reload of {daemon} on {' and '.join(nodes)}"] if nodes else []
    return tuple(sentences)


def incompatible(changes: Mapping[str, NodeFilesChange]) -> tuple[str, ...]:
    """Why a keepalived with the old file and one with the new must not run side by side; empty: they may."""
    found: dict[str, None] = {}
    for change in changes.values():
        for file in change.files:
            if file.path == KEEPALIVED_CONF and file.old is not None:
                old, new = _vrrp(file.old), _vrrp(file.new)
                for vrrp in (vrrp for name, vrrp in old.items() if name in new):
                    changed = (w for w, setting in SHARED.items() if setting(vrrp) != setting(new[vrrp.name]))
                    found |= dict.fromkeys(changed)
    if not found:
        return ()
    what = ", ".join(found)
    return (
        f"{what} changes: old and new do not hear each other, so the standby's keepalived is stopped first and "
        "started last; meanwhile nobody could take the VIP over",
    )


def _of_node(change: NodeFilesChange) -> Iterator[str]:
    for file in change.files:
        if file.path == NGINX_CONF:
            yield from _of_nginx(file)
        elif file.path == KEEPALIVED_CONF:
            found = [*_of_instances(file), *_of_checks(file)]
            yield from found or [f"{KEEPALIVED_CONF} changes outside of VRRP's settings"]
        elif file.old is None:
            yield f"{file.path} is new"
        elif file.new is None:
            yield f"{file.path} goes"
        else:
            yield f"{file.path} changes" if file.old != file.new else f"{file.path} gets mode {file.mode:o}"


def _of_nginx(file: FileChange) -> list[str]:
    before, after = (nginx_conf({NGINX_CONF: text or ""}) for text in (file.old, file.new))
    old, new = upstreams(before), upstreams(after)
    found = [
        sentence
        for name in sorted({*old, *new})
        for sentence in _of_upstream(name, _servers(old.get(name, ())), _servers(new.get(name, ())))
    ]
    if _rest(before) != _rest(after):
        found.append(f"{NGINX_CONF} changes outside of its upstreams")
    return found or [f"{NGINX_CONF} changes in comments or spaces only"]


def _of_upstream(name: str, before: dict[str, bool], after: dict[str, bool]) -> Iterator[str]:
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


def _rest(reading: ReadFile) -> list[str]:
    """What is no upstream, as words: spaces and comments are not a change."""
    return [
        f"{directive.name} {' '.join(directive.args)}"
        for directive in reading.walk()
        if directive.name not in ("upstream", "server", "zone") or (directive.block and directive.name == "server")
    ]


def _of_instances(file: FileChange) -> Iterator[str]:
    old, new = _vrrp(file.old), _vrrp(file.new)
    for name in sorted({*old, *new}):
        if name not in old or name not in new:
            yield f"{name} is new" if name in new else f"{name} goes"
            continue
        for what, setting in {**SHARED, **OWN}.items():
            before, after = setting(old[name]), setting(new[name])
            if before != after:
                shown = "" if what in NEVER_SHOWN else f" from {_shown(before)} to {_shown(after)}"
                yield f"{name}: {what} changes{shown}"


def _of_checks(file: FileChange) -> Iterator[str]:
    old, new = (
        {check.name: check for check in checks(keepalived_conf({KEEPALIVED_CONF: text or ""}))}
        for text in (file.old, file.new)
    )
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            yield f"check {name} {'is new' if after else 'goes'}"
            continue
        for what in ("script", "interval_s", "fall", "weight"):
            was, becomes = getattr(before, what), getattr(after, what)
            if was != becomes:
                yield f"check {name}: {what} changes from {_shown(was)} to {_shown(becomes)}"


def _vrrp(text: str | None) -> dict[str, VrrpConf]:
    return {vrrp.name: vrrp for vrrp in instances(keepalived_conf({KEEPALIVED_CONF: text or ""}))}


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "nothing"
    return f"{value:g}" if isinstance(value, float) else "nothing" if value is None else str(value)
