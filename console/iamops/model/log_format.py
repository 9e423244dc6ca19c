r"""Reads a log format as operators give it: by name, as what a line looks like, or pasted from nginx.conf. Pure.

Source: ngx_conf_file.c (what a word is, quotes, `\"`), ngx_http_log_module (a format's words are written one
behind the other, with nothing between them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
    '"$http_user_agent"'
)
MAIN = f'{COMBINED} "$http_x_forwarded_for"'
IAMOPS = (
    f"{MAIN} host=$host upstream=$upstream_addr upstream_status=$upstream_status "
    "request_time=$request_time upstream_time=$upstream_response_time request_id=$request_id"
)
NAMED = {"main": MAIN, "iamops": IAMOPS, "combined": COMBINED}
ESCAPES = ("default", "json", "none")

_NAME = re.compile(r"[\w.-]+")
_BETWEEN = re.compile(r"(?:\s|#[^\n]*(?:\n|\Z))*")
_DIRECTIVE = re.compile(rf"{_BETWEEN.pattern}log_format\s+")
_ESCAPE = re.compile(r"\s*escape=(?P<escape>\S*)\s+")
_WORD = re.compile(
    r"""'(?P<single>(?:[^'\\]|\\.)*)'(?=[\s;]|\Z)|"(?P<double>(?:[^"\\]|\\.)*)"(?=[\s;]|\Z)"""
    r"""|(?P<bare>(?!["'])(?:\$\{|\\.|[^\s;{\\])+)""",
    re.DOTALL,
)
_BACKSLASHED = re.compile(r"\\([\\\"'trn])")
_MEANS = {"t": "\t", "r": "\r", "n": "\n"}
_NO_VARIABLE = re.compile(r"\$(?!\w|\{\w+\})", re.ASCII)
# A word is a piece of its own: what follows it does not go on with its last variable's name.
_LAST_VARIABLE, _NAME_GOES_ON = re.compile(r"\$(\w+)\Z", re.ASCII), re.compile(r"\w", re.ASCII)
_WHOLE = "paste all of it: log_format NAME '…';"
_EITHER = f"its quotes may be nginx.conf's or the line's: {_WHOLE}"


def format_text(text: str) -> tuple[str, str]:
    """(escape, what a line looks like) of a profile's `logs.format`. Raises ValueError that says what is wrong."""
    name = text.strip()
    if name not in NAMED and _NAME.fullmatch(name):
        raise ValueError(f"no format is called {name}: there are {', '.join(NAMED)}; of your own, {_WHOLE}")
    text = NAMED.get(name, text)
    directive, escaped = _DIRECTIVE.match(text), _ESCAPE.match(text)
    begin = escaped.end() if escaped else 0
    if directive is not None:
        kind, body = _put_together([word for word, _ in _words(text, directive.end())][1:])
    elif _is_quoted(text[begin:].strip()):
        words = list(_words(text, begin))
        if any(bare for _, bare in words):
            raise ValueError(_EITHER)
        kind, body = _put_together([*text[:begin].split(), *(word for word, _ in words)])
    else:
        kind, body = escaped["escape"] if escaped else "", text[begin:].strip("\r\n")
    if kind and kind not in ESCAPES:
        raise ValueError(f"nginx knows no escape={kind[:20]}: there are {', '.join(ESCAPES)}")
    if (lone := _NO_VARIABLE.search(body)) is not None:
        raise ValueError(f"no variable's name follows the $ in {body[lone.start() :][:20]!r}: nginx refuses that")
    if "\n" in body:
        raise ValueError(f"a line break stands in it, which no line of a log has: {_WHOLE}")
    return kind or "default", body


def _is_quoted(text: str) -> bool:
    """Whether the quotes around it are nginx.conf's and not the line's. Raises ValueError where both may be."""
    if text.startswith("'"):
        return True
    word = _WORD.match(text) if text.startswith('"') else None
    if word is None:
        return False
    if text[word.end() :].strip() not in ("", ";"):
        return "\n" in text
    if r"\"" not in text and "\n" not in text:
        raise ValueError(_EITHER)
    return True


def _words(text: str, at: int) -> Iterator[tuple[str, bool]]:
    """The words up to the `;`, without their quotes; and whether they had none."""
    while (at := _behind(_BETWEEN, text, at)) < len(text):
        if text[at] == ";":
            if _behind(_BETWEEN, text, at + 1) < len(text):
                raise ValueError(f"something follows its `;`: {_WHOLE}")
            return
        word = _WORD.match(text, at)
        if word is None:
            raise ValueError(f"nginx could not read it from {text[at:][:20]!r} on: {_WHOLE}")
        plain = _BACKSLASHED.sub(lambda found: _MEANS.get(found[1], found[1]), word[word.lastgroup or 0])
        yield plain, word.lastgroup == "bare"
        at = word.end()


def _behind(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found is not None else at


def _put_together(words: list[str]) -> tuple[str, str]:
    """(escape, body)"""
    escape = words.pop(0).removeprefix("escape=") if words and words[0].startswith("escape=") else ""
    body = ""
    for word in words:
        body = (_LAST_VARIABLE.sub(r"${\1}", body) if _NAME_GOES_ON.match(word) else body) + word
    return escape, body
