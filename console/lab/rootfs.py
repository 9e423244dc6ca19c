"""Writes files into the root of a node that is not running, with the node's own users as owners."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from console.lab.errors import LabImpossible
from console.render.files import NodeFile


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link a node should have."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Accounts:
    """The user and group numbers of one root."""

    users: dict[str, int]
    groups: dict[str, int]

    @classmethod
    def of(cls, root: Path) -> Accounts:
        return cls(_numbers(root / "etc/passwd"), _numbers(root / "etc/group"))


def write(root: Path, entries: Iterable[NodeFile | Link]) -> None:
    """Writes files and links below `root`, over what is there."""
    accounts = Accounts.of(root)
    for entry in entries:
        if isinstance(entry, Link):
            _write_link(root, entry)
        else:
            _write_file(root, entry, accounts)


def _write_file(root: Path, entry: NodeFile, accounts: Accounts) -> None:
    path = _below(root, entry.path)
    path.unlink(missing_ok=True)
    path.write_text(entry.content, encoding="utf-8")
    try:
        os.chown(path, accounts.users[entry.owner], accounts.groups[entry.group])
    except KeyError as error:
        raise LabImpossible(
            f"{entry.path} should belong to {entry.owner}:{entry.group}, which the image does not know",
            "this is a fault in the lab's provisioning; please report it",
        ) from error
    path.chmod(entry.mode)


def _write_link(root: Path, link: Link) -> None:
    path = _below(root, link.path)
    path.unlink(missing_ok=True)
    path.symlink_to(link.target)


def _below(root: Path, absolute: str) -> Path:
    path = root / absolute.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _numbers(file: Path) -> dict[str, int]:
    rows = (line.split(":") for line in file.read_text(encoding="utf-8").splitlines())
    return {row[0]: int(row[2]) for row in rows if len(row) > 2}
