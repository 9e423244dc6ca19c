"""Renders every managed file of a node from the profile. Pure but for reading its own templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from iamops.model.config import KEEPALIVED_CONF, NGINX_CONF
from iamops.model.log_format import NAMED, format_text
from iamops.model.profile import Node, Profile, Service, VrrpInstance, endpoint
from iamops.render.privileges import CONFIG_DEAD_MAN, CONFIG_SCRIPT, priority_file, privileged_commands
from iamops.render.templating import RenderError, Templates


@dataclass(frozen=True, slots=True)
class NodeFile:
    """A file a node should have. `secret` content must never be shown."""

    path: str
    content: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    secret: bool = False


__all__ = ["RenderError", "render_node", "render_sudoers"]

CHECK_SCRIPT = "/etc/keepalived/check_nginx.sh"
NOTIFY_SCRIPT = "/etc/keepalived/keepalived_notify.sh"
ALIVE_HOST = "nginx-alive.localhost"
DEFAULT_USER = "iamops"
# RFC 2338 gives PASS eight bytes; keepalived cuts the rest off, on each node separately.
_PASSWORD = re.compile(r"[A-Za-z0-9_.+/=-]{1,8}")


def render_node(
    profile: Profile, node: str, secrets: Mapping[str, str], templates: Mapping[str, str] | None = None
) -> tuple[NodeFile, ...]:
    """Every managed file of one node, in a fixed order.

    `templates` (file name -> text) take the place of the built-in ones of the same name.

    `secrets` maps VRRP instance names to their passwords. Raises RenderError for one that keepalived
    could not use, or that is missing, and for a node that the profile does not have.
    """
    this = profile.nodes.get(node)
    if this is None:
        raise RenderError(f"{node!r} is no node of {profile.name}: its nodes are {', '.join(profile.nodes)}")
    return _NodeFiles(profile, this, secrets, Templates(templates or {})).all()


def render_sudoers(profile: Profile, node: str | None = None, templates: Templates | None = None) -> str:
    """The sudoers file: the login user may run exactly these commands as root, with these arguments."""
    access = profile.ssh_of(profile.nodes[node]) if node else profile.ssh
    # sudoers gives these four characters a meaning of their own.
    commands = [re.sub(r"([,:=\\])", r"\\\1", " ".join(argv)) for argv in privileged_commands(profile, node)]
    fill = (templates or Templates({})).fill
    return fill("sudoers.j2", user=access.user or DEFAULT_USER, commands=commands)


def check_script(profile: Profile, templates: Templates | None = None) -> str:
    """What keepalived runs to ask whether nginx answers. It changes nothing, and needs no rights."""
    return (templates or Templates({})).fill("check_nginx.sh.j2", alive=ALIVE_HOST, port=profile.nginx.port)


def keepalived_text(profile: Profile, node: str) -> str:
    """A node's keepalived.conf with stand-ins for its passwords."""
    secrets = dict.fromkeys(profile.vrrp, "stand-in")
    return _NodeFiles(profile, profile.nodes[node], secrets, Templates({})).keepalived().content


def nginx_texts(profile: Profile, node: str, templates: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """What of a node's files a request meets: nginx's, and the check that keepalived runs. By path.

    Raises RenderError for a template of the user's that cannot be filled.
    """
    nginx, check = _NodeFiles(profile, profile.nodes[node], {}, Templates(templates or {})).for_requests()
    return {file.path: file.content for file in (*nginx, check)}


class _UpstreamValues(TypedDict):
    """As nginx's template takes it. `servers`: endpoints, each with whether it is drained."""

    domain: str | None
    servers: list[tuple[str, bool]]
    alone: bool


@dataclass(frozen=True, slots=True)
class _NodeFiles:
    """The files of one node."""

    profile: Profile
    node: Node
    secrets: Mapping[str, str]
    templates: Templates

    def all(self) -> tuple[NodeFile, ...]:
        profile, fill = self.profile, self.templates.fill
        nginx, check = self.for_requests()
        # What a push needs on the node: the script, and the unit that takes back at boot.
        script = fill("iamops-config.sh.j2", profile=profile, dead_man=CONFIG_DEAD_MAN)
        drop_ins = (
            NodeFile(f"/etc/systemd/system/{unit}.service.d/iamops-config.conf", fill("unit-drop-in.j2"))
            for unit in (profile.nginx.unit, profile.keepalived.unit)
        )
        return (
            *nginx,
            self.keepalived(),
            check,
            NodeFile(NOTIFY_SCRIPT, fill("keepalived_notify.sh.j2", log=profile.logs.notify), 0o755),
            NodeFile("/etc/logrotate.d/keepalived-notify", fill("logrotate.j2", log=profile.logs.notify)),
            NodeFile("/etc/sudoers.d/iamops", render_sudoers(profile, self.node.name, self.templates), 0o440),
            NodeFile(CONFIG_SCRIPT, script, 0o755),
            NodeFile(
                "/etc/systemd/system/iamops-config.service", fill("iamops-config.service.j2", profile=profile)
            ),
            *drop_ins,
        )

    def for_requests(self) -> tuple[tuple[NodeFile, ...], NodeFile]:
        """nginx's files, and the check that keepalived runs."""
        fill, listen = self.templates.fill, _listen(self.profile)
        servers = (
            NodeFile(
                f"/etc/nginx/conf.d/{service.name}.conf",
                fill("server.conf.j2", profile=self.profile, service=service, listen=listen),
            )
            for service in self.profile.services.values()
            if service.domain
        )
        nginx = (NodeFile(NGINX_CONF, self._nginx()), *servers)
        return nginx, NodeFile(CHECK_SCRIPT, check_script(self.profile, self.templates), 0o755)

    def _nginx(self) -> str:
        profile, name = self.profile, self.profile.logs.format.strip()
        upstreams = [self._upstream(service) for service in profile.services.values() if service.domain]
        raw = None
        if name not in NAMED:
            # What follows the name in a log_format directive: `escape=` stands before the quotes.
            escape, body = format_text(profile.logs.format)
            quoted = body.replace("\\", "\\\\").replace("'", "\\'")
            raw = f"'{quoted}'" if escape == "default" else f"escape={escape} '{quoted}'"
        return self.templates.fill(
            "nginx.conf.j2",
            profile=profile,
            node=self.node,
            upstreams=upstreams,
            tries=max((len(upstream["servers"]) for upstream in upstreams), default=1),
            alive=ALIVE_HOST,
            listen=_listen(profile),
            log_format=name if name in NAMED else "profile",
            raw_format=raw,
        )

    def _upstream(self, service: Service) -> _UpstreamValues:
        """The own backend first and over loopback; `down` where it is drained."""
        own, known = self.node.name, self.profile.backends_of(service)
        servers = [
            (endpoint("127.0.0.1", service.port) if name == own else known[name], name in service.drained)
            for name in sorted(known, key=lambda name: name != own)
        ]
        taking = sum(not drained for _, drained in servers)
        return {"domain": service.domain, "servers": servers, "alone": taking == 1}

    def keepalived(self) -> NodeFile:
        instances = [
            {
                "vrrp": vrrp,
                "priority": vrrp.priority_of(self.node),
                "advert": f"{vrrp.advert_interval_s:g}",
                "password": None if vrrp.auth is None else _password(vrrp, self.secrets),
                "peers": [peer.address for peer in self.profile.peers_of(self.node.name)],
                "check": f"check_nginx_{vrrp.name}",
                "raise": f"raise_{vrrp.name}",
                "raise_file": priority_file(vrrp.name),
                # The script gives up before keepalived would kill it, so that it can say no itself.
                "script": f"{CHECK_SCRIPT} {vrrp.check.timeout_s - 1 or 0.5}",
            }
            for vrrp in self.profile.vrrp.values()
        ]
        content = self.templates.fill(
            "keepalived.conf.j2",
            profile=self.profile,
            node=self.node,
            instances=instances,
            notify=NOTIFY_SCRIPT,
        )
        return NodeFile(KEEPALIVED_CONF, content, 0o600, secret=True)


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


def _listen(profile: Profile) -> tuple[str, ...]:
    """What every server of nginx listens to. IPv4 always: keepalived's check asks over 127.0.0.1."""
    port = profile.nginx.port
    ipv6 = any(":" in vrrp.address for vrrp in profile.vrrp.values())
    return (str(port), f"[::]:{port}") if ipv6 else (str(port),)
