"""keepalived.conf's grammar into directives with their lines. Never raises; no I/O.

Source: keepalived.conf(5). A line is a directive; `{` may follow on the next line; `!` and `#` begin comments;
quotes hold words together; `include` takes a glob. Conditionals (`@`), definitions (`$`) and `~SEQ` are reported
as not understood: what they do depends on how and where the daemon is started. A line `$NAME = …` defines, and
goes on behind a backslash at its end; any other `$NAME` is a use, which stays where its value would be.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from iamops.parse.directives import Directive, Mistake, ReadFile, matching

HOME = "/etc/keepalived"
MAX_DEPTH = 60
# Files that include one another twice each would be read for ever.
MAX_READS = 1000
# Stands for a value, or behind a block's words for its presence, that hangs on a conditional; a definition's own
# name stands for its value.
UNKNOWN = "$?"
# The later ones differ in what a missing file does.
INCLUDES = ("include", "includer", "includem", "includew", "includeb", "includea")
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"?|(?:\$\{\w+\}|[^\s{}"#!])+|[{}]|[#!].*')
_DEFINITION = re.compile(r"\s*(?:@\S+\s+)?(?P<name>\$[A-Za-z_]\w*)\s*=")


@dataclass(slots=True)
class _Open:
    name: str
    args: tuple[str, ...]
    file: str
    line: int
    block: list[Directive] = field(default_factory=list)


def keepalived_conf(files: Mapping[str, str]) -> ReadFile:
    """keepalived.conf with what it includes. `files`: absolute path -> text."""
    reader = _ConfReader(files)
    path = f"{HOME}/keepalived.conf"
    root = _Open("", (), path, 0)
    reader.stack.append(root)
    reader.read(path)
    for left in reader.stack[1:]:
        reader.mistakes.append(Mistake(left.file, left.line, f"`{left.name}` has no closing brace"))
    while len(reader.stack) > 1:
        reader.close()
    return ReadFile(tuple(root.block), tuple(reader.mistakes), tuple(reader.includes))


class _ConfReader:
    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._reading: list[str] = []
        self._reads = 0
        self.stack: list[_Open] = []
        self.mistakes: list[Mistake] = []
        self.includes: dict[str, None] = {}

    def read(self, path: str) -> None:
        self._reading.append(path)
        self._reads += 1
        defining = False
        # Not splitlines(): keepalived knows one line end only, and its lines are counted.
        for number, line in enumerate(self._files.get(path, "").split("\n"), start=1):
            if found := None if defining else _DEFINITION.match(line):
                self._not_followed(path, number, "definition", found["name"])
            if found or defining:
                # Its value may be a secret.
                defining = line.rstrip().endswith("\\")
                continue
            words = self._followed(list(self._words(line, path, number)), path, number)
            if words and words[0] in INCLUDES:
                self._include(words, path, number)
            elif words:
                self._line(words, path, number)
        self._reading.pop()

    def _followed(self, words: list[str], path: str, number: int) -> list[str]:
        """The words without a conditional: for which node such a line is, and so its value, is not known."""
        if not words or words[0][:1] not in ("@", "$"):
            return words
        if words[0].startswith("$"):
            self._not_followed(path, number, "definition", words[0])
            return words
        self._not_followed(path, number, "conditional", words[0])
        match words[1:]:
            case [include, pattern, *_] if include in INCLUDES:
                return [include, pattern, UNKNOWN]
            case [_, *block] as rest if "{" in block:
                at = rest.index("{", 1)
                return [*rest[:at], UNKNOWN, *rest[at:]]
            case [name, *_] if name not in ("{", "}"):
                return [name, UNKNOWN]
            case rest:
                return rest

    def _not_followed(self, path: str, number: int, what: str, name: str) -> None:
        self._complain(path, number, f"the {what} `{name}` is not followed", known=True)

    def close(self) -> None:
        done = self.stack.pop()
        self.stack[-1].block.append(Directive(done.name, done.args, done.file, done.line, tuple(done.block)))

    def _line(self, words: list[str], path: str, number: int) -> None:
        statement: list[str] = []
        for word in words:
            if word == "{":
                self._open(statement, path, number)
                statement = []
            elif word == "}":
                self._simple(statement, path, number)
                statement = []
                if len(self.stack) > 1:
                    self.close()
                else:
                    self._complain(path, number, "a closing brace without an opening one", ignored=True)
            else:
                statement.append(word)
        self._simple(statement, path, number)

    def _open(self, words: list[str], path: str, number: int) -> None:
        if words:
            self.stack.append(_Open(words[0], tuple(words[1:]), path, number))
            return
        before = self.stack[-1].block
        if before and before[-1].block is None:
            last = before.pop()
            self.stack.append(_Open(last.name, last.args, last.file, last.line))
        else:
            self._complain(path, number, "an opening brace without a name before it")
            self.stack.append(_Open("?", (), path, number))

    def _simple(self, words: list[str], path: str, number: int) -> None:
        if words:
            self.stack[-1].block.append(Directive(words[0], tuple(words[1:]), path, number))

    def _words(self, line: str, path: str, number: int) -> Iterator[str]:
        for match in _WORD.finditer(line):
            word = match[0]
            if word[0] in "#!":
                return
            if word[0] == '"':
                if len(word) < 2 or word[-1] != '"':
                    self._complain(path, number, "a quote that is not closed")
                yield word.strip('"').replace('\\"', '"')
            else:
                if word.startswith("~SEQ"):
                    self._complain(path, number, "`~SEQ` is not followed", known=True)
                yield word

    def _include(self, words: list[str], path: str, number: int) -> None:
        if len(words) < 2:
            self._complain(path, number, "an include without a file")
            return
        pattern = posixpath.join(posixpath.dirname(path), words[1])
        self.includes[pattern] = None
        if UNKNOWN in words:
            # It is not known whether it is read: it stays where its lines would be.
            self._simple(words, path, number)
            return
        found = matching(self._files, pattern)
        if not found and not set(pattern) & set("*?["):
            self._complain(path, number, f"{pattern} is included, but is not at hand", known=True)
            self._simple(words, path, number)
        for name in found:
            if name in self._reading:
                self._complain(path, number, "includes go in a circle")
            elif self._reads >= MAX_READS or len(self._reading) >= MAX_DEPTH:
                self._complain(path, number, "more includes than can be read")
                break
            else:
                self.read(name)

    def _complain(
        self, path: str, number: int, message: str, *, known: bool = False, ignored: bool = False
    ) -> None:
        self.mistakes.append(Mistake(path, number, message, known, ignored))


def flattened(directive: Directive) -> Directive:
    """keepalived takes `unicast_peer { a }` as well as one entry a line: every word is an entry."""
    words = [word for entry in directive.block or () for word in (entry.name, *entry.args)]
    return replace(directive, args=tuple(words), block=None)


def is_partial(block: Directive) -> bool:
    """May it say more than is at hand: by a definition, or in an included file?"""
    return any(entry.name.startswith("$") or entry.name in INCLUDES for entry in block.block or ())
