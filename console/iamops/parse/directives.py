"""What nginx's and keepalived's files have in common: directives with words, lines and blocks. Values only."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive. `block` is None for a simple one; `lines` are those of its words, the name's first."""

    name: str
    args: tuple[str, ...]
    file: str
    line: int
    block: tuple[Directive, ...] | None = None
    lines: tuple[int, ...] = ()

    @property
    def arg(self) -> str:
        return self.args[0] if self.args else ""

    def all(self, name: str) -> tuple[Directive, ...]:
        """The directives of that name right in this block."""
        return tuple(directive for directive in self.block or () if directive.name == name)

    def first(self, name: str) -> Directive | None:
        return next(iter(self.all(name)), None)

    def entries(self, name: str) -> tuple[Directive, ...]:
        """What stands in the blocks of that name right in this block."""
        return tuple(entry for block in self.all(name) for entry in block.block or ())


@dataclass(frozen=True, slots=True)
class Mistake:
    """Text that cannot be read as what it should be. `known`: it may be right, but is not understood here.

    `ignored`: the daemon complains as well, and goes on as if it were not there.
    """

    file: str
    line: int
    message: str
    known: bool = False
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file with all that it includes. `includes`: the absolute patterns that it includes, followed or not.

    `by_file`: for nginx, each file with the patterns that it includes itself. `partial`: for keepalived, a file is
    missing that may define what the others use.
    """

    directives: tuple[Directive, ...]
    mistakes: tuple[Mistake, ...] = ()
    includes: tuple[str, ...] = ()
    by_file: tuple[tuple[str, str], ...] = ()
    partial: bool = False

    def all(self, name: str) -> tuple[Directive, ...]:
        return tuple(directive for directive in self.directives if directive.name == name)

    def walk(self) -> Iterator[Directive]:
        """Every directive, outer ones first."""
        todo = list(self.directives)
        while todo:
            each = todo.pop(0)
            yield each
            todo[:0] = each.block or ()


def matching(paths: Iterable[str], pattern: str) -> list[str]:
    """As glob(3) sorts and matches: a `*` stays within its directory and shows no hidden file."""
    depth = pattern.count("/")
    hidden = posixpath.basename(pattern).startswith(".")
    return sorted(
        path
        for path in paths
        if path.count("/") == depth
        and (hidden or not posixpath.basename(path).startswith("."))
        and (path == pattern or fnmatch.fnmatchcase(path, pattern))
    )
