"""Whether a word is one that nobody would choose as a name: what a password or a token looks like. Pure."""

from __future__ import annotations

import re

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
    return (
        len(word) >= SHORTEST
        and is_mixed(word)
        and bool(re.search(rb"[a-z]", word) and re.search(rb"[A-Z]", word))
    )
