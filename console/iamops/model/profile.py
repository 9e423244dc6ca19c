"""The cluster profile: what the deployment is meant to be. Values only; reading it is parse's work."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from iamops.model.need import Need, known_needs, need_of

DEFAULT_PORTS: Mapping[str, int] = {"mariadb": 3306, "redis": 6379, "mongodb": 27017}
NAMED_SECTIONS = ("nodes", "vrrp", "services", "datastores")


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(_unscoped(text)))
    except ValueError:
        raise ValueError("expected an IP address such as 10.0.4.20") from None


def _ip_interface(text: str) -> str:
    """keepalived knows prefix lengths only, so a netmask becomes one."""
    try:
        interface = ipaddress.ip_interface(_unscoped(text))
    except ValueError:
        raise ValueError("expected an IP address such as 10.0.4.99 or 10.0.4.99/24") from None
    return str(interface) if "/" in text else str(interface.ip)


def _unscoped(text: str) -> str:
    """An IPv6 scope (fe80::1%eth0) may hold any text at all, even a newline."""
    if "%" in text:
        raise ValueError("no scope here")
    return text


# The patterns keep every value that reaches a shell, a unit name or a config file inert.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
UnitName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,100}$")]
Host = Annotated[str, Field(pattern=r"^([A-Za-z0-9]|::)[A-Za-z0-9.:_-]{0,252}$")]
AbsolutePath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9_./-]*$")]
UrlPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9_./?=&%-]*$")]
Address = Annotated[str, AfterValidator(_ip)]
Interface = Annotated[str, AfterValidator(_ip_interface)]
LoginName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
Endpoint = Annotated[str, Field(pattern=r"^([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$")]
LintCode = Annotated[str, Field(pattern=r"^[A-Z]{1,2}[0-9]{3}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Priority = Annotated[int, Field(ge=1, le=254)]
StatedNeed = Annotated[Need, BeforeValidator(need_of), PlainSerializer(str, return_type=str)]


class Frozen(BaseModel):
    """Base of all profile values: immutable, no unknown keys, no silent type conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Environment(StrEnum):
    """How careful the console must be with this cluster."""

    LAB = "lab"
    STAGING = "staging"
    PRODUCTION = "production"


class SshAccess(Frozen):
    """How to log in. What is not given here comes from the user's own OpenSSH configuration."""

    host: Host | None = None
    user: LoginName | None = None
    port: Port | None = None
    key: str | None = None
    jump: Host | None = None
    known_hosts: str | None = None

    def over(self, defaults: SshAccess) -> SshAccess:
        """These settings, with `defaults` wherever this one says nothing."""
        own = {key: value for key, value in self.model_dump().items() if value is not None}
        return defaults.model_copy(update=own)


class Node(Frozen):
    """One machine of the cluster. `priority` is its VRRP base priority (RFC 5798: 1-254)."""

    name: Name
    address: Address
    interface: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@-]{1,15}$")] = "eth0"
    priority: Priority
    ssh: SshAccess = SshAccess()


class VrrpAuth(Frozen):
    """VRRPv2 authentication. The secret itself never stands in the profile."""

    type: Literal["PASS", "AH"] = "PASS"
    from_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    from_file: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.from_env is None) == (self.from_file is None):
            raise ValueError("expected exactly one of from_env and from_file")
        return self


class CheckScript(Frozen):
    """keepalived's vrrp_script. Units: seconds, and consecutive runs for fall and rise."""

    interval_s: Annotated[int, Field(ge=1, le=3600)] = 5
    timeout_s: Annotated[int, Field(ge=1, le=3600)] = 3
    fall: Annotated[int, Field(ge=1, le=100)] = 2
    rise: Annotated[int, Field(ge=1, le=100)] = 1


@lru_cache(64)
def _address_of(vip: str) -> str:
    return str(ipaddress.ip_interface(vip).ip)


class VrrpInstance(Frozen):
    """One VRRP instance with its virtual address. `advert_interval_s` is in seconds."""

    name: Name
    virtual_router_id: Annotated[int, Field(ge=1, le=255)]
    vip: Interface
    version: Literal[2, 3] = 2
    advert_interval_s: Annotated[float, Field(ge=0.01, le=255)] = 1.0
    nopreempt: bool = True
    unicast: bool = True
    auth: VrrpAuth | None = None
    check: CheckScript = CheckScript()
    priorities: Mapping[Name, Priority] = {}

    @property
    def address(self) -> str:
        """The VIP without its prefix length."""
        return _address_of(self.vip)

    def priority_of(self, node: Node) -> int:
        return self.priorities.get(node.name, node.priority)

    @model_validator(mode="after")
    def _version_rules(self) -> Self:
        if self.version == 2 and self.advert_interval_s != int(self.advert_interval_s):
            raise ValueError("VRRP version 2 needs advert_interval_s in whole seconds")
        # RFC 5798, 5.2.7: twelve bits of hundredths of a second.
        hundredths = round(self.advert_interval_s * 100)
        finer = abs(self.advert_interval_s * 100 - hundredths) > 1e-6
        if self.version == 3 and (finer or not 1 <= hundredths <= 4095):
            raise ValueError("VRRP version 3 needs advert_interval_s of 0.01 to 40.95, in steps of 0.01")
        if self.version == 3 and self.auth is not None:
            raise ValueError("VRRP version 3 has no authentication (RFC 5798); remove auth")
        return self


class Tls(Frozen):
    """How TLS ports of services are checked. `ca`: a file of certificates on the operator's machine; without one
    nobody is asked who has issued them. `name`: what a certificate must be for, where that is no service's domain.
    """

    ca: Annotated[str, Field(pattern=r"^(/|~/)")] | None = None
    name: Host | None = None
    warn_days: Annotated[int, Field(ge=1, le=365)] = 21


class Service(Frozen):
    """An IAM service. Without a domain it is not published through nginx.

    `log` is where it writes a line for each request; /var/log/iam/NAME.log by default.
    `scheme`: how its port is asked. `tls_ports`: more ports of it that speak TLS, gRPC's too: their certificates
    are checked; `tls_name`: the name that they are for.
    `nodes` are those of the cluster that it runs on: every one where the profile has no such line, none with
    `[]`. `backends` are endpoints beside the cluster's own nodes; `drained` names nodes and endpoints that stay
    in the upstream but take no requests. `needs` is what it cannot start or work without; where a
    profile does not say, it is what a service of that name is known to need (`model/need.py`).
    """

    name: Name
    unit: UnitName
    port: Port
    domain: Host | None = None
    health: UrlPath = "/healthz"
    scheme: Literal["http", "https"] = "http"
    tls_ports: Annotated[tuple[Port, ...], Field(strict=False)] = ()
    tls_name: Host | None = None
    log: AbsolutePath | None = None
    nodes: Annotated[tuple[Name, ...], Field(strict=False)] | None = None
    backends: Annotated[tuple[Endpoint, ...], Field(strict=False)] = ()
    drained: Annotated[tuple[Name | Endpoint, ...], Field(strict=False)] = ()
    needs: Annotated[tuple[StatedNeed, ...], Field(strict=False)] = ()

    def runs_on(self, node: str) -> bool:
        return self.nodes is None or node in self.nodes

    @property
    def log_path(self) -> str:
        return self.log or f"/var/log/iam/{self.name}.log"


class DatastoreKind(StrEnum):
    """Which protocol greets us at a datastore's port."""

    MARIADB = "mariadb"
    REDIS = "redis"
    MONGODB = "mongodb"


class Datastore(Frozen):
    """A datastore and the node that carries it."""

    name: Name
    kind: Annotated[DatastoreKind, Field(strict=False)]
    node: Name
    port: Port
    unit: UnitName | None = None


class Nginx(Frozen):
    """The reverse proxy on every node. Times in seconds. `fail_timeout_s`: for how long a backend that failed is
    given up.

    `user` is the one its package makes: www-data on Debian and Ubuntu, nginx on the Red Hat family.
    """

    unit: UnitName = "nginx"
    user: LoginName = "www-data"
    port: Port = 80
    connect_timeout_s: Annotated[int, Field(ge=1, le=75)] = 1
    read_timeout_s: Annotated[int, Field(ge=1, le=3600)] = 30
    fail_timeout_s: Annotated[int, Field(ge=1, le=60)] = 2
    client_max_body: Annotated[str, Field(pattern=r"^[0-9]{1,12}[kKmMgG]?$")] = "5m"


class Keepalived(Frozen):
    unit: UnitName = "keepalived"


class Safety(Frozen):
    """Limits on what the console may do to the cluster. Seconds.

    `dead_man_s`: how long after it was armed an undo fires on the node by itself. `anti_flap_s`: a VIP
    that has moved is not moved again on purpose for this long. `rollback_s`: how long after it was armed
    a node takes a config push back by itself, unless the push was confirmed.
    """

    dead_man_s: Annotated[int, Field(ge=5, le=600)] = 60
    rollback_s: Annotated[int, Field(ge=10, le=3600)] = 180
    anti_flap_s: Annotated[int, Field(ge=0, le=86400)] = 300


Fence = Literal["power-off", "power-on", "freeze", "thaw"]


class Logs(Frozen):
    """Where the nodes write their logs. `format`: `main`, `iamops`, `combined`, or what a log_format says."""

    access: AbsolutePath = "/var/log/nginx/access.log"
    error: AbsolutePath = "/var/log/nginx/error.log"
    notify: AbsolutePath = "/var/log/keepalived.log"
    format: str = "main"


class Lint(Frozen):
    """Lint findings that are known and meant: code -> why."""

    silence: Mapping[LintCode, Annotated[str, Field(min_length=1)]] = {}


class Profile(Frozen):
    """A whole cluster. Keys of `nodes`, `vrrp`, `services` and `datastores` become their names.

    `fencing` are commands on the operator's machine that take a whole node away and bring it back, for
    drills that need that; `{node}` in a word stands for the node's name. `templates` is a directory on the
    operator's machine whose files take the place of the built-in templates of the same name.
    """

    name: Name
    environment: Annotated[Environment, Field(strict=False)]
    network_namespace: Name | None = None
    ssh: SshAccess = SshAccess()
    nodes: Mapping[Name, Node]
    vrrp: Mapping[Name, VrrpInstance]
    services: Mapping[Name, Service] = {}
    datastores: Mapping[Name, Datastore] = {}
    nginx: Nginx = Nginx()
    keepalived: Keepalived = Keepalived()
    logs: Logs = Logs()
    safety: Safety = Safety()
    fencing: Mapping[Fence, Annotated[tuple[str, ...], Field(min_length=1, strict=False)]] = {}
    public_address: Address | None = None
    tls: Tls = Tls()
    lint: Lint = Lint()
    templates: Annotated[str, Field(pattern=r"^(/|~/)")] | None = None

    @model_validator(mode="before")
    @classmethod
    def _names_from_keys(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        named = dict(raw)
        for section in NAMED_SECTIONS:
            if isinstance(entries := raw.get(section), dict):
                named[section] = {key: _entry(section, key, item) for key, item in entries.items()}
        services = named.get("services")
        if isinstance(services, dict):
            # A service that does not say what it needs has the needs that are known of its name.
            named["services"] = {
                key: {"needs": known_needs(str(key), item, named), **item} if isinstance(item, dict) else item
                for key, item in services.items()
            }
        return named

    def ssh_of(self, node: Node) -> SshAccess:
        return node.ssh.over(self.ssh)

    def peers_of(self, node: str) -> tuple[Node, ...]:
        return tuple(other for name, other in self.nodes.items() if name != node)

    @property
    def instance(self) -> VrrpInstance:
        """The first VRRP instance: the one the screen and the status document speak of."""
        return next(iter(self.vrrp.values()))

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(service.domain for service in self.services.values() if service.domain)

    def units_on(self, node: str) -> tuple[str, ...]:
        """Every unit worth watching on a node, VRRP and nginx first."""
        services = tuple(s.unit for s in self.services.values() if s.runs_on(node))
        return (self.keepalived.unit, self.nginx.unit, *services)

    def actionable_units_on(self, node: str) -> tuple[str, ...]:
        """Every unit that may be acted on: the watched ones, and the datastores' that are named."""
        stores = tuple(d.unit for d in self.datastores.values() if d.node == node and d.unit)
        return tuple(dict.fromkeys((*self.units_on(node), *stores)))

    def backends_of(self, service: Service) -> Mapping[str, str]:
        """Every backend of a service: its name (a node's, or its endpoint) -> host:port as a peer reaches it."""
        nodes = {name: node for name, node in self.nodes.items() if service.runs_on(name)}
        own = {name: endpoint(node.address, service.port) for name, node in nodes.items()}
        return {**own, **{backend: backend for backend in service.backends}}

    def needed_ports_on(self, node: str) -> tuple[int, ...]:
        """The ports of a node that its services need, each once."""
        needs = (need for s in self.services.values() if s.runs_on(node) for need in s.needs)
        return tuple(dict.fromkeys(need.port for need in needs if need.port is not None))

    def tls_ports_on(self, node: str) -> Mapping[int, Service]:
        """The node's ports that speak TLS, and whose they are."""
        services = [service for service in self.services.values() if service.runs_on(node)]
        own = {service.port: service for service in services if service.scheme == "https"}
        return own | {port: service for service in services for port in service.tls_ports}

    def tls_name_of(self, service: Service) -> str | None:
        """The name that a service's certificates must be for; None where nothing says."""
        return service.tls_name or self.tls.name or service.domain

    @property
    def all_units(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(unit for node in self.nodes for unit in self.actionable_units_on(node)))


def endpoint(address: str, port: int) -> str:
    """host:port as nginx writes it."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _entry(section: str, key: Any, item: Any) -> Any:
    """With its key as `name`, and the defaults that follow from the name."""
    if not isinstance(item, dict):
        return item
    entry = {**item, "name": key}
    if section == "services":
        entry.setdefault("unit", key)
    if section == "datastores":
        entry.setdefault("kind", key)
        if isinstance(entry["kind"], str) and entry["kind"] in DEFAULT_PORTS:
            entry.setdefault("port", DEFAULT_PORTS[entry["kind"]])
    return entry
