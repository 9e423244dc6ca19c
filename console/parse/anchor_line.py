"""Reads anchors out of `journalctl --output=json` lines. Pure."""

from __future__ import annotations

import re

from console.model.anchor import HEAD_CHARS, LEDGER_CHARS, PLACE_CHARS, Anchor, AnchorLine
from console.model.timestamps import LAST_MOMENT_S
from console.parse.foreign_json import json_of
from console.parse.numbers import whole
from console.parse.words import words

# From the very beginning of the line: what follows are words that somebody chose.
_FORM = re.compile(
    r"run=(?P<run>[A-Za-z0-9-]{1,64}) "
    rf"ledger=(?P<ledger>[0-9a-f]{{{LEDGER_CHARS}}}) "
    r"n=(?P<n>[1-9][0-9]{0,14}) "
    rf"head=(?P<head>[0-9a-f]{{{HEAD_CHARS}}}) "
    rf"place=(?P<place>[0-9a-f]{{{PLACE_CHARS}}})(?: (?P<text>.*))?",
    re.DOTALL,
)
_BY = re.compile(r" by (\S{1,200}) from ")


def anchor_line(line: bytes) -> AnchorLine | None:
    """None for a line that carries no anchor, whoever wrote it."""
    try:
        fields = json_of(line)
    except ValueError:
        return None
    message = fields.get("MESSAGE") if isinstance(fields, dict) else None
    form = _FORM.fullmatch(message) if isinstance(message, str) else None
    if form is None:
        return None
    by = _BY.search(form["text"] or "")
    at = _number(fields.get("_SOURCE_REALTIME_TIMESTAMP")) or _number(fields.get("__REALTIME_TIMESTAMP")) or 0
    return AnchorLine(
        Anchor(form["ledger"], int(form["n"]), form["head"], form["place"]),
        min(at / 1e6, LAST_MOMENT_S),
        form["run"],
        _number(fields.get("_UID")),
        words(by[1], 200) if by else "",
    )


def _number(raw: object) -> int | None:
    return whole(raw) if isinstance(raw, str) else None
