"""A node's configuration as tools print it: tar, list of pushes, directory listing, daemons' tests. Pure."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from typing import Any

from iamops.model.config import ConfFile, ConfTree, DaemonCheck, FileListing
from iamops.model.foreign import json_object, real, whole
from iamops.model.timestamps import LAST_MOMENT_S, calendar_time
from iamops.redact.clean import clean_text

# More than any node has. A tar can hold much more than is sent: sparse files, and headers without end.
MAX_FILE = 1024 * 1024
MAX_TOTAL = 8 * 1024 * 1024
MAX_FILES = 400
MAX_NAME, MAX_DEPTH = 1024, 32
MAX_PUSHES = 1000
# Beside its own errors tarfile raises these for headers that nobody writes.
_TAR_ERRORS = (tarfile.TarError, ValueError, LookupError, OverflowError, RecursionError, TypeError, EOFError)
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
    except _TAR_ERRORS as error:
        raise ArchiveUnreadable(f"no tar of configuration files: {clean_text(str(error), 80)}") from None
    by_path = {file.path: file for file in sorted(files, key=lambda file: file.path)}
    return ConfTree(node, by_path, whole=whole if len(files) == len(members) else frozenset())


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
            raise ArchiveUnreadable(f"a file whose name is too long or too deep: {clean_text(member.name, 80)}")
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
    def outcome_text(self) -> str:
        """How it ended, in a person's words."""
        what, _, by = self.outcome.rpartition(" ")
        return f"{what} {TAKEN_BACK[by]}" if what == "taken back" and by in TAKEN_BACK else self.outcome


def push_records(text: str) -> tuple[PushRecord, ...]:
    """Oldest first; a line that is none is left out."""
    records = []
    for line in text.splitlines()[:MAX_PUSHES]:
        push, _, rest = line.partition("\t")
        ended, _, meta = rest.partition("\t")
        if not rest:
            continue
        parts = ended.split()
        times = [calendar_time(whole(word)) for word in parts]
        at = next((float(at) for at in times if at is not None), None)
        outcome = " ".join(word for word, at in zip(parts, times, strict=True) if at is None)
        records.append(PushRecord(clean_text(push, 60), clean_text(outcome, 40), at, json_object(meta)))
    return tuple(sorted(records, key=lambda record: record.push))


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo) -> ConfFile:
    reader = tar.extractfile(member)
    content = reader.read().decode("utf-8", "surrogateescape") if reader else ""
    path = "/" + member.name.removeprefix("./").lstrip("/")
    owner = member.uname if _ACCOUNT.fullmatch(member.uname) else str(member.uid)
    group = member.gname if _ACCOUNT.fullmatch(member.gname) else str(member.gid)
    at = min(max(float(member.mtime), 0.0), LAST_MOMENT_S)
    return ConfFile(path, content, member.mode & 0o7777, owner, group, at)


# find(1) on directories: what lies there, and when it last changed.

# More than anybody has; a listing that is cut off lists nothing whole.
AT_MOST = 4000


def config_listing(raw: bytes, depth: int) -> FileListing:
    """Records of `kind depth ctime mtime path`, each ended by a NUL. Directories at `depth` were not entered.

    The later of both times counts: `mv`, `cp -p` and `rsync -t` set the time of writing back, nobody sets ctime.
    Raises ValueError for a record without a time.
    """
    files, directories, links = dict[str, float](), dict[str, float](), dict[str, float]()
    listed = set[str]()
    records = raw.decode("utf-8", "surrogateescape").split("\0")
    for record in records:
        if record.count(" ") < 4:
            continue
        kind, level, ctime, mtime, path = record.split(" ", 4)
        changed, written, below = real(ctime), real(mtime), whole(level)
        if changed is None or written is None or below is None:
            raise ValueError(f"no time, or no level: {level} {ctime} {mtime}")
        {"f": files, "l": links}.get(kind, directories)[path] = max(changed, written)
        if kind == "d" and below < depth:
            listed.add(path)
    return FileListing(files, directories, links, frozenset(listed if len(records) <= AT_MOST else ()))


# The output of `nginx -t` and `keepalived -t` as complaints with file and line.
#
# keepalived's exit code is the largest of its complaints' (4 unusable, 5 errors, 6 scripts only), so that 6 may
# hide worse: its words are read too. 2.2.7 can end itself (143) with a script_user: that is no complaint.

_NGINX = re.compile(
    r"\[(?P<level>[a-z]+)\] (?:[0-9]{1,9}#[0-9]{1,9}: )?(?P<text>.*?)(?: in (?P<file>/\S+):(?P<line>[0-9]{1,9}))?$"
)
_KEEPALIVED = re.compile(r"^\((?:(?P<file>/\S+?): )?Line (?P<line>[0-9]{1,9})\) (?P<text>.*)$")
_SECURITY = re.compile(r"SECURITY VIOLATION|insecure|Unsafe permissions")
_HARMLESS = re.compile(r"is deprecated|^Configuration file|^Opening file|^Starting ")
KILLED_ITSELF = (143, -15, None)
# Nobody reads more, and each costs the time to be made harmless.
MOST = 200


@dataclass(frozen=True, slots=True)
class CheckComplaint:
    """`kind` is error, security or warning."""

    kind: str
    message: str
    file: str | None = None
    line: int | None = None


def complaints(check: DaemonCheck) -> tuple[CheckComplaint, ...]:
    """What was found wrong, the first MOST of it; nothing for a test that passed without a word."""
    if check.unavailable:
        return ()
    found = _nginx(check) if check.daemon == "nginx" else _keepalived(check)
    return tuple(islice(found, MOST))


def _nginx(check: DaemonCheck) -> Iterator[CheckComplaint]:
    found = False
    for line in check.output.splitlines():
        match = _NGINX.search(line.strip())
        if match is None:
            continue
        kind = "error" if match["level"] in ("emerg", "alert", "crit", "error") else "warning"
        found = found or kind == "error"
        number = int(match["line"]) if match["line"] else None
        yield CheckComplaint(kind, clean_text(match["text"], 200), match["file"], number)
    if check.exit_status != 0 and not found:
        yield CheckComplaint("error", clean_text(check.output.strip(), 200) or f"exit code {check.exit_status}")


def _keepalived(check: DaemonCheck) -> Iterator[CheckComplaint]:
    if check.exit_status == 0 or (check.exit_status in KILLED_ITSELF and not check.output.strip()):
        return
    found = False
    for line in check.output.splitlines():
        text = line.strip()
        if not text or _HARMLESS.search(text):
            continue
        match = _KEEPALIVED.match(text)
        number = int(match["line"]) if match and match["line"] else None
        message = match["text"] if match else text
        kind = "security" if _SECURITY.search(text) else "error"
        found = True
        yield CheckComplaint(kind, clean_text(message or text, 200), match["file"] if match else None, number)
    if not found and check.exit_status not in KILLED_ITSELF:
        yield CheckComplaint("error", f"exit code {check.exit_status} without a word")
