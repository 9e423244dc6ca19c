"""XML, Markdown and chat text that can be read anywhere, and none of it harmful where it is shown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as Xml

from iamops.model.safe_text import one_line, safe_lines
from iamops.redact.clean import words


def xml_document(root: Xml.Element, *, indented: bool = True) -> str:
    """The whole document. Its attributes and texts are cleaned here, whoever made the elements."""
    for element in root.iter():
        for name, value in element.items():
            element.set(name, one_line(value))
        element.text, element.tail = _text(element.text), _text(element.tail)
    if indented:
        Xml.indent(root)
    # ElementTree would name the operator's locale as the encoding.
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _text(text: str | None) -> str | None:
    return None if text is None else safe_lines(text)


# Text from a node or a person inside Markdown: on one line, and none of it markup, a link or a call. Pure.

_BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_MARKS = re.compile(r"([\\`*_~\[\]<>|#&])")
_TOKEN = re.compile(r"([^\s`|]+)")
# What GitHub and GitLab read in plain words, escaped or not: a mention or an address, a link, a reference to an
# issue, merge request, snippet, milestone, label or epic, an emoji, a formula. In code they read nothing.
_CALLS = re.compile(
    r"@|://|www\.|[#!&][0-9]|GH-[0-9]|[%~]\"|(?<![0-9])%\w|~\w|\$\S|:[a-z+_-][\w+-]*:", re.IGNORECASE
)


def markdown_document(lines: Iterable[str]) -> str:
    """The whole text. What its parts are escaped for is up to them; no control leaves it, whoever made them."""
    return "\n".join(map(one_line, lines)).rstrip() + "\n"


def inline(text: str) -> str:
    """As running text, or in a table's cell: every sign that Markdown or HTML would read is escaped, and words
    that a forge would make a mention, a link or a reference of are code.
    """
    pieces = _TOKEN.split(words(_BREAKS.sub(" ", text)))
    return "".join(_word(piece, first=number == 1 and not pieces[0]) for number, piece in enumerate(pieces))


def code(text: str) -> str:
    """As code, to be copied: between more backticks than stand in it."""
    shown = one_line(words(_BREAKS.sub(" ", text)))
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", shown)), default=0))
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _word(piece: str, *, first: bool) -> str:
    """`first`: a slash at the beginning of a line is a command to GitLab."""
    if _CALLS.search(piece) or (first and piece.startswith("/")):
        return f"`{piece}`"
    return _MARKS.sub(r"\\\1", piece)


# Words of a node in a chat: they call nobody, and are no link under another name. Pure.

# `@everyone` calls in the middle of a word too; an address or a unit such as `user@host` calls nobody.
_CALL = re.compile(r"@(?=everyone|here|channel|all|room)|(?<!\w)@(?=\S)", re.IGNORECASE)
# <!channel>, <@U1>, <users/all>, <at user_id="all">, <https://evil|a name>; `5 < 6` and `<= 3` are none.
_TAG = re.compile(r"<(?=[^\s=0-9-])")
_LINK = re.compile(r"\](?=[(\[])")


def chat_text(text: str) -> str:
    """Its lines as they are, the signs that a chat service acts on replaced by others that look alike."""
    return _LINK.sub("] ", _TAG.sub("\u2039", _CALL.sub("\uff20", text)))
