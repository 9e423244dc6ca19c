"""nginx's files as words, `;` and braces, each with its line, as `ngx_conf_read_token` takes them apart. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class ConfToken(NamedTuple):
    """`quoted`: it stood in quotes, and is a word whatever it holds."""

    text: str
    line: int
    quoted: bool = False


BOM = "\ufeff"
OPEN_QUOTE = "a quote"
# A quote, a `#` and a `}` mean something only where a word begins. `${` opens no block, and a backslash takes the
# sign behind it along. All quantifiers are possessive: nothing is tried twice.
_NEXT = re.compile(
    r"[ \t\r\n]*+(?:#[^\n]*+[ \t\r\n]*+)*+"
    r"(?:(?P<sign>[;{}])"
    r"|\"(?P<double>[^\"\\]*+(?:\\.[^\"\\]*+)*+)\""
    r"|'(?P<single>[^'\\]*+(?:\\.[^'\\]*+)*+)'"
    r"|(?P<open>[\"'])"
    r"|(?P<word>(?:[^ \t\r\n;{\\$]++|\\.|\$\{*+|\\)++))?",
    re.DOTALL,
)
_AFTER_QUOTES = " \t\r\n;{)"
_ESCAPE = re.compile(r"\\([\"'\\trn])")
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n"}
# Lua between braces: its strings and comments may hold braces of their own.
_LUA = re.compile(
    r"--\[(?P<comment>=*+)\[|--[^\n]*+|\[(?P<long>=*+)\["
    r"|\"[^\"\\\n]*+(?:\\.[^\"\\\n]*+)*+\"|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'|(?P<brace>[{}])",
    re.DOTALL,
)


def tokens(text: str, wrong: list[tuple[int, str]]) -> Iterator[ConfToken]:
    """All of a file. Of a block of Lua there are the braces only. `wrong` gets lines, and what is wrong there;
    nothing is read behind a quote that does not end.
    """
    at, line, name, beginning = 0, 1, "", True
    while (match := _NEXT.match(text, at)) is not None:
        kind = match.lastgroup
        if kind is None:
            return
        begins = match.start(kind)
        line += text.count("\n", at, begins)
        at = match.end()
        word = match[kind]
        if kind == "sign":
            yield ConfToken(word, line)
            if word == "{" and name.endswith("_by_lua_block"):
                after = _end_of_lua(text, at)
                line, at = line + text.count("\n", at, after), after
            beginning = True
            continue
        if kind == "open":
            wrong.append((line, f"{OPEN_QUOTE} {word} that does not end"))
            return
        quoted = kind != "word"
        if quoted and text[at : at + 1] not in _AFTER_QUOTES:
            wrong.append((line + word.count("\n"), f'unexpected "{text[at]}" right behind a quote'))
        shown = _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), word) if "\\" in word else word
        name, beginning = shown if beginning else name, False
        yield ConfToken(shown, line, quoted)
        line += word.count("\n")


def _end_of_lua(text: str, at: int) -> int:
    """Where the brace stands that closes the block opened before `at`; the end of the text where none does."""
    depth = 1
    while (match := _LUA.search(text, at)) is not None:
        at = match.end()
        level = match["comment"] if match["comment"] is not None else match["long"]
        if level is not None:
            ends = text.find(f"]{level}]", at)
            at = len(text) if ends < 0 else ends + len(level) + 2
        elif match["brace"]:
            depth += 1 if match["brace"] == "{" else -1
            if depth == 0:
                return match.start()
    return len(text)
