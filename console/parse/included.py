"""Which of the files at hand an `include` means. Pure."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterable


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
