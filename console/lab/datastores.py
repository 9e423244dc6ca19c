"""The datastores of a lab node: which units carry them, and what MariaDB must know before its first start."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

from console.lab.command import run
from console.model.profile import Datastore, DatastoreKind, Profile

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
    """The datastores a node carries."""
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
    return "\n".join(_statements(own, clients_of(profile, store))) + "\n"


def load(root: Path, statements: str) -> None:
    """Runs statements in a node that is not running. The server reads them and ends; it opens no port."""
    run(["chroot", str(root), "mariadbd", "--user=mysql", "--bootstrap"], stdin=statements)


def _statements(*addresses: tuple[str, ...]) -> Iterator[str]:
    # A bootstrapping server knows no accounts until it is told to read them.
    yield "USE mysql;\nFLUSH PRIVILEGES;"
    yield SCHEMA
    yield from map(grant, itertools.chain(*addresses))
    yield "FLUSH PRIVILEGES;"
