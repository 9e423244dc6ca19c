"""keepalived.conf's grammar into directives with their lines. Never raises; no I/O.

What is read: `lines.py`. Its words become blocks here. Quotes hold words together; `{` may stand on the next line.
Conditions (`@`) are read once for each of the names they know, and once for none: what is the same each time is
certain, and UNKNOWN stands for what is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from iamops.parse.directives import Directive, Mistake, ReadFile
from iamops.parse.keepalived.keywords import ROOT, Keyword, keywords
from iamops.parse.keepalived.lines import INCLUDES as INCLUDES
from iamops.parse.keepalived.lines import UNKNOWN as UNKNOWN
from iamops.parse.keepalived.lines import Line, LineReader

HOME = "/etc/keepalived"
# So many ways of starting keepalived from one file are nobody's.
MAX_INSTANCES = 12
# keepalived has five.
MAX_DEPTH = 60
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"?|[^\s"]+')


@dataclass(slots=True)
class _Open:
    """A block that is being read. `inside`: what its keywords are called; None: free words, or not known."""

    name: str
    args: tuple[str, ...]
    line: Line
    inside: str | None
    block: list[Directive] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The files as one way of starting keepalived has them. `broken`: mistakes of its braces."""

    directives: tuple[Directive, ...]
    broken: tuple[Mistake, ...]
    lines: LineReader


def keepalived_conf(files: Mapping[str, str]) -> ReadFile:
    """keepalived.conf with what it includes. `files`: absolute path -> text."""
    readings = [_read(files, None)]
    known: list[str] = []
    while len(known) < MAX_INSTANCES:
        new = [name for each in readings for name in each.lines.instances if name not in known]
        if not new:
            break
        known.append(new[0])
        readings.append(_read(files, new[0]))
    # A file may be meant for the names that it knows alone: without one its blocks do not close.
    sound = [each for each in readings if not each.broken] or [min(readings, key=lambda each: len(each.broken))]
    mistakes = dict.fromkeys(
        mistake for each in readings if each in sound or each is readings[0]
        for mistake in (*each.lines.mistakes, *(each.broken if each in sound else ()))
    )  # fmt: skip
    partial = any(each.lines.partial for each in readings)
    if not partial:
        # What one way of starting keepalived defines is no mistake of the others.
        undefined = [each.lines.undefined.keys() for each in sound]
        mistakes |= dict.fromkeys(sorted(set.intersection(*map(set, undefined)), key=lambda each: each.line))
    includes = dict.fromkeys(pattern for each in readings for pattern in each.lines.includes)
    merged = sound[0].directives
    for each in sound[1:]:
        merged = _merged(merged, each.directives)
    return ReadFile(merged, tuple(mistakes), tuple(includes), partial=partial)


def _read(files: Mapping[str, str], instance: str | None) -> _Reading:
    reader = LineReader(files, instance)
    read = list(reader.read(f"{HOME}/keepalived.conf"))
    plain = _Builder(reader)
    reading = plain.built(read)
    if not plain.unclosed:
        return reading
    # Which brace is missing: one before a keyword that belongs further out.
    guessed = _Builder(reader, guessing=True).built(read)
    return reading if any(mistake.ignored for mistake in guessed.broken) else guessed


class _Builder:
    """`guessing`: a keyword that belongs further out only ends the blocks between."""

    def __init__(self, reader: LineReader, *, guessing: bool = False) -> None:
        self._reader, self._guessing = reader, guessing
        self._stack = [_Open("", (), Line("", f"{HOME}/keepalived.conf", 0), ROOT)]
        self._broken: dict[Mistake, None] = {}
        # Words whose brace may stand on the next line.
        self._waiting: tuple[list[str], Line] | None = None
        self.unclosed = False

    def built(self, read: list[Line]) -> _Reading:
        for line in read:
            if line.text == "{":
                self._begin(line)
            elif line.text == "}":
                self._simple()
                self._end(line)
            else:
                self._simple()
                self._words(_words(line.text), line)
        self._simple()
        self.unclosed = len(self._stack) > 1 and not self._reader.cut
        for left in self._stack[1:] if self.unclosed else ():
            self._complain(left.line, f"`{left.name}` has no closing brace")
        while len(self._stack) > 1:
            self._close()
        return _Reading(tuple(self._stack[0].block), tuple(self._broken), self._reader)

    def _words(self, words: list[str], line: Line) -> None:
        if not words:
            return
        name = words[0]
        if name.startswith("$") and UNKNOWN not in name:
            undefined = Mistake(line.file, line.number, f"`{name}` is not defined", ignored=True)
            self._reader.undefined[undefined] = None
        if self._guessing and name not in self._known(self._stack[-1]):
            outer = next((each for each in reversed(self._stack[:-1]) if name in self._known(each)), None)
            while outer is not None and self._stack[-1] is not outer:
                left = self._stack[-1]
                where = "" if line.file == left.line.file else f" of {line.file}"
                self._complain(left.line, f"`{left.name}` has no closing brace before line {line.number}{where}")
                self._close()
        self._waiting = words, line

    def _begin(self, line: Line) -> None:
        if self._waiting is None:
            self._complain(line, "an opening brace without a name before it")
            self._waiting = ["?"], line
        if len(self._stack) > MAX_DEPTH:
            self._complain(line, "more blocks within blocks than keepalived has")
            return
        words, line = self._waiting
        self._waiting = None
        keyword = self._known(self._stack[-1]).get(words[0])
        args = (*words[1:], UNKNOWN) if line.conditional else tuple(words[1:])
        self._stack.append(_Open(words[0], args, line, (keyword.block if keyword else None) or None))

    def _simple(self) -> None:
        """What waits for a brace that does not follow."""
        if self._waiting is None:
            return
        words, line = self._waiting
        keyword = self._known(self._stack[-1]).get(words[0])
        if keyword is not None and keyword.block is not None:
            self._complain(line, f"`{words[0]}` has no opening brace")
            self._begin(line)
            return
        self._waiting = None
        args = (UNKNOWN,) if line.conditional else tuple(words[1:])
        self._stack[-1].block.append(Directive(words[0], args, line.file, line.number))

    def _end(self, line: Line) -> None:
        if len(self._stack) > 1:
            self._close()
        else:
            self._complain(line, "a closing brace without an opening one", ignored=True)

    def _close(self) -> None:
        done = self._stack.pop()
        self._stack[-1].block.append(
            Directive(done.name, done.args, done.line.file, done.line.number, tuple(done.block))
        )

    @staticmethod
    def _known(block: _Open) -> Mapping[str, Keyword]:
        return keywords()[block.inside] if block.inside else {}

    def _complain(self, line: Line, message: str, *, ignored: bool = False) -> None:
        self._broken[Mistake(line.file, line.number, message, ignored=ignored)] = None


def _words(text: str) -> list[str]:
    return [
        word.strip('"').replace('\\"', '"') if word[0] == '"' else word
        for word in (found[0] for found in _WORD.finditer(text))
    ]


def _merged(one: tuple[Directive, ...], two: tuple[Directive, ...]) -> tuple[Directive, ...]:
    """What both ways of starting keepalived have, and marked, what only one of them has."""
    if one == two:
        return one
    first, done = list(_placed(one)), 0
    places = {key: place for place, (key, _) in enumerate(first)}
    merged: list[Directive] = []
    for key, theirs in _placed(two):
        at = places.get(key, -1)
        if at < done:
            merged.append(_marked(theirs))
            continue
        merged += (_marked(ours) for _, ours in first[done:at])
        merged.append(_both(first[at][1], theirs))
        done = at + 1
    return (*merged, *(_marked(ours) for _, ours in first[done:]))


def _placed(directives: tuple[Directive, ...]) -> Iterator[tuple[tuple[str, int, str, int], Directive]]:
    """With what finds it again in another reading: its place, name, and how many such there were before."""
    seen: dict[tuple[str, int, str], int] = {}
    for each in directives:
        key = (each.file, each.line, each.name)
        seen[key] = seen.get(key, 0) + 1
        yield (*key, seen[key]), each


def _both(one: Directive, two: Directive) -> Directive:
    if one.block is None or two.block is None:
        return one if one == two else _marked(replace(one, args=()))
    args = one.args if one.args == two.args else (UNKNOWN,)
    return replace(one, args=args, block=_merged(one.block, two.block))


def _marked(directive: Directive) -> Directive:
    if UNKNOWN in directive.args:
        return directive
    return replace(directive, args=(UNKNOWN,) if directive.block is None else (*directive.args, UNKNOWN))


def flattened(directive: Directive) -> Directive:
    """keepalived takes `unicast_peer { a }` as well as one entry a line: every word is an entry."""
    words = [word for entry in directive.block or () for word in (entry.name, *entry.args)]
    return replace(directive, args=tuple(words), block=None)


def is_partial(block: Directive) -> bool:
    """May it say more than is at hand: by a definition, or in an included file?"""
    return any(entry.name.startswith("$") or entry.name in INCLUDES for entry in block.block or ())
