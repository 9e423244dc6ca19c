"""What a push would change on one node: the files that differ, and what was seen of all of them. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

from console.model.config import ConfFile, ConfTree
from console.plan.own_header import OURS, same_settings
from console.render.files import NodeFile

if TYPE_CHECKING:
    from tarfile import TarFile

ABSENT = "-"
EXECUTABLE = 0o111


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file. `old` None: it is new; `new` None: it goes. `secret`: its lines may never be shown."""

    path: str
    old: str | None = field(repr=False)
    new: str | None = field(repr=False)
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    secret: bool = False


@dataclass(frozen=True, slots=True)
class NodeChange:
    """All changes of one node. `seen`: path -> SHA-256 of what is there now, or `-` where nothing is.

    `asked_for`: the files that are then as they were asked for, those that are so already included.
    """

    node: str
    files: tuple[FileChange, ...] = ()
    seen: Mapping[str, str] = field(default_factory=dict)
    asked_for: frozenset[str] = frozenset()

    @property
    def settled(self) -> frozenset[str]:
        """Whose content is known once this is done."""
        return self.asked_for | {file.path for file in self.files}

    def touches(self, directory: str) -> bool:
        return any(change.path.startswith(directory) for change in self.files)

    @property
    def daemons(self) -> tuple[str, ...]:
        """Which daemons must read their files anew. Scripts are read at every run, by themselves."""
        nginx = ("nginx",) if self.touches("/etc/nginx/") else ()
        conf = any(change.path.startswith("/etc/keepalived/") and _is_conf(change) for change in self.files)
        return (*nginx, *(("keepalived",) if conf else ()))


def node_change(tree: ConfTree, wanted: Sequence[NodeFile], *, exact: bool = False) -> NodeChange:
    """From what is there to what is wanted. `exact`: everything else goes too, not only what is ours."""
    by_path = {file.path: file for file in wanted}
    changes = [change for file in wanted if (change := _change(tree.files.get(file.path), file)) is not None]
    for path, live in tree.files.items():
        if path not in by_path and (exact or OURS in live.content):
            changes.append(FileChange(path, live.content, None, secret=is_secret(path)))
    seen = {path: digest(tree.files.get(path)) for path in sorted({*tree.files, *by_path})}
    return NodeChange(tree.name, tuple(sorted(changes, key=lambda change: change.path)), seen, frozenset(by_path))


def changes_identity(changes: Mapping[str, NodeChange]) -> str:
    """Names exactly these changes from exactly what was seen."""
    told = [
        (node, sorted(each.seen.items()), [(f.path, f.new, f.mode) for f in each.files])
        for node, each in sorted(changes.items())
    ]
    return hashlib.sha256(repr(told).encode("utf-8", "surrogateescape")).hexdigest()


def payload(change: NodeChange, push: str, meta: str, rollback_s: int) -> str:
    """What `iamops-config stage` reads: a tar with a manifest and the new files, in base64. Deterministic."""
    import tarfile  # not what every command that knows of plans should wait for

    sink = BytesIO()
    with tarfile.TarFile(fileobj=sink, mode="w", format=tarfile.GNU_FORMAT) as tar:
        _add(tar, "manifest", "".join(f"{line}\n" for line in _manifest(change, push, meta, rollback_s)))
        for file in change.files:
            if file.new is not None:
                _add(tar, f"files{file.path}", file.new)
    return base64.encodebytes(sink.getvalue()).decode("ascii")


def digest(file: ConfFile | None) -> str:
    return text_digest(None if file is None else file.content)


def text_digest(content: str | None) -> str:
    return ABSENT if content is None else hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()


def is_secret(path: str) -> bool:
    """keepalived's own files may carry its password, wherever they include one another."""
    return path.startswith("/etc/keepalived/") and path.endswith(".conf")


def _change(live: ConfFile | None, file: NodeFile) -> FileChange | None:
    mode, owner, group = _kept(live, file)
    same_rights = live is None or live.mode is None or live.mode == mode
    if live is not None and same_settings(live.content, file.content) and same_rights:
        return None
    secret = file.secret or is_secret(file.path)
    return FileChange(file.path, live.content if live else None, file.content, mode, owner, group, secret)


def _kept(live: ConfFile | None, file: NodeFile) -> tuple[int, str, str]:
    """Rights and owner stay as somebody set them, unless the file could not work with them."""
    if live is None or live.mode is None or live.owner is None or live.group is None:
        return file.mode, file.owner, file.group
    if file.path.startswith("/etc/sudoers.d/"):
        return file.mode, file.owner, file.group  # sudo ignores it otherwise
    works = live.mode & EXECUTABLE == file.mode & EXECUTABLE
    return live.mode if works else file.mode, live.owner, live.group


def _manifest(change: NodeChange, push: str, meta: str, rollback_s: int) -> Iterator[str]:
    yield f"id {push}"
    yield f"meta {meta}"
    yield f"rollback_s {rollback_s}"
    for daemon in change.daemons:
        yield f"daemon {daemon}"
    for path, was in change.seen.items():
        yield f"seen {was} {path}"
    for file in change.files:
        if file.new is None:
            yield f"drop {file.path}"
        else:
            yield f"put {file.mode:o} {file.owner}:{file.group} {file.path}"


def _add(tar: TarFile, name: str, text: str) -> None:
    from tarfile import TarInfo

    content = text.encode("utf-8", "surrogateescape")
    info = TarInfo(name)
    info.size, info.mode = len(content), 0o600
    tar.addfile(info, BytesIO(content))


def _is_conf(change: FileChange) -> bool:
    return change.path.endswith(".conf")
