"""What a fresh node is made of, as files: the rendered ones, plus all that the lab stands in for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from iamops.lab import keys
from iamops.lab.image import SymbolicLink
from iamops.lab.processes import LOGIN_USER, run
from iamops.model.need import Need, NeedWhen
from iamops.model.profile import Datastore, DatastoreKind, Node, Profile, Service
from iamops.render.nodefiles import NodeFile, render_node

# The datastores of a lab node: which units carry them, and what MariaDB must know before its first start.

DATABASE, USER, PASSWORD = "iam", "iam", "iam1234"
UNITS: Mapping[DatastoreKind, str] = {
    DatastoreKind.MARIADB: "mariadb",
    DatastoreKind.REDIS: "redis-server",
    DatastoreKind.MONGODB: "mongod",
}
# The few rows that a real request of the stand-ins reads.
SCHEMA = """\
CREATE DATABASE IF NOT EXISTS iam;
USE iam;
CREATE TABLE IF NOT EXISTS user (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(64) NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS policy (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(64) NOT NULL UNIQUE);
INSERT IGNORE INTO user (name) VALUES ('admin'), ('colin');
INSERT IGNORE INTO policy (name) VALUES ('allow-all');
"""


def on_node(profile: Profile, node: str) -> tuple[Datastore, ...]:
    return tuple(store for store in profile.datastores.values() if store.node == node)


def unit_of(store: Datastore) -> str:
    """The unit of a datastore in the lab: the profile's name for it, or Debian's."""
    return store.unit or UNITS[store.kind]


def first(profile: Profile, kind: DatastoreKind) -> Datastore | None:
    return next((store for store in profile.datastores.values() if store.kind is kind), None)


def clients_of(profile: Profile, store: Datastore) -> tuple[str, ...]:
    """The other nodes' addresses: the seed grants each of them access of its own."""
    return tuple(peer.address for peer in profile.peers_of(store.node))


def grant(address: str) -> str:
    """The seed's statement, for one client address."""
    return f"GRANT ALL ON {DATABASE}.* TO '{USER}'@'{address}' IDENTIFIED BY '{PASSWORD}';"


def revoke(address: str) -> str:
    """Without any account for a client, MariaDB refuses its connection (error 1130)."""
    return f"DROP USER IF EXISTS '{USER}'@'{address}';"


def first_statements(profile: Profile, store: Datastore) -> str:
    """Everything the database must hold before its first start."""
    own = ("127.0.0.1", "localhost", profile.nodes[store.node].address)
    grants = map(grant, (*own, *clients_of(profile, store)))
    # A bootstrapping server knows no accounts until it reads them.
    return "\n".join(("USE mysql;\nFLUSH PRIVILEGES;", SCHEMA, *grants, "FLUSH PRIVILEGES;")) + "\n"


def load(root: Path, statements: str) -> None:
    """Runs statements in a node that is not running. The server reads them and ends; it opens no port."""
    run(["chroot", str(root), "mariadbd", "--user=mysql", "--bootstrap"], stdin=statements)


STAND_IN_HOME = "/usr/lib/iam-stand-ins"
STAND_IN_SOURCES = Path(__file__).parent / "standins"
WANTED = "/etc/systemd/system/multi-user.target.wants"
# What each IAM service of the seed answers beside its health check, and the datastores it needs for it.
PATHS: Mapping[str, tuple[str, ...]] = {
    "iam-apiserver": ("/v1/users",),
    "iam-authz-server": ("/v1/authz", "/v1/authz/unknown"),
    "iam-pump": ("/v1/lag",),
}

ACCOUNT = {"user": USER, "password": PASSWORD, "database": DATABASE}
# How long a stand-in waits at its start for what it needs: a boot of both nodes needs no second try.
PATIENCE_S = 3.0

NodeEntry = NodeFile | SymbolicLink


def node_entries(
    profile: Profile, node: Node, secrets: Mapping[str, str], public_key: str
) -> tuple[NodeEntry, ...]:
    """Every file and link of a fresh node, except its host key."""
    machine_id = hashlib.sha256(f"iamops lab {profile.name} {node.name}".encode()).hexdigest()[:32]
    start_order = f"/etc/systemd/system/{profile.keepalived.unit}.service.d/lab.conf"
    return (
        NodeFile("/etc/hostname", f"{node.name}\n"),
        NodeFile("/etc/hosts", hosts(profile)),
        # Without an id systemd would take every boot for the first one, and enable every unit.
        NodeFile("/etc/machine-id", f"{machine_id}\n", mode=0o444),
        NodeFile(f"/home/{LOGIN_USER}/.ssh/authorized_keys", public_key, mode=0o644),
        # nginx before keepalived: else its first check fails, and every boot begins with 5 s of FAULT.
        NodeFile(start_order, f"[Unit]\nAfter={profile.nginx.unit}.service\n"),
        # keepalived creates its files for root alone; the console reads this one as a member of adm.
        NodeFile(profile.logs.notify, "", mode=0o640, group="adm"),
        *_stand_in_sources(),
        *_services(profile, node),
        *_datastores(profile, node),
        *render_node(profile, node.name, secrets),
    )


def digest(entries: tuple[NodeEntry, ...], statements: str) -> str:
    """Names what a node was made from, so that a change is noticed."""
    return hashlib.sha256(repr((entries, statements)).encode()).hexdigest()


def hosts(profile: Profile) -> str:
    """/etc/hosts: sudo needs the own name, the seed puts the domains on loopback."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    lines += [f"127.0.0.1 {domain}" for domain in profile.domains]
    lines += [f"{other.address} {other.name}" for other in profile.nodes.values()]
    return "\n".join(lines) + "\n"


def service_config(profile: Profile, node: Node, service: Service, **changes: Any) -> NodeFile:
    """The configuration of a service's stand-in; `changes` are what a fault makes of it."""
    paths = PATHS.get(service.name, ())
    is_pump = paths == PATHS["iam-pump"]
    mariadb, mongodb = first(profile, DatastoreKind.MARIADB), first(profile, DatastoreKind.MONGODB)
    # Ports of its own that other services need; and the one where it asks another service over TLS.
    needs = (need for other in profile.services.values() for need in other.needs if need.name == service.name)
    asked_for = sorted({need.port for need in needs if need.port} - {service.port, *service.tls_ports})
    tls_ports = profile.tls_ports_on(node.name)
    secrets_port = next((need.port for need in service.needs if need.port in tls_ports), None)
    config: dict[str, Any] = {
        "name": service.name,
        "node": node.name,
        "bind": "0.0.0.0",  # noqa: S104 - inside the closed lab; the real default of 127.0.0.1 is a fault to try
        "port": service.port,
        "health": service.health,
        "log": service.log_path,
        "paths": paths,
        "mariadb": {**_where(profile, node, mariadb), **ACCOUNT} if mariadb and not is_pump else None,
        "mongodb": _where(profile, node, mongodb) if mongodb and is_pump else None,
        # What the profile says it needs: an empty list makes a stand-in that needs nothing.
        "at_start": [_needed(profile, node, need) for need in service.needs if need.when is NeedWhen.START],
        "awaits": [_needed(profile, node, need) for need in service.needs if need.when is NeedWhen.ALWAYS],
        "patience_s": PATIENCE_S,
        "secrets_from": {"host": "127.0.0.1", "port": secrets_port, "ca": keys.CA} if secrets_port else None,
        "listens_too": asked_for,
        "tls": {"certificate": keys.CERT, "key": keys.KEY, "ca": keys.CA},
        "scheme": service.scheme,
        "tls_ports": service.tls_ports,
        **changes,
    }
    return NodeFile(f"/etc/iam/{service.name}.json", json.dumps(config, indent=2) + "\n")


def _stand_in_sources() -> Iterator[NodeFile]:
    """The stand-ins as an importable package: the same files, the same names as here."""
    for package in ("iamops", "iamops/lab"):
        yield NodeFile(f"{STAND_IN_HOME}/{package}/__init__.py", "")
    for source in sorted(STAND_IN_SOURCES.glob("*.py")):
        path = f"{STAND_IN_HOME}/iamops/lab/standins/{source.name}"
        yield NodeFile(path, source.read_text(encoding="utf-8"))


def _services(profile: Profile, node: Node) -> Iterator[NodeEntry]:
    for service in profile.services.values():
        if not service.runs_on(node.name):
            continue
        # The units of this node that it needs: a boot starts them first.
        names = {need.name for need in service.needs}
        stores = (store for store in on_node(profile, node.name) if store.name in names)
        services = (other.unit for other in profile.services.values() if other.name in names)
        after = tuple(f"{unit}.service" for unit in (*map(unit_of, stores), *services))
        yield service_config(profile, node, service)
        yield from _stand_in(service.unit, service.name, f"/etc/iam/{service.name}.json", "service", after)


def _datastores(profile: Profile, node: Node) -> Iterator[NodeEntry]:
    for store in on_node(profile, node.name):
        unit = unit_of(store)
        if store.kind is DatastoreKind.MONGODB:
            config = {"name": "mongod", "bind": "0.0.0.0", "port": store.port, "log": "/var/log/iam/mongod.log"}  # noqa: S104 - inside the closed lab
            yield NodeFile("/etc/iam/mongod.json", json.dumps(config, indent=2) + "\n")
            yield from _stand_in(unit, "mongod", "/etc/iam/mongod.json", "mongodb")
            continue
        debian = f"{UNITS[store.kind]}.service"
        if unit != UNITS[store.kind]:
            yield SymbolicLink(f"/etc/systemd/system/{unit}.service", f"/lib/systemd/system/{debian}")
        yield SymbolicLink(f"{WANTED}/{debian}", f"/lib/systemd/system/{debian}")


def _stand_in(unit: str, name: str, config: str, module: str, after: tuple[str, ...] = ()) -> Iterator[NodeEntry]:
    """A unit, its command and its start at boot."""
    command = f"""\
#!/bin/sh
# A stand-in of the iamops lab.
export PYTHONPATH={STAND_IN_HOME}
exec /usr/bin/python3 -S -m iamops.lab.standins.{module} {config} "$@"
"""
    yield NodeFile(f"/usr/local/bin/{name}", command, mode=0o755)
    yield NodeFile(f"/etc/systemd/system/{unit}.service", _unit(name, after, service=module == "service"))
    yield SymbolicLink(f"{WANTED}/{unit}.service", f"/etc/systemd/system/{unit}.service")


def _unit(name: str, after: tuple[str, ...], *, service: bool) -> str:
    """The real services' units start whatever has ended again after five seconds, for ever."""
    restart, delay_s = ("always", 5) if service else ("on-failure", 1)
    return f"""\
[Unit]
Description={name} (stand-in of the iamops lab)
After={" ".join(("network.target", *after))}
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/local/bin/{name}
User=iam
Group=adm
UMask=0027
LogsDirectory=iam
LogsDirectoryMode=0750
Restart={restart}
RestartSec={delay_s}

[Install]
WantedBy=multi-user.target
"""


def _needed(profile: Profile, node: Node, need: Need) -> dict[str, Any]:
    store = profile.datastores.get(need.name or "")
    if store is None:
        port = need.port or profile.services[need.name or ""].port
        return {"name": need.what, "kind": "port", "host": "127.0.0.1", "port": port}
    account = ACCOUNT if store.kind is DatastoreKind.MARIADB else {}
    return {"name": store.name, "kind": store.kind, **_where(profile, node, store), **account}


def _where(profile: Profile, node: Node, store: Datastore) -> dict[str, Any]:
    """The seed's services reach a datastore on their own node through loopback."""
    host = "127.0.0.1" if store.node == node.name else profile.nodes[store.node].address
    return {"host": host, "port": store.port}
