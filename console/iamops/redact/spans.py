"""A place in a text that holds a secret, and the small walks that every finder needs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

MARK = b"[redacted "
KNOWN = "known"


@dataclass(frozen=True, slots=True)
class SecretSpan:
    """Bytes `start` to `end` are a secret of a kind. `quoted`: its marker must be a JSON string."""

    start: int
    end: int
    kind: str
    quoted: bool = False

    @property
    def marker(self) -> bytes:
        marker = MARK + self.kind.encode("ascii") + b"]"
        return b'"' + marker + b'"' if self.quoted else marker

    def joined(self, other: SecretSpan) -> SecretSpan:
        """Both, under the name of the one that begins first; any name is more specific than KNOWN."""
        quoted = self.quoted and other.end <= self.end
        kind = other.kind if self.kind == KNOWN else self.kind
        return replace(self, end=max(self.end, other.end), kind=kind, quoted=quoted)

    def by_line(self, text: bytes) -> Iterator[SecretSpan]:
        """The pieces of it on each line, without line ends and the white space around them."""
        if b"\n" not in text[self.start : self.end]:
            yield self
            return
        at = self.start
        for line in text[self.start : self.end].split(b"\n"):
            begin = at + len(line) - len(line.lstrip())
            end = at + len(line.rstrip())
            if begin < end:
                yield replace(self, start=begin, end=end, quoted=False)
            at += len(line) + 1


def hits(text: bytes, needles: Iterable[bytes]) -> Iterator[int]:
    """Where any of the needles begins, needle by needle. `text` is in lower case, as they are."""
    for needle in needles:
        at = text.find(needle)
        while at >= 0:
            yield at
            at = text.find(needle, at + len(needle))


def lines_with(text: bytes, needles: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """(start, end) of each line from the first needle in it on; each line once for each needle."""
    for needle in needles:
        at = text.find(needle)
        while at >= 0:
            end = line_end(text, at)
            yield at, end
            at = text.find(needle, end)


def secrets_in(pattern: re.Pattern[bytes], text: bytes, kind: str) -> Iterator[SecretSpan]:
    """The group `secret` of every match."""
    for found in pattern.finditer(text):
        yield SecretSpan(*found.span("secret"), kind)


def match_end(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    """Where what matches at `at` ends; `at` itself where nothing does."""
    found = pattern.match(text, at)
    return found.end() if found else at


def line_end(text: bytes, at: int) -> int:
    """Where the line ends that `at` is on; its carriage return is not part of it."""
    end = text.find(b"\n", at)
    end = len(text) if end < 0 else end
    return end - 1 if end > at and text[end - 1 : end] == b"\r" else end


# Whether a word is one that nobody would choose as a name: what a password or a token looks like.

VARIABLE = re.compile(rb"\$\{?\w+\}?|\$\(.*\)|%\w|\{\{.*\}\}|<[\w \-]*>")
# `gpio12`, `v1.8.0-3-g4f2a9c1`, `2026-11-24T10:00:00Z`, addresses, hashes and what is counted.
_NAMED = re.compile(
    rb"[A-Za-z]+[._\-]?\d{1,4}|v?\d+(?:\.\d+)+[\w.+\-]*|\d{4}-\d\d-\d\d.*|[0-9.:/]+|sha\d+:.*|(?:0x)?[0-9a-f]+"
    rb"|\d+(?:\.\d+)?[A-Za-z]{1,5}|(?:/|\.{1,2}/|https?:).*|[a-z0-9]+(?:[._\-][a-z0-9]+)+"
)
SHORTEST = 8


def is_mixed(word: bytes) -> bool:
    """Letters and digits in one word, and no usual name for a thing."""
    return bool(re.search(rb"\d", word) and re.search(rb"[A-Za-z]", word)) and not _NAMED.fullmatch(word)


def looks_made(word: bytes) -> bool:
    """Of some length too, with small letters, capitals and digits: a machine or a careful person made it."""
    both_cases = re.search(rb"[a-z]", word) and re.search(rb"[A-Z]", word)
    return len(word) >= SHORTEST and both_cases is not None and is_mixed(word)


# Where a value begins and ends behind the name that gives it away: quoted, bare, or over several lines.

# What may stand between a name and its value: `": "`, `=`, ` => `, `%3D`, `>` of XML, `("`, ` "`.
_BETWEEN = re.compile(
    rb"""(?:\\*+["'`]|\]|%5[Dd]|%22)*+[ \t]*+"""
    rb"""(?:=>|:=|[=!]=|::(?=[ \t])|~\*?|[:=]|%3[AaDd]|&#61;|\\u003[AaDd]|>|\xef\xbc\x9a)"""
    rb"""[ \t]*+"""
    rb"""|[ \t]*+\((?=\\*+["'`])|[ \t]++(?=\\*+["'`])"""
)
_SEPARATORS = frozenset(bytes((byte,)) for byte in b" \t\r\n\"'`\\=:%!~>(]&,<\xef")
_SPACE = re.compile(rb"""(?:\\*+["'])?+[ \t]++""")
_OPENER = re.compile(rb"""(?P<slashes>\\*+)(?P<quote>["'`])""")
# Looked for as they come: the end of a line may be megabytes away.
_ENDS = {quote: re.compile(b"[" + quote + rb"\n]") for quote in (b'"', b"'", b"`")}
_MARKED = re.compile(rb"""\[redacted [a-z_]+\](?=[\s"'`,;&)}\]]|\Z)""")
_LIST = re.compile(rb"\[(?=[ \t]*+(?:\r?\n|\\*+[\"']))[^\[\]{}]*+")
_BLOCK = re.compile(rb"[|>][-+0-9]{0,2}[ \t]*+(?:#[^\n]*+)?\r?\n")
# A bare value goes on over , ; & and brackets unless what follows looks like the next field.
_BARE = re.compile(
    rb"""(?:[^\s"'`,;&)}\]<\\]"""
    rb"""|\\(?!["'`nrt])"""
    rb"""|[,;&](?![\s"'{\\]|\Z|[\w.%-]{1,40}[=:])"""
    rb"""|[)}\]](?![\s,;)}\]"'\\]|\Z)"""
    rb"""|["'`](?![\s,}\]:;)\\]|\Z)"""
    rb"""|<(?!/))*+"""
)
_TO_LINE_END = re.compile(rb"""(?:[^\s]|[ \t]++(?![\w.-]{1,40}=)(?!\r?\n|\Z))*+""")
_GOES_ON = re.compile(rb"""[A-Za-z0-9"'$]""")


@dataclass(frozen=True, slots=True)
class Value:
    """Bytes `start` to `end` of a value; what follows begins at `after`. `bare`: it stands without quotes."""

    start: int
    end: int
    after: int
    bare: bool


def is_separated(text: bytes, at: int) -> bool:
    """Whether anything that can stand between a name and its value begins at `at`. Cheap."""
    return text[at : at + 1] in _SEPARATORS


def value_begin(text: bytes, at: int, *, spaced: bool = False) -> int | None:
    """Where the value of the name begins that ends at `at`; None where none is given.

    `spaced`: a space alone may stand between the two.
    """
    between = _BETWEEN.match(text, at)
    if between is None and spaced:
        between = _SPACE.match(text, at)
    return between.end() if between is not None else None


def value_at(text: bytes, at: int, *, to_line_end: bool = False) -> Value:
    """The value that begins at `at`; it may be empty. `to_line_end`: a bare one may hold spaces."""
    marked = _MARKED.match(text, at)
    if marked is not None:
        return Value(at, at, marked.end(), bare=True)
    opener = _OPENER.match(text, at)
    if opener is not None:
        return _quoted(text, opener)
    listed = _LIST.match(text, at)
    if listed is not None:
        return Value(at + 1, listed.end(), listed.end(), bare=True)
    block = _BLOCK.match(text, at)
    if block is not None:
        line = text[text.rfind(b"\n", 0, at) + 1 : at]
        # A string in a document has lines of its own, which begin at its quote.
        indent = 0 if b'"' in line else len(line) - len(line.lstrip(b" \t-"))
        end = indented_end(text, block.end(), indent)
        return Value(block.end(), end, end, bare=True)
    end = match_end(_TO_LINE_END if to_line_end else _BARE, text, at)
    return Value(at, end, end, bare=True)


def _quoted(text: bytes, opener: re.Match[bytes]) -> Value:
    start, quote = opener.end(), opener["quote"]
    if text[start : start + 2] == quote * 2:
        end = text.find(quote * 3, start + 2)
        end = len(text) if end < 0 else end
        return Value(start + 2, end, min(end + 3, len(text)), bare=False)
    end = quoted_end(text, start, quote, len(opener["slashes"]))
    if text[end : end + 1] in (b"", b"\n"):
        return Value(start, end, end, bare=False)
    after = min(end + len(opener["slashes"]) + 1, len(text))
    if not opener["slashes"] and end > start and _goes_on(text, after, quote):
        # 'it''s' of SQL and YAML, and "a"'b' of a shell, are one value.
        end = after = max(match_end(_BARE, text, after), after + 1)
    return Value(start, end, after, bare=False)


def _goes_on(text: bytes, at: int, quote: bytes) -> bool:
    following = text[at : at + 1]
    if following in (b'"', b"'") and following != quote:
        return text[at + 1 : at + 2].isalnum()
    return bool(_GOES_ON.match(text, at))


def quoted_end(text: bytes, start: int, quote: bytes, slashes: int) -> int:
    """Where a quoted value ends that was opened behind `slashes` backslashes: the closing one has as many.

    A quote with more belongs to the value; one with fewer closes what stands around it. A line's end closes all.
    """
    ends = _ENDS[quote]
    found = ends.search(text, start)
    while found is not None and found[0] != b"\n":
        at = before = found.start()
        while before > start and text[before - 1 : before] == b"\\":
            before -= 1
        count = at - before
        if count < slashes or count % (2 * (slashes + 1)) == slashes:
            return at - min(count, slashes)
        found = ends.search(text, at + 1)
    return len(text) if found is None else found.start()


def indented_end(text: bytes, at: int, indent: int, *, dashes: bool = False) -> int:
    """Where the lines end, from the one that begins at `at`, that are indented deeper than `indent`.

    `dashes`: the entries of a list may stand as deep as its name.
    """
    while at < len(text):
        line = text.find(b"\n", at)
        line = len(text) if line < 0 else line
        content = text[at:line]
        depth = len(content) - len(content.lstrip(b" \t"))
        listed = dashes and depth == indent and content[depth : depth + 2] == b"- "
        if content.strip() and depth <= indent and not listed:
            break
        at = min(line + 1, len(text))
    return at
