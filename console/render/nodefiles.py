"""Renders every managed file of a node from the profile. Pure but for reading its own templates."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from console.model.profile import Node, Profile, VrrpInstance
from console.render.files import NodeFile
from console.render.privileges import priority_file, privileged_commands

if TYPE_CHECKING:
    from jinja2 import Environment

CHECK_SCRIPT = "/etc/keepalived/check_nginx.sh"
NOTIFY_SCRIPT = "/etc/keepalived/keepalived_notify.sh"
ALIVE_HOST = "nginx-alive.localhost"
DEFAULT_USER = "iamops"
# RFC 2338 gives PASS eight bytes; keepalived cuts the rest off, on each node by itself.
_PASSWORD = re.compile(r"[A-Za-z0-9_.+/=-]{1,8}")


class RenderError(Exception):
    """The profile is valid, but a file cannot be written from it; says why and what to change."""


def render_node(profile: Profile, node: str, secrets: Mapping[str, str]) -> tuple[NodeFile, ...]:
    """Every managed file of one node, in a fixed order.

    `secrets` maps VRRP instance names to their passwords. Raises RenderError for one that keepalived
    could not use, or that is missing, and for a node that the profile does not have.
    """
    this = profile.nodes.get(node)
    if this is None:
        raise RenderError(f"{node!r} is no node of {profile.name}: its nodes are {', '.join(profile.nodes)}")
    return (
        NodeFile("/etc/nginx/nginx.conf", _nginx(profile, this)),
        *_servers(profile),
        _keepalived(profile, this, secrets),
        NodeFile(CHECK_SCRIPT, _fill("check_nginx.sh", alive=ALIVE_HOST, port=profile.nginx.port), 0o755),
        NodeFile(NOTIFY_SCRIPT, _fill("keepalived_notify.sh", log=profile.logs.notify), 0o755),
        NodeFile("/etc/logrotate.d/keepalived-notify", _fill("logrotate", log=profile.logs.notify)),
        NodeFile("/etc/sudoers.d/iamops", render_sudoers(profile, node), 0o440),
    )


def render_sudoers(profile: Profile, node: str | None = None) -> str:
    """The sudoers file: the login user may run exactly these commands as root, with these arguments."""
    access = profile.ssh_of(profile.nodes[node]) if node else profile.ssh
    commands = [" ".join(map(_sudoers_word, argv)) for argv in privileged_commands(profile, node)]
    return _fill("sudoers", user=access.user or DEFAULT_USER, commands=commands)


def _nginx(profile: Profile, node: Node) -> str:
    peers = profile.peers_of(node.name)
    upstreams = [
        {
            "domain": service.domain,
            "local": _endpoint("127.0.0.1", service.port) if service.runs_on(node.name) else None,
            "peers": [_endpoint(p.address, service.port) for p in peers if service.runs_on(p.name)],
        }
        for service in profile.services.values()
        if service.domain
    ]
    formats = {"main": "main", "iamops": "iamops"}
    raw = None if profile.logs.format in formats else profile.logs.format
    return _fill(
        "nginx.conf",
        profile=profile,
        node=node,
        upstreams=upstreams,
        alive=ALIVE_HOST,
        listen=_listen(profile),
        log_format=formats.get(profile.logs.format, "profile"),
        raw_format=None if raw is None else _nginx_quoted(raw),
    )


def _servers(profile: Profile) -> Iterator[NodeFile]:
    for service in profile.services.values():
        if service.domain:
            content = _fill("server.conf", profile=profile, service=service, listen=_listen(profile))
            yield NodeFile(f"/etc/nginx/conf.d/{service.name}.conf", content)


def _keepalived(profile: Profile, node: Node, secrets: Mapping[str, str]) -> NodeFile:
    instances = [_instance(profile, node, vrrp, secrets) for vrrp in profile.vrrp.values()]
    content = _fill("keepalived.conf", profile=profile, node=node, instances=instances, notify=NOTIFY_SCRIPT)
    return NodeFile("/etc/keepalived/keepalived.conf", content, 0o600, secret=True)


def _instance(profile: Profile, node: Node, vrrp: VrrpInstance, secrets: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        "vrrp": vrrp,
        "priority": vrrp.priority_of(node),
        "advert": f"{vrrp.advert_interval_s:g}",
        "password": None if vrrp.auth is None else _password(vrrp, secrets),
        "peers": [peer.address for peer in profile.peers_of(node.name)],
        "check": f"check_nginx_{vrrp.name}",
        "raise": f"raise_{vrrp.name}",
        "raise_file": priority_file(vrrp.name),
        # The script gives up before keepalived would kill it, so that it can say no itself.
        "script": f"{CHECK_SCRIPT} {vrrp.check.timeout_s - 1 or 0.5}",
    }


def _password(vrrp: VrrpInstance, secrets: Mapping[str, str]) -> str:
    password = secrets.get(vrrp.name)
    if password is None:
        raise RenderError(f"{vrrp.name}: its VRRP password is not at hand: set the source that auth names")
    if not _PASSWORD.fullmatch(password):
        raise RenderError(
            f"{vrrp.name}: the VRRP password must be 1 to 8 characters of A-Z a-z 0-9 _ . + / = - "
            "(keepalived ignores everything after the eighth)"
        )
    return password


def _sudoers_word(word: str) -> str:
    """sudoers gives these four characters a meaning of their own."""
    return re.sub(r"([,:=\\])", r"\\\1", word)


def _listen(profile: Profile) -> tuple[str, ...]:
    """What every server of nginx listens to. IPv4 always: keepalived's check asks over 127.0.0.1."""
    port = profile.nginx.port
    ipv6 = any(":" in vrrp.address for vrrp in profile.vrrp.values())
    return (str(port), f"[::]:{port}") if ipv6 else (str(port),)


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _nginx_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fill(template: str, **values: Any) -> str:
    return _environment().get_template(f"{template}.j2").render(**values)


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("console.render", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration files, not HTML; values are validated by the profile
    )
