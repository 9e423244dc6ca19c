"""Writes an archive in one step: a private scratch file beside it, on disk before it gets its name."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from iamops.ledger.files import sync_directory
from iamops.model.text import cut_to, shares
from iamops.nodes.evidence import EvidenceFile
from iamops.redact.known import KnownSecrets
from iamops.redact.redact import Redaction, learned, marked, redact
from iamops.report.bundle import Circumstances, Member, NotCollected, manifest
from iamops.session.user_files import InOthersHands, check_directory, refuse_foreign_links

SUFFIXES = (".tar.zst", ".tar.gz", ".tgz")
ZSTD_LEVEL = 6
GZIP_LEVEL = 6


class BundleRefused(Exception):
    """The bundle cannot be written; says why and what to do."""


def check_path(path: Path) -> None:
    """Raises BundleRefused before anything is looked at: unknown suffix, existing file, no such directory."""
    if not path.name.endswith(SUFFIXES) or path.name in SUFFIXES:
        raise BundleRefused(f"{path}: the name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    try:
        refuse_foreign_links(path.parent)
    except OSError as error:
        raise BundleRefused(f"{error.filename}: {error.strerror}; choose another directory") from None
    if os.path.lexists(path):
        raise BundleRefused(f"{path} is already there and is not overwritten: choose another name")
    if not path.parent.is_dir():
        raise BundleRefused(f"{path.parent}: no such directory")
    try:
        check_directory(path.parent)
    except InOthersHands as error:
        raise BundleRefused(f"{error}; or choose another place") from None
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise BundleRefused(f"{path.parent}: no file can be made there")
    if path.name.endswith(".zst"):
        _zstandard(path)


def write_archive(path: Path, files: Iterable[tuple[str, bytes]], at: float) -> int:
    """Writes the files in the given order, and returns the archive's size. Raises BundleRefused."""
    check_path(path)
    try:
        # Only its owner may read it from the first byte on; it goes away, whatever happens.
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=".iamops-bundle.")
        try:
            with os.fdopen(handle, "wb") as sink:
                with _compressed(sink, path, at) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
                    for name, content in files:
                        entry = tarfile.TarInfo(name)
                        entry.size, entry.mtime, entry.mode = len(content), int(at), 0o600
                        tar.addfile(entry, io.BytesIO(content))
                sink.flush()
                os.fsync(sink.fileno())
                size = os.fstat(sink.fileno()).st_size
                _put(Path(scratch), path)
        finally:
            Path(scratch).unlink(missing_ok=True)
    except OSError as error:
        raise BundleRefused(f"{path}: {error.strerror or error}; nothing was written") from error
    return size


@contextlib.contextmanager
def _compressed(sink: IO[bytes], path: Path, at: float) -> Iterator[Any]:
    if path.name.endswith(".zst"):
        compressor = _zstandard(path).ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
        with compressor.stream_writer(sink, closefd=False) as packed:
            yield packed
    else:
        with gzip.GzipFile("", "wb", GZIP_LEVEL, sink, mtime=int(at)) as packed:
            yield packed


def _zstandard(path: Path) -> Any:
    """Loaded only for the archives that need it."""
    try:
        import zstandard
    except ImportError:
        fix = "name it .tar.gz, or: pip install 'iamops[zstd]'"
        raise BundleRefused(f"{path}: this Python cannot write zstd; {fix}") from None
    return zstandard


def _put(scratch: Path, path: Path) -> None:
    """A link is refused where a name is taken; a rename would replace what somebody has just put there."""
    try:
        os.link(scratch, path)
    except FileExistsError:
        raise BundleRefused(f"{path} is already there and is not overwritten: choose another name") from None
    except OSError:
        # A file system without hard links.
        check_path(path)
        os.rename(scratch, path)
    sync_directory(path.parent)


# The files of a bundle: redacted, cut to size, safely named. No I/O.

# Room for the manifest itself, out of the bundle's limit.
MANIFEST_SHARE = 16
_UNSAFE = re.compile(r"[^A-Za-z0-9._@+\-\[\] ]")
NAME_CHARS = 120


@dataclass(frozen=True, slots=True)
class BundlePiece:
    """A file and the node it comes from; None: this side."""

    node: str | None
    file: EvidenceFile

    @property
    def path(self) -> str:
        """Where it stands in the archive, before that is made safe."""
        parts = (*(("nodes", self.node) if self.node else ()), self.file.name)
        return "/".join(part for part in parts if part)


def members_of(
    pieces: Sequence[BundlePiece], known: KnownSecrets, around: Circumstances
) -> tuple[list[Member], list[NotCollected]]:
    """Every file that could be had, and what is missing, in the order in which they came."""
    # Passwords that stand in the configurations: a log may repeat them where nothing gives them away.
    configs = (p.file.content for p in pieces if p.file.name.startswith(("config/", "keepalived/")))
    known = known.and_plain({secret for content in configs if content is not None for secret in learned(content)})
    members: list[Member] = []
    missing: list[NotCollected] = []
    for piece in pieces:
        path, source = safe_path(piece.path, known), _clean(piece.file.source, known)
        if piece.file.content is None:
            missing.append(NotCollected(path, source, piece.node, _clean(piece.file.reason, known)))
            continue
        redacted = redact(piece.file.content, known)
        # What this side has made was redacted when it was written, value by value.
        redactions = redacted.redactions if piece.node else marked(redacted.text)
        kept = "end" if piece.file.keeps_end else "start"
        members.append(Member(path, redacted.text, source, piece.node, piece.file.left_out, kept, redactions))
    members = list(_distinct(members))
    budget = around.limit_bytes - around.limit_bytes // MANIFEST_SHARE
    allowed = shares([min(len(member.content), around.file_limit_bytes) for member in members], budget)
    return [_cut(member, limit) for member, limit in zip(members, allowed, strict=True)], missing


def manifest_bytes(around: Circumstances, members: Sequence[Member], missing: Sequence[NotCollected]) -> bytes:
    document = manifest(around, members, missing)
    return json.dumps(document, indent=1, ensure_ascii=True).encode("ascii") + b"\n"


def _clean(text: str, known: KnownSecrets) -> str:
    """What a node says is redacted in the manifest too."""
    return redact(text.encode("utf-8", "surrogateescape"), known).text.decode("utf-8", "replace")


def _distinct(members: Iterable[Member]) -> Iterator[Member]:
    """No two of the same name: unpacking would lose one."""
    taken = {"manifest.json"}
    for member in members:
        path, number = member.path, 1
        while path.lower() in taken:
            number += 1
            path = f"{member.path}.{number}"
        taken.add(path.lower())
        yield replace(member, path=path)


def safe_path(path: str, known: KnownSecrets) -> str:
    """A path that stays below the place where it is unpacked, whatever a node called its files."""
    parts = [_UNSAFE.sub("_", part)[:NAME_CHARS] for part in _clean(path, known).split("/")]
    kept = [part for part in parts if part.strip(". ")]
    return "/".join(kept) or "unnamed"


def _cut(member: Member, limit: int) -> Member:
    """Cut after it was redacted; the numbers of its lines follow."""
    keeps_end = member.kept == "end"
    kept, left_out = cut_to(member.content, limit, keeps_end=keeps_end)
    if not left_out:
        return member
    removed = member.content.count(b"\n", 0, left_out) if keeps_end else 0
    last = kept.count(b"\n")
    moved = (Redaction(r.line - removed, r.kind, r.count) for r in member.redactions)
    return replace(member, content=kept, truncated=True, redactions=tuple(r for r in moved if 1 <= r.line <= last))
