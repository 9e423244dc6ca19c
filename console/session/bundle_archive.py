"""Writes an archive in one step: a private scratch file beside it, on disk before it gets its name."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from console.session.own_hands import InOthersHands, check_directory
from console.session.private_file import refuse_foreign_links

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
        with _scratch(path.parent) as (scratch, sink):
            with _compressed(sink, path, at) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
                for name, content in files:
                    tar.addfile(_entry(name, len(content), at), io.BytesIO(content))
            sink.flush()
            os.fsync(sink.fileno())
            size = os.fstat(sink.fileno()).st_size
            _name(scratch, path)
    except OSError as error:
        raise BundleRefused(f"{path}: {error.strerror or error}; nothing was written") from error
    return size


def _entry(name: str, size: int, at: float) -> tarfile.TarInfo:
    """A regular file that belongs to nobody in particular."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mtime = int(at)
    entry.mode = 0o600
    return entry


@contextlib.contextmanager
def _scratch(directory: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Only its owner may read it from the first byte on; it goes away, whatever happens."""
    handle, name = tempfile.mkstemp(dir=directory, prefix=".iamops-bundle.")
    try:
        with os.fdopen(handle, "wb") as sink:
            yield Path(name), sink
    finally:
        Path(name).unlink(missing_ok=True)


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
        fix = "name it .tar.gz, or install the zstandard package"
        raise BundleRefused(f"{path}: this Python cannot write zstd; {fix}") from None
    return zstandard


def _name(scratch: Path, path: Path) -> None:
    """A link is refused where a name is taken; a rename would replace what somebody has just put there."""
    try:
        os.link(scratch, path)
    except FileExistsError:
        raise BundleRefused(f"{path} is already there and is not overwritten: choose another name") from None
    except OSError:
        # A file system without hard links.
        check_path(path)
        os.rename(scratch, path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
