"""What a fresh node is made of, as files: the rendered ones, plus all that the lab stands in for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from console.lab import datastores
from console.lab.requirements import LOGIN_USER
from console.lab.rootfs import Link
from console.model.profile import Datastore, DatastoreKind, Node, Profile, Service
from console.render.files import NodeFile
from console.render.nodefiles import render_node

STAND_IN_HOME = "/usr/lib/iam-stand-ins"
STAND_IN_SOURCES = Path(__file__).parent / "standins"
WANTED = "/etc/systemd/system/multi-user.target.wants"
# What each IAM service of the seed answers beside its health check, and the datastores it needs for it.
PATHS: Mapping[str, tuple[str, ...]] = {
    "iam-apiserver": ("/v1/users",),
    "iam-authz-server": ("/v1/authz",),
    "iam-pump": ("/v1/lag",),
}

Entry = NodeFile | Link


def node_entries(profile: Profile, node: Node, secrets: Mapping[str, str], public_key: str) -> tuple[Entry, ...]:
    """Every file and link of a fresh node, except its host key."""
    return (
        *_identity(profile, node),
        *_login(public_key),
        _start_order(profile),
        # keepalived creates its files for root alone; the console reads this one as a member of adm.
        NodeFile(profile.logs.notify, "", mode=0o640, group="adm"),
        *_stand_in_sources(),
        *_services(profile, node),
        *_datastores(profile, node),
        *render_node(profile, node.name, secrets),
    )


def digest(entries: tuple[Entry, ...], statements: str) -> str:
    """Names what a node was made from, so that a change is noticed."""
    return hashlib.sha256(repr((entries, statements)).encode()).hexdigest()


def hosts(profile: Profile, node: Node) -> str:
    """/etc/hosts: sudo needs the own name, the seed puts the domains on loopback."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    lines += [f"127.0.0.1 {domain}" for domain in profile.domains]
    lines += [f"{other.address} {other.name}" for other in profile.nodes.values()]
    return "\n".join(lines) + "\n"


def service_config(profile: Profile, node: Node, service: Service, bind: str = "0.0.0.0") -> NodeFile:  # noqa: S104 - inside the closed lab; the real service's default of 127.0.0.1 is a fault to try
    """The configuration of a service's stand-in."""
    paths = PATHS.get(service.name, ())
    config: dict[str, Any] = {
        "name": service.name,
        "node": node.name,
        "bind": bind,
        "port": service.port,
        "health": service.health,
        "log": service.log_path,
        "paths": paths,
        "mariadb": None if paths == PATHS["iam-pump"] else _mariadb(profile, node),
        "mongodb": _mongodb(profile, node) if paths == PATHS["iam-pump"] else None,
    }
    return NodeFile(f"/etc/iam/{service.name}.json", json.dumps(config, indent=2) + "\n")


def _identity(profile: Profile, node: Node) -> Iterator[NodeFile]:
    yield NodeFile("/etc/hostname", f"{node.name}\n")
    yield NodeFile("/etc/hosts", hosts(profile, node))
    # Without an id systemd would take every boot for the first one, and enable every unit.
    machine_id = hashlib.sha256(f"iamops lab {profile.name} {node.name}".encode()).hexdigest()[:32]
    yield NodeFile("/etc/machine-id", f"{machine_id}\n", mode=0o444)


def _login(public_key: str) -> Iterator[NodeFile]:
    path = f"/home/{LOGIN_USER}/.ssh/authorized_keys"
    yield NodeFile(path, public_key, mode=0o644)


def _start_order(profile: Profile) -> NodeFile:
    """nginx before keepalived: else its first check fails, and every boot begins with 5 s of FAULT."""
    unit = f"/etc/systemd/system/{profile.keepalived.unit}.service.d/lab.conf"
    return NodeFile(unit, f"[Unit]\nAfter={profile.nginx.unit}.service\n")


def _stand_in_sources() -> Iterator[NodeFile]:
    """The stand-ins as an importable package: the same files, the same names as here."""
    for package in ("console", "console/lab"):
        yield NodeFile(f"{STAND_IN_HOME}/{package}/__init__.py", "")
    for source in sorted(STAND_IN_SOURCES.glob("*.py")):
        path = f"{STAND_IN_HOME}/console/lab/standins/{source.name}"
        yield NodeFile(path, source.read_text(encoding="utf-8"))


def _services(profile: Profile, node: Node) -> Iterator[Entry]:
    for service in profile.services.values():
        if service.runs_on(node.name):
            yield service_config(profile, node, service)
            yield from _stand_in(service.unit, service.name, f"/etc/iam/{service.name}.json", "service")


def _datastores(profile: Profile, node: Node) -> Iterator[Entry]:
    for store in datastores.on_node(profile, node.name):
        unit = datastores.unit_of(store)
        if store.kind is DatastoreKind.MONGODB:
            yield _mongod_config(store)
            yield from _stand_in(unit, "mongod", "/etc/iam/mongod.json", "mongodb")
        else:
            yield from _debian_unit(store, unit)


def _debian_unit(store: Datastore, unit: str) -> Iterator[Link]:
    debian = datastores.UNITS[store.kind]
    if unit != debian:
        yield Link(f"/etc/systemd/system/{unit}.service", f"/lib/systemd/system/{debian}.service")
    yield Link(f"{WANTED}/{debian}.service", f"/lib/systemd/system/{debian}.service")


def _stand_in(unit: str, name: str, config: str, module: str) -> Iterator[Entry]:
    """A unit, its command and its start at boot."""
    yield NodeFile(f"/usr/local/bin/{name}", _command(config, module), mode=0o755)
    yield NodeFile(f"/etc/systemd/system/{unit}.service", _unit(name))
    yield Link(f"{WANTED}/{unit}.service", f"/etc/systemd/system/{unit}.service")


def _command(config: str, module: str) -> str:
    return f"""\
#!/bin/sh
# A stand-in of the iamops lab.
export PYTHONPATH={STAND_IN_HOME}
exec /usr/bin/python3 -S -m console.lab.standins.{module} {config} "$@"
"""


def _unit(name: str) -> str:
    return f"""\
[Unit]
Description={name} (stand-in of the iamops lab)
After=network.target

[Service]
ExecStart=/usr/local/bin/{name}
User=iam
Group=adm
UMask=0027
LogsDirectory=iam
LogsDirectoryMode=0750
Restart=on-failure
RestartSec=1

[Install]
WantedBy=multi-user.target
"""


def _mongod_config(store: Datastore) -> NodeFile:
    config = {"name": "mongod", "bind": "0.0.0.0", "port": store.port, "log": "/var/log/iam/mongod.log"}  # noqa: S104 - inside the closed lab
    return NodeFile("/etc/iam/mongod.json", json.dumps(config, indent=2) + "\n")


def _mariadb(profile: Profile, node: Node) -> dict[str, Any] | None:
    store = datastores.first(profile, DatastoreKind.MARIADB)
    if store is None:
        return None
    account = {"user": datastores.USER, "password": datastores.PASSWORD, "database": datastores.DATABASE}
    return {"host": _host(profile, node, store), "port": store.port, **account}


def _mongodb(profile: Profile, node: Node) -> dict[str, Any] | None:
    store = datastores.first(profile, DatastoreKind.MONGODB)
    return None if store is None else {"host": _host(profile, node, store), "port": store.port}


def _host(profile: Profile, node: Node, store: Datastore) -> str:
    """The seed's services reach a datastore on their own node through loopback."""
    return "127.0.0.1" if store.node == node.name else profile.nodes[store.node].address
