"""What `iamops-config` on a node tells: a tar of its managed files, and its list of pushes. Pure."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from console.model.config import ConfFile, ConfTree
from console.model.timestamps import LAST_MOMENT_S, moment
from console.parse.foreign_json import json_of
from console.parse.numbers import whole
from console.parse.words import words

# More than any node has. A tar can hold much more than is sent: sparse files, and headers without end.
MAX_FILE = 1024 * 1024
MAX_TOTAL = 8 * 1024 * 1024
MAX_FILES = 400
MAX_NAME, MAX_DEPTH = 1024, 32
MAX_PUSHES = 1000
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


class ArchiveUnreadable(Exception):
    """What came is no tar of configuration files."""


def conf_tree(node: str, raw: bytes, whole: frozenset[str] = frozenset()) -> ConfTree:
    """The files by absolute path, with owner, mode and time. Raises ArchiveUnreadable.

    A file of more than `MAX_FILE` bytes is left out, and then no pattern of `whole` has all its files here.
    """
    if not raw.strip(b"\0"):
        return ConfTree(node, {}, whole=whole)
    try:
        with tarfile.TarFile(fileobj=BytesIO(raw)) as tar:
            members = _bounded(tar)
            files = [_file(tar, member) for member in members if member.size <= MAX_FILE]
    # Beside its own errors tarfile raises these for headers that nobody writes.
    except (
        tarfile.TarError,
        ValueError,
        LookupError,
        OverflowError,
        RecursionError,
        TypeError,
        EOFError,
    ) as error:
        raise ArchiveUnreadable(f"no tar of configuration files: {words(str(error), 80)}") from None
    ordered = sorted(files, key=lambda each: each.path)
    return ConfTree(
        node, {file.path: file for file in ordered}, whole=whole if len(files) == len(members) else frozenset()
    )


def _bounded(tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """The regular files in it. Nothing is unpacked before all are known to be small, few and plainly named.

    Raises ArchiveUnreadable.
    """
    members, count, total = list[tarfile.TarInfo](), 0, 0
    for member in tar:
        count += 1
        if count > MAX_FILES:
            raise ArchiveUnreadable(f"more than {MAX_FILES} files of configuration")
        if not member.isfile():
            continue
        if member.issparse():
            raise ArchiveUnreadable("a file with holes, which no configuration has")
        if len(member.name) > MAX_NAME or member.name.count("/") > MAX_DEPTH:
            raise ArchiveUnreadable(f"a file whose name is too long or too deep: {words(member.name, 80)}")
        total += min(member.size, MAX_FILE)
        if total > MAX_TOTAL:
            raise ArchiveUnreadable(f"more than {MAX_TOTAL // 1024 // 1024} MiB of configuration")
        members.append(member)
    return members


# What took it back, in the node's own word.
TAKEN_BACK = {"console": "by the console", "timer": "by the node's timer", "boot": "at boot", "hand": "by hand"}


@dataclass(frozen=True, slots=True)
class PushRecord:
    """One push as a node remembers it. `outcome` is confirmed, taken back or pending; `at` epoch seconds."""

    push: str
    outcome: str
    at: float | None
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """How it ended, in a person's words."""
        what, _, by = self.outcome.rpartition(" ")
        return f"{what} {TAKEN_BACK[by]}" if what == "taken back" and by in TAKEN_BACK else self.outcome


def push_records(text: str) -> tuple[PushRecord, ...]:
    """Oldest first; a line that is none is left out."""
    return tuple(sorted(_records(text), key=lambda record: record.push))


def _records(text: str) -> Iterator[PushRecord]:
    for line in text.splitlines()[:MAX_PUSHES]:
        push, _, rest = line.partition("\t")
        ended, _, meta = rest.partition("\t")
        if not rest:
            continue
        parts = ended.split()
        times = [moment(whole(word)) for word in parts]
        at = next((float(at) for at in times if at is not None), None)
        outcome = " ".join(word for word, at in zip(parts, times, strict=True) if at is None)
        try:
            told = json_of(meta)
        except ValueError:
            told = {}
        yield PushRecord(words(push, 60), words(outcome, 40), at, told if isinstance(told, dict) else {})


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo) -> ConfFile:
    reader = tar.extractfile(member)
    content = reader.read().decode("utf-8", "surrogateescape") if reader else ""
    path = "/" + member.name.removeprefix("./").lstrip("/")
    owner, group = _account(member.uname, member.uid), _account(member.gname, member.gid)
    at = min(max(float(member.mtime), 0.0), LAST_MOMENT_S)
    return ConfFile(path, content, member.mode & 0o7777, owner, group, at)


def _account(name: str, number: int) -> str:
    return name if _ACCOUNT.fullmatch(name) else str(number)
