"""Files that nginx may include only now, because the file that includes them was changed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from console.parse.directives import Reading
from console.parse.included import matching


def newly_included(
    reading: Reading, known: Reading, files: Collection[str], changed: Callable[[str], bool]
) -> frozenset[str]:
    """Those of `files`, and the patterns, that a changed file includes and the profile's of that name does not.

    However old they are, what they say may be new to nginx; and so may be what they include.
    """
    found = frozenset[str]()
    while (more := frozenset(_included(reading, known, files, changed, found))) != found:
        found = more
    return found


def _included(
    reading: Reading, known: Reading, files: Collection[str], changed: Callable[[str], bool], new: frozenset[str]
) -> Iterator[str]:
    for file, pattern in reading.by_file:
        if (changed(file) and (file, pattern) not in known.by_file) or file in new:
            yield pattern
            yield from matching(files, pattern)
