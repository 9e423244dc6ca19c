"""What a daemon would read from disk, and what of it was changed after it had read its files. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from iamops.judge.disk.sources import DaemonSources, changes_of, is_pattern
from iamops.model.config import ConfTree
from iamops.parse.directives import Directive, ReadFile, matching
from iamops.parse.keepalived.settings import (
    COMMAND,
    KEYWORDS,
    NUMBERS,
    TRACKED,
    VIP_AS,
    BlockSettings,
    VrrpSettings,
    check_key,
)

# A file that was written right before it was read: /proc counts in hundredths, and is read right after the clock.
SLACK_S = 0.2


@dataclass(frozen=True, slots=True)
class Disk:
    """What a unit would read. `newer`, `unsure`: what was, or may have been, changed after it had read it."""

    sources: DaemonSources
    newer: tuple[str, ...]
    unsure: tuple[str, ...]
    stopped: bool
    # Files beside those that it reads that are as new: one of them may have had another name.
    beside: tuple[str, ...]

    @classmethod
    def of(cls, conf: ConfTree, unit: str, root: str, reading: ReadFile) -> Disk:
        sources = DaemonSources.of(conf, root, reading)
        loaded_at, listing = conf.loaded_at.get(unit), conf.listing

        def newer(paths: Iterable[str]) -> tuple[str, ...]:
            limit = None if loaded_at is None else loaded_at + SLACK_S
            return tuple(p for p in paths if limit is not None and any(at > limit for at in changes_of(conf, p)))

        # What a pattern means where nobody could look may have been changed in place.
        paths = (*sources.files, *sources.watched, *filter(is_pattern, sources.unavailable))
        changed = newer(paths)
        # The time that an archive carries is no proof: `mv`, `cp -p` and `rsync -t` bring an old one along.
        dated = set[str]() if loaded_at is None else {*listing.files, *listing.directories}
        unsure = tuple(path for path in paths if path not in changed and path not in dated)
        beside = list[str]()
        for path in listing.files:
            parent, name = posixpath.split(path)
            # An editor's files hide themselves.
            if parent in sources.watched and path not in sources.files and not name.startswith("."):
                beside.append(path)
        return cls(sources, changed, unsure, unit in conf.stopped, newer(beside))

    @property
    def is_loaded(self) -> bool:
        """The unit runs with exactly these files."""
        return not self.newer and not self.unsure

    @property
    def unread(self) -> tuple[str, ...]:
        """What was not read here, and may differ from what the unit has read."""
        return tuple(path for path in self.sources.unavailable if path in self.newer or path in self.unsure)

    @property
    def files(self) -> tuple[str, ...]:
        """Those that the unit has not read as they are, or may not have."""
        since = dict.fromkeys((*self.newer, *self.unsure))
        return tuple(path for path in since if path in self.sources.files or is_pattern(path))

    def edited(self, path: str) -> bool:
        """May the file itself be another one now?"""
        return path in self.newer or path in self.unsure

    def changed(self, path: str) -> bool:
        """May the file mean something else now? A directory that changed may have lost what came before it."""
        return self.edited(path) or any(self.edited(directory) for directory in self.sources.watched)

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
        """What may have held more before, and is at hand: files, and directories that had other entries."""
        since = dict.fromkeys((*self.newer, *self.unsure))
        unseen = {posixpath.dirname(path) for path in self.unread} | set(self.unread)
        return tuple(path for path in since if not is_pattern(path) and path not in unseen)

    @property
    def why(self) -> str:
        if self.newer:
            return f"{', '.join(self.newer)} changed after it had read its files"
        return "whether its files changed after it had read them is not known either"


def newly_included(
    reading: ReadFile, known: ReadFile, files: Collection[str], changed: Callable[[str], bool]
) -> frozenset[str]:
    """Those of `files`, and the patterns, that a changed file includes and the profile's of that name does not.

    However old they are, what they say may be new to nginx; and so may be what they include.
    """
    found = frozenset[str]()
    while True:
        more = set[str]()
        for file, pattern in reading.by_file:
            if file in found or (changed(file) and (file, pattern) not in known.by_file):
                more |= {pattern, *matching(files, pattern)}
        if more == found:
            return found
        found = frozenset(more)


# How many settings are named: a whole file need not be.
NAMED = 24
WORDS: Mapping[str, tuple[str, ...]] = {
    **{word: (word,) for word in (*NUMBERS, "notify_backup", "notify_master", "notify_fault", "notify_stop")},
    "script": (COMMAND,),
    "track_script": (TRACKED,),
}


def other_rest(running: BlockSettings, on_disk: BlockSettings) -> Iterator[str]:
    """Settings that would become others."""
    for key in (key for key in on_disk if key in running):
        new, old = on_disk[key], running[key]
        for what in new:
            if what in old and new[what] != old[what]:
                yield f"{key}: {_changed(what, old[what], new[what])}"


def is_meant(reading: ReadFile, meant: ReadFile | None) -> bool:
    """Is it what the profile renders, word by word? The password aside: it is compared with what runs."""
    if meant is None or reading.mistakes or reading.includes:
        return False
    return _words(reading.directives) == _words(meant.directives)


Running = tuple[Mapping[str, VrrpSettings], BlockSettings]


def uncompared(reading: ReadFile, running: Running, on_disk: Running, newer: Collection[str], root: str) -> str:
    """What of the newer files is compared with nothing, with its lines: it may be another one now."""
    found = list[Directive]()
    for block in reading.directives:
        inner, is_instance = block.block or (), block.name == "vrrp_instance"
        if block.name == "global_defs":
            found += inner
        elif is_instance or (block.name == "vrrp_script" and check_key(block.arg) in running[1]):
            key = block.arg if is_instance else check_key(block.arg)
            reported = _reported(key, running) & _reported(key, on_disk)
            found += (directive for directive in inner if not _is_compared(directive, reported))
        else:
            found.append(block)
    named = list(
        dict.fromkeys(
            f"{directive.name} ({'line ' if directive.file == root else f'{directive.file}:'}{directive.line})"
            for directive in found
            if directive.file in newer
        )
    )
    if len(named) > NAMED:
        named[NAMED:] = [f"{len(named) - NAMED} more"]
    return ", ".join((*named, "what may have been taken out"))


def _reported(key: str, running: Running) -> set[str]:
    settings, rest = running
    return {*settings.get(key, VrrpSettings()).values, *rest.get(key, ())}


def _is_compared(directive: Directive, reported: set[str]) -> bool:
    """Is all that it says compared?"""
    name = directive.name
    if name == "virtual_ipaddress":
        return VIP_AS in reported
    if name == "unicast_peer" and any(peer.args for peer in directive.block or ()):
        return False
    needed = WORDS.get(name) or tuple(setting for setting, words in KEYWORDS.items() if name in words)
    return bool(needed) and reported.issuperset(needed)


def _words(block: tuple[Directive, ...]) -> tuple[object, ...]:
    return tuple(
        (directive.name, directive.name == "auth_pass" or directive.args, _words(directive.block or ()))
        for directive in block
    )


def _changed(what: str, old: object, new: object) -> str:
    if what == COMMAND:
        # Its arguments may be anything, passwords included.
        was, will = _program(old), _program(new)
        return f"{what} is {will} instead of {was}" if was != will else f"{what} gets other arguments"
    if what.startswith("notify_"):
        return f"{what} changes"
    return f"{what} {_shown(new)} instead of {_shown(old)}"


def _program(command: object) -> str:
    return str(command[0]) if isinstance(command, tuple) and command else "nothing"


def _shown(value: object) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)
