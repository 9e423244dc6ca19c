"""Configuration files in directories of the operator's machine: written for a person, read for lint."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from console.model.config import NGINX_CONF, ConfFile, ConfTree
from console.render.files import NodeFile
from console.session.private_file import private_directory

READ = ("etc/nginx", "etc/keepalived", "etc/sudoers.d", "etc/logrotate.d")
MAX_FILE = 1024 * 1024
CONFIGURATION = (".conf", ".sh")


class DirectoryUnreadable(Exception):
    """There is nothing to read; says what is expected."""


def write_tree(root: Path, files: Iterable[NodeFile]) -> None:
    """Writes the files below `root`, with their modes. Raises OSError."""
    for file in files:
        path = root / file.path.lstrip("/")
        private_directory(path.parent)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(file.content, encoding="utf-8")
        path.chmod(file.mode)


def read_directory(root: Path) -> ConfTree:
    """A node's files below root/etc; or keepalived's and nginx's files right in `root`, as they are often kept.

    Raises DirectoryUnreadable.
    """
    if not root.is_dir():
        why = "not a directory: name one with a node's files below etc/" if root.exists() else "no such directory"
        raise DirectoryUnreadable(f"{root}: {why}")
    files = dict(_loose(root) if not (root / "etc").is_dir() else _rooted(root))
    if not files:
        raise DirectoryUnreadable(f"{root}: no configuration files; expected etc/nginx and etc/keepalived in it")
    return ConfTree(root.name, files)


def _rooted(root: Path) -> Iterable[tuple[str, ConfFile]]:
    for directory in READ:
        for path in sorted((root / directory).rglob("*")):
            if _is_to_be_read(path):
                name = f"/{path.relative_to(root)}"
                yield name, _read(path, name)


def _loose(root: Path) -> Iterable[tuple[str, ConfFile]]:
    """keepalived.conf and scripts belong to keepalived, nginx.conf to nginx, any other .conf to its conf.d."""
    for path in sorted(root.iterdir()):
        if not _is_to_be_read(path):
            continue
        if path.name == "nginx.conf":
            name = NGINX_CONF
        elif path.name.startswith("keepalived") or path.suffix == ".sh":
            name = f"/etc/keepalived/{path.name}"
        elif path.suffix == ".conf":
            name = f"/etc/nginx/conf.d/{path.name}"
        else:
            continue
        yield name, _read(path, name)


def _is_to_be_read(path: Path) -> bool:
    """What is no configuration (a map of addresses, a package's index) may be of any size and kind.

    Raises DirectoryUnreadable: a configuration that is left out would be told as one that is not there.
    """
    if not path.exists() or path.is_dir():
        return False
    plain = path.is_file()
    if plain and path.stat().st_size <= MAX_FILE:
        return True
    if path.suffix in CONFIGURATION:
        why = f"more than {MAX_FILE // 1024} KiB" if plain else "not a regular file"
        raise DirectoryUnreadable(f"{path}: {why}; move it away, or lint a directory without it")
    return False


def _read(path: Path, name: str) -> ConfFile:
    # As it is: what reads text makes one line end of all.
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return ConfFile(name, text, path.stat().st_mode & 0o7777, changed_at=path.stat().st_mtime)
