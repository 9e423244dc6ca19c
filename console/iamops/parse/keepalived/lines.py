"""keepalived.conf as the lines that keepalived acts on: no comments, definitions and includes followed. No I/O.

Source: read_line() of keepalived's lib/parser.c, and PARAMETER SUBSTITUTION of keepalived.conf(5). `$NAME=text`
defines, and goes on behind a backslash at its end. `$NAME` before white space and `${NAME}` anywhere are replaced,
those of several lines only at the end of a line. `@NAME` and `@^NAME` begin a line for one way of starting
keepalived (its -i, or the host's name); `~SEQ` and `~LST` repeat one. A brace ends its line.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, zip_longest

from iamops.parse.directives import Mistake, matching

MAX_DEPTH = 60
# Files that include one another twice each would be read for ever; so would definitions that use themselves.
MAX_READS, MAX_LINES, MAX_CHARS = 1000, 20_000, 10_000
# Stands for a value that is not known here, or behind a block's words for its presence.
UNKNOWN = "$?"
# The later ones differ in what a missing file does.
INCLUDES = ("include", "includer", "includem", "includew", "includeb", "includea")
_INCLUDE = re.compile(r"(?P<how>include[rmwba]?)(?:\s+(?P<pattern>.*))?$")
_CONDITION = re.compile(r"@(?P<not>\^?)(?P<id>[^ \t]*)[ \t]+")
_DEFINITION = re.compile(r"\$(?P<name>[A-Za-z_]\w*)=[ \t]*(?P<value>.*)", re.ASCII | re.DOTALL)
_LATE_SIGN = re.compile(r"\$[A-Za-z_]\w*[ \t]+=", re.ASCII)
_USE = re.compile(
    r"\$(?:\{(?P<braced>[A-Za-z_]\w*)(?P<more>[ \t\w]*)\}|(?P<bare>[A-Za-z_]\w*)(?=[ \t,)]|$))", re.ASCII
)
# What may make a line more than its words.
_ACTS = re.compile(r"[$@~{}]|^include")
_SIGN = re.compile(r'["\\!#]')
_BRACE = re.compile(r'"[^"]*(?:"|$)|[{}]')
_SEQUENCE = re.compile(r"~SEQ(?P<hex>x?)[ \t]*\([ \t]*(?P<name>\w+)[ \t]*,(?P<numbers>[^)]*)\)[ \t]*(?P<text>.*)")
_LIST = re.compile(r"~LST[ \t]*\((?P<inside>[^)]*)\)[ \t]*(?P<text>.*)")
_SET = re.compile(r"\{([^{}]*)\}|([^,{}]+)")
_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]{1,8}|[0-9]{1,9})")
_HERE, _SIGNS = "_PWD", {"_HASH": "#", "_BANG": "!"}
# What these stand for is known where keepalived is started only.
_ELSEWHERE = ("_INSTANCE", "_RANDOM", "_ENV")


@dataclass(frozen=True, slots=True)
class Line:
    """Words, or one brace. `conditional`: it is there for some ways of starting keepalived only."""

    text: str
    file: str
    number: int
    conditional: bool = False


def uncommented(line: str) -> str | None:
    """Without its comment and the white space around it; None where a quote is not closed."""
    line = line.strip(" \t")
    if not _SIGN.search(line):
        return line
    kept, at, quoted = "", 0, False
    while found := _SIGN.search(line, at):
        sign, place = found[0], found.start()
        kept, at = kept + line[at:place], place + 1
        if sign in "!#" and not quoted:
            at = len(line)
        elif sign == "\\" and at < len(line):
            kept += line[at] if not quoted and line[at] in "!#" else line[place : at + 1]
            at += 1
        elif sign == "\\":
            kept = kept.rstrip(" \t") + sign
        else:
            kept += sign
            quoted ^= sign == '"'
    return None if quoted else (kept + line[at:]).rstrip(" \t")


@dataclass(slots=True)
class LineReader:
    """All lines for one way of starting keepalived. `instance` None: one that no condition names.

    `instances` are those that conditions name. `partial`: a file is missing that may define and contain anything.
    `undefined`: uses of what nobody has defined, where they matter. `cut`: it ends early, before too many lines.
    """

    files: Mapping[str, str]
    instance: str | None = None
    instances: dict[str, None] = field(default_factory=dict)
    mistakes: dict[Mistake, None] = field(default_factory=dict)
    includes: dict[str, None] = field(default_factory=dict)
    undefined: dict[Mistake, None] = field(default_factory=dict)
    partial: bool = False
    cut: bool = False
    _definitions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _reading: list[str] = field(default_factory=list)
    _reads: int = 0
    _made: int = 0

    def read(self, path: str) -> Iterator[Line]:
        self._reading.append(path)
        self._reads += 1
        name, values = "", []
        # Not splitlines(): keepalived knows one line end only, and its lines are counted.
        for number, raw in enumerate(self.files.get(path, "").split("\n"), start=1):
            text = self._cleaned(raw.rstrip("\r"), path, number)
            if (name or text.startswith(("@", "$"))) and raw.rstrip("\r").endswith("\\"):
                # Also from within a comment.
                text = text.removesuffix("\\") + "\\"
            if name:
                # A comment ends it, too: keepalived's processes read a copy in which its line is empty.
                values += [text.removesuffix("\\").rstrip(" \t")]
                if not text.endswith("\\"):
                    self._definitions[name] = tuple(filter(None, values))
                    name = ""
                continue
            if text.endswith("\\") and text[0] in "@$":
                begun = _DEFINITION.fullmatch(self._meant(text, path, number)[0])
                if begun:
                    name, values = begun["name"], [begun["value"].removesuffix("\\").rstrip(" \t")]
                    # Also of nothing: keepalived reads on behind it.
                    values = values if values[0] else []
                    continue
            if text:
                yield from self._acted_on(text, path, number)
            if self.cut:
                break
        self._reading.pop()

    def _cleaned(self, raw: str, path: str, number: int) -> str:
        if number == 1 and raw.startswith("\ufeff"):
            self.complain(path, number, "the file begins with a byte order mark, which is part of the first word")
            raw = raw.removeprefix("\ufeff")
        text = uncommented(raw)
        if text is None:
            self.complain(path, number, "a quote that is not closed")
            return uncommented(raw + '"') or ""
        return text

    def _meant(self, text: str, path: str, number: int) -> tuple[str, bool]:
        """Without conditions, and were there any; an empty text where one does not hold."""
        conditional = False
        while text.startswith("@"):
            found = _CONDITION.match(text)
            if not found:
                return "", conditional
            conditional = True
            self.instances[found["id"]] = None
            self._unknown(path, number, "conditional", f"@{found['not']}{found['id']}")
            if (found["id"] == self.instance) == bool(found["not"]):
                return "", conditional
            text = text[found.end() :]
        return text, conditional

    def _acted_on(self, text: str, path: str, number: int) -> Iterator[Line]:
        if not _ACTS.search(text):
            yield Line(text, path, number)
            return
        todo = [(text, False)]
        while todo and not self.cut:
            text, conditional = todo.pop()
            text, found = self._meant(text, path, number)
            conditional = conditional or found
            if not text or self._defined(text, path, number):
                continue
            if text.startswith(("~SEQ", "~LST")):
                more = self._repeated(text, path, number)
                todo += ((each, conditional) for each in reversed(self._followed(more, path, number)))
                continue
            replaced, more = self._replaced(text, path, number)
            todo += ((each, conditional) for each in reversed(self._followed(more, path, number)))
            if replaced != text:
                todo.append((uncommented(replaced) or "", conditional))
                continue
            if include := _INCLUDE.match(text):
                yield from self._include(include["how"], include["pattern"] or "", path, number)
                continue
            text, rest = self._cut(text, path, number)
            if rest:
                todo.append((rest, False))
            yield Line(text, path, number, conditional)

    def _followed(self, made: list[str], path: str, number: int) -> list[str]:
        """The lines that a definition or a sequence makes, while they are not too many."""
        self._made += len(made)
        if self._made <= MAX_LINES:
            return made
        # What begins there may end behind it: nothing is read any more.
        self.cut = self.partial = True
        self.complain(path, number, "definitions make more lines than are followed", known=True)
        return []

    def _defined(self, text: str, path: str, number: int) -> bool:
        if found := _DEFINITION.fullmatch(text):
            self._definitions[found["name"]] = (found["value"],)
        elif (late := _LATE_SIGN.match(text)) and late[0].rstrip("= \t")[1:] not in self._definitions:
            # What stands behind it may be a secret.
            name = late[0].rstrip("= \t")
            self.complain(path, number, f"this does not define `{name}`: a blank stands before the `=`")
        else:
            return False
        return True

    def _replaced(self, text: str, path: str, number: int) -> tuple[str, list[str]]:
        """With the values of definitions, and of those in them; and the lines that follow from several."""
        more: list[str] = []
        at = replaced = 0
        while found := _USE.search(text, at):
            lines = self._value(found, text, path, number)
            if lines is None:
                at = found.end()
                continue
            more[:0] = lines[1:]
            value = lines[0] if lines else ""
            text, at = text[: found.start()] + value + text[found.end() :], found.start()
            replaced += 1
            if len(text) > MAX_CHARS or replaced > MAX_CHARS:
                endless = "a definition that uses itself, or makes a line too long"
                self.undefined[Mistake(path, number, endless, ignored=True)] = None
                return "", []
            if value.lstrip(" \t").startswith("~"):
                break
        return text, more

    def _value(self, use: re.Match[str], text: str, path: str, number: int) -> tuple[str, ...] | None:
        name = use["braced"] or use["bare"]
        lines = self._definitions.get(name)
        if lines is not None and (len(lines) < 2 or use.end() == len(text)):
            return lines
        if name == _HERE:
            return (posixpath.dirname(path),)
        if name in _SIGNS:
            return (_SIGNS[name],)
        if name == "_INSTANCE" and self.instance is not None:
            return (self.instance,)
        if name in _ELSEWHERE:
            self._unknown(path, number, "definition", f"${name}")
            return (UNKNOWN,)
        return None

    def _repeated(self, text: str, path: str, number: int) -> list[str]:
        """The lines that a ~SEQ or ~LST stands for: definitions, and after each of them what is repeated."""
        inside, closed, behind = text.partition(")")
        text = self._replaced(inside, path, number)[0] + closed + behind
        if UNKNOWN in text:
            return []
        if found := _SEQUENCE.fullmatch(text):
            numbers = [word.strip() for word in found["numbers"].split(",")]
            values = _sequence(numbers, hexadecimal=bool(found["hex"]))
            made = [[f"${found['name']}={value}"] for value in values]
        else:
            found = _LIST.fullmatch(text)
            made = _listed(found["inside"]) if found else []
        if found is None or not made:
            self.complain(path, number, f"keepalived cannot read this `{text[:4]}`")
            return []
        return [line for definitions in made for line in (*definitions, found["text"])]

    def _include(self, how: str, words: str, path: str, number: int) -> Iterator[Line]:
        if not words:
            self.complain(path, number, "an include without a file")
            return
        pattern = posixpath.join(posixpath.dirname(path), words.strip('"'))
        self.includes[pattern] = None
        alternatives = _alternatives(pattern)
        plain = [each for each in alternatives if not set(each) & set("*?[")]
        lacking = [each for each in plain if each not in self.files]
        found = dict.fromkeys(
            name
            for each in alternatives
            for name in ([] if each in lacking else [each] if each in plain else matching(self.files, each))
        )
        if found and how not in ("includeb", "includea"):
            # Of the alternatives in braces only these need them all.
            lacking = []
        if UNKNOWN in words or lacking:
            self.partial = True
            self.complain(
                path, number, f"{', '.join(lacking) or words} is included, but is not at hand", known=True
            )
            # What it may hold stands where it would be.
            yield Line(f"{how} {words}", path, number)
        for name in found:
            if name in self._reading:
                self.complain(path, number, "includes go in a circle")
            elif self._reads >= MAX_READS or len(self._reading) >= MAX_DEPTH:
                self.complain(path, number, "more includes than can be read")
                break
            else:
                yield from self.read(name)

    def _cut(self, text: str, path: str, number: int) -> tuple[str, str]:
        """Up to a brace that is not quoted, or the brace itself; and the rest."""
        if text[0] in "{}":
            return text[0], text[1:].strip(" \t")
        at, rest = 0, ""
        while found := _BRACE.search(text, at):
            at = found.end()
            if found[0] not in "{}":
                continue
            if not (use := _USE.match(text, max(found.start() - 1, 0))):
                text, rest = text[: found.start()].rstrip(" \t"), text[found.start() :]
                break
            # keepalived would take the brace for the one of a block.
            self._undefined(use, path, number)
            text = text[: use.start()] + UNKNOWN + text[use.end() :]
            at = use.start() + len(UNKNOWN)
        if self.partial and "$" in text:
            for use in _USE.finditer(text):
                self._undefined(use, path, number)
        return text, rest

    def _undefined(self, use: re.Match[str], path: str, number: int) -> None:
        name = f"${use['braced'] or use['bare']}"
        if self.partial:
            self._unknown(path, number, "definition", name)
        else:
            self.undefined[Mistake(path, number, f"`{name}` is not defined", ignored=True)] = None

    def _unknown(self, path: str, number: int, what: str, name: str) -> None:
        self.complain(path, number, f"the {what} `{name}` is not followed", known=True)

    def complain(self, path: str, number: int, message: str, *, known: bool = False) -> None:
        self.mistakes[Mistake(path, number, message, known)] = None


def _listed(inside: str) -> list[list[str]]:
    """Of `{A, B}, {1, 2}, {3, 4}` or `A, 1, 2`: the definitions for each time; an absent value is empty."""
    words = [each[1] or each[2] or "" for each in _SET.finditer(inside) if each[0].strip()]
    names, *values = [[word.strip() for word in each.split(",")] for each in words] or [[]]
    if any(len(each) > len(names) for each in values):
        return []
    return [[f"${name}={value}" for name, value in zip_longest(names, each, fillvalue="")] for each in values]


def _sequence(words: list[str], *, hexadecimal: bool) -> list[str]:
    """Of `end`, `start, end` or `start, step, end`; nothing where they are none of these."""
    if not 1 <= len(words) <= 3 or not all(_INTEGER.fullmatch(word) for word in words):
        return []
    numbers = [int(word, 16 if "x" in word.lower() else 10) for word in words]
    end = numbers[-1]
    if len(numbers) == 1:
        start, step = (-1 if end < 0 else 1), (-1 if end < 1 else 1)
    else:
        start = numbers[0]
        step = numbers[1] if len(numbers) == 3 else (1 if start <= end else -1)
    if not step or (end - start) * step < 0 or (hexadecimal and min(start, end) < 0):
        return []
    # One more than may be made shows that there are too many.
    values = range(start, end + (1 if step > 0 else -1), step)[: MAX_LINES + 1]
    return [f"{value:x}" if hexadecimal else str(value) for value in values]


def _alternatives(pattern: str) -> list[str]:
    """The csh style braces of a glob, each alternative on its own."""
    found = re.search(r"\{([^{}]*,[^{}]*)\}", pattern)
    if not found:
        return [pattern]
    before, after = pattern[: found.start()], pattern[found.end() :]
    # The innermost first; so many braces are no file's name.
    if pattern.count("{") > 6:
        return [pattern]
    each = (_alternatives(before + word + after) for word in found[1].split(","))
    return list(dict.fromkeys(chain.from_iterable(each)))
