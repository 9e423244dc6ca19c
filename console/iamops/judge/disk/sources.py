"""Which files a daemon reads, which of them are at hand, and which were changed after it had read them. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from iamops.model.config import ConfTree, FileListing
from iamops.parse.directives import ReadFile, matching

_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class DaemonSources:
    """What one daemon reads. `watched`: the directories whose change adds, removes or replaces a file of it.

    `unavailable`: files, and patterns, whose content is not at hand.
    """

    files: tuple[str, ...]
    watched: tuple[str, ...]
    unavailable: tuple[str, ...]

    @classmethod
    def of(cls, conf: ConfTree, root: str, reading: ReadFile) -> DaemonSources:
        files, watched, unread = {root}, set[str](), set[str]()
        for pattern in reading.includes:
            directory = posixpath.dirname(pattern)
            present = pattern in conf.files or pattern in conf.listing.files
            if "$" in pattern:  # it hangs on a definition
                unread.add(pattern)
            elif not is_glob(pattern) and not present and directory in conf.listing.listed:
                # One file that is known not to be there would appear in its directory.
                watched.add(_nearest(conf.listing, directory))
            elif not is_glob(pattern):
                files.add(pattern)
            else:
                files |= set(matching({*conf.listing.files, *conf.files}, pattern))
                parents = tuple(_parents(conf.listing, pattern))
                watched |= set(parents)
                if pattern not in conf.whole and not conf.listing.listed.issuperset(parents):
                    unread.add(pattern)
        unread |= files - conf.files.keys()
        return cls(tuple(sorted(files)), tuple(sorted(watched)), tuple(sorted(unread)))


def changes_of(conf: ConfTree, path: str) -> Iterator[float]:
    """When a file or directory, or a link on the way to it, was changed."""
    listing = conf.listing
    yield from (times[path] for times in (listing.files, listing.directories) if path in times)
    yield from (at for link, at in listing.links.items() if f"{path}/".startswith(f"{link}/"))
    file = conf.files.get(path)
    if file is not None and file.changed_at is not None:
        yield file.changed_at


def is_pattern(path: str) -> bool:
    """Does it stand for files that have other names: by a glob, or by a definition?"""
    return is_glob(path) or "$" in path


def is_glob(pattern: str) -> bool:
    return not _GLOB.isdisjoint(pattern)


def joined(one: FileListing, other: FileListing) -> FileListing:
    """Both listings; what the first one has looked into counts."""
    return FileListing(
        {**other.files, **one.files},
        {**other.directories, **one.directories},
        {**other.links, **one.links},
        one.listed | (other.listed - one.directories.keys()),
    )


def outside(conf: ConfTree, readings: Iterable[ReadFile]) -> tuple[str, ...]:
    """Directories of included files that nobody has looked into."""
    listing = conf.listing
    found = {posixpath.dirname(pattern) for reading in readings for pattern in reading.includes}
    missing = (path for path in found if _nearest(listing, path) not in listing.directories)
    return tuple(sorted(path for path in missing if not is_pattern(path)))


def _parents(listing: FileListing, pattern: str) -> Iterator[str]:
    """The directories that must be known whole to know what a pattern matches."""
    parent = posixpath.dirname(pattern)
    if not is_glob(parent):
        yield _nearest(listing, parent)
        return
    yield from matching(listing.directories, parent)
    yield from _parents(listing, parent)


def _nearest(listing: FileListing, directory: str) -> str:
    """The directory itself; where its parent is known not to have it, that one, for there it would appear."""
    parent = posixpath.dirname(directory)
    missing = directory not in listing.directories and parent != directory
    return _nearest(listing, parent) if missing and parent in listing.listed else directory
