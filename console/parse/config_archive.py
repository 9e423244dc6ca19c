"""What `iamops-config` on a node tells: a tar of its managed files, and its list of pushes. Pure."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from console.model.config import ConfFile, ConfTree
from console.parse.words import words

MAX_FILE = 1024 * 1024


class ArchiveUnreadable(Exception):
    """What came is no tar of configuration files."""


def conf_tree(node: str, raw: bytes) -> ConfTree:
    """The files by absolute path, with owner, mode and time. Raises ArchiveUnreadable."""
    try:
        with tarfile.TarFile(fileobj=BytesIO(raw)) as tar:
            files = [file for member in tar if (file := _file(tar, member)) is not None]
    except tarfile.TarError as error:
        if not raw.strip(b"\0"):
            return ConfTree(node, {})
        raise ArchiveUnreadable(f"no tar of configuration files: {words(str(error), 80)}") from None
    return ConfTree(node, {file.path: file for file in sorted(files, key=lambda each: each.path)})


@dataclass(frozen=True, slots=True)
class PushRecord:
    """One push as a node remembers it. `outcome` is confirmed, taken back or pending; `at` epoch seconds."""

    push: str
    outcome: str
    at: float | None
    meta: dict[str, Any] = field(default_factory=dict)


def push_records(text: str) -> tuple[PushRecord, ...]:
    """Oldest first; a line that is none is left out."""
    return tuple(sorted(_records(text), key=lambda record: record.push))


def _records(text: str) -> Iterator[PushRecord]:
    for line in text.splitlines():
        push, _, rest = line.partition("\t")
        ended, _, meta = rest.partition("\t")
        if not rest:
            continue
        parts = ended.split()
        at = next((float(word) for word in parts if word.isdigit()), None)
        outcome = " ".join(word for word in parts if not word.isdigit())
        try:
            told = json.loads(meta)
        except ValueError:
            told = {}
        yield PushRecord(words(push, 60), words(outcome, 40), at, told if isinstance(told, dict) else {})


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo) -> ConfFile | None:
    if not member.isfile() or member.size > MAX_FILE:
        return None
    reader = tar.extractfile(member)
    content = reader.read().decode("utf-8", "surrogateescape") if reader else ""
    path = "/" + member.name.removeprefix("./").lstrip("/")
    return ConfFile(
        path, content, member.mode & 0o7777, member.uname or str(member.uid), member.gname or str(member.gid),
        float(member.mtime),
    )  # fmt: skip
