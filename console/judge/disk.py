"""What a daemon would read from disk, and what of it was changed after it had read its files. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from console.judge.sources import Sources, Times, is_pattern
from console.model.config import ConfTree, Listing
from console.parse.directives import Reading


@dataclass(frozen=True, slots=True)
class Disk:
    """What a unit would read. `newer`, `unsure`: what was, or may have been, changed after it had read it."""

    sources: Sources
    newer: tuple[str, ...]
    unsure: tuple[str, ...]
    stopped: bool
    # Files beside those that it reads that are as new: one of them may have had another name.
    beside: tuple[str, ...]

    @classmethod
    def of(cls, conf: ConfTree, unit: str, root: str, reading: Reading) -> Disk:
        sources, times = Sources.of(conf, root, reading), Times(conf, unit)
        # What a pattern means where nobody could look may have been changed in place.
        paths = (*sources.files, *sources.watched, *filter(is_pattern, sources.unread))
        beside = times.newer(_beside(sources, conf.listing))
        return cls(sources, times.newer(paths), times.unsure(paths), unit in conf.stopped, beside)

    @property
    def is_loaded(self) -> bool:
        """The unit runs with exactly these files."""
        return not self.newer and not self.unsure

    @property
    def unread(self) -> tuple[str, ...]:
        """What was not read here, and may differ from what the unit has read."""
        return tuple(path for path in self.sources.unread if path in self.newer or path in self.unsure)

    @property
    def files(self) -> tuple[str, ...]:
        """Those that the unit has not read as they are, or may not have."""
        told = dict.fromkeys((*self.newer, *self.unsure))
        return tuple(path for path in told if path in self.sources.files or is_pattern(path))

    def edited(self, path: str) -> bool:
        """May the file itself be another one now?"""
        return path in self.newer or path in self.unsure

    def changed(self, path: str) -> bool:
        """May the file mean something else now? A directory that changed may have lost what came before it."""
        return self.edited(path) or any(self.edited(each) for each in self.sources.watched)

    @property
    def touched(self) -> tuple[str, ...]:
        """The directories that changed, where no file in them is seen to have another name now.

        An editor's swap file that came and went leaves no more than that; nor does a file that was removed.
        """
        if self.unsure or self.beside:
            return ()
        return tuple(path for path in self.newer if path in self.sources.watched)

    @property
    def may_have_held(self) -> tuple[str, ...]:
        """What may have said more before, and is at hand: files, and directories that had other entries."""
        since = dict.fromkeys((*self.newer, *self.unsure))
        unseen = {posixpath.dirname(path) for path in self.unread} | set(self.unread)
        return tuple(path for path in since if not is_pattern(path) and path not in unseen)

    @property
    def why(self) -> str:
        if self.newer:
            return f"{', '.join(self.newer)} changed after it had read its files"
        return "whether its files changed after it had read them is not known either"


def _beside(sources: Sources, listing: Listing) -> Iterator[str]:
    """What lies in a watched directory, is not read, and does not hide itself as an editor's files do."""
    for path in listing.files:
        parent, name = posixpath.split(path)
        if parent in sources.watched and path not in sources.files and not name.startswith("."):
            yield path
