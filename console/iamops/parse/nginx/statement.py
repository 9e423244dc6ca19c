"""One statement of nginx: what is wrong with it, and where one has lost its `;`. Pure.

A statement without its `;` swallows those behind it. A word that begins a line and may begin a statement there
gives it away, if both halves make sense.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache

from iamops.parse.nginx.table import Usage, names_in, usages
from iamops.parse.nginx.tokens import ConfToken

MAIN = "m"
# Where anything may stand: a map's entries, the block of a module that is not known here.
FREE = "*"
# A map, with one or two words in each entry.
PAIRS = "="
# More words than any one statement has that is wrapped over several lines.
MAX_WRAPPED = 100
_INNER: Mapping[str, Mapping[str, str]] = {
    "m": {"events": "e", "http": "h", "stream": "H", "mail": "A"},
    "h": {"server": "s", "upstream": "u"},
    "s": {"location": "l", "if": "i"},
    "l": {"location": "l", "if": "j", "limit_except": "x"},
    "H": {"server": "S", "upstream": "U"},
    "A": {"server": "B"},
}
_MAPS = frozenset({"map", "geo", "split_clients", "charset_map"})
# Directives of modules that nginx.org does not publish, or that only NGINX Plus has, near enough to others to be
# taken for them. Whole names, and beginnings.
_FOREIGN = frozenset(
    {
        "api", "check", "echo", "f4f", "hls", "keyval", "match", "mgmt", "ntlm", "queue", "state", "status",
        "session_log", "session_log_format", "session_log_zone", "sticky_cookie", "concat", "concat_types",
        "subs_filter", "subs_filter_types", "proxy_upstream_tries", "server_info", "fair",
        "proxy_connect", "proxy_connect_allow", "proxy_connect_address", "proxy_connect_read_timeout",
        "proxy_connect_send_timeout", "proxy_connect_data_timeout", "server_tag", "admin", "fancyindex",
        "least_requests", "session_sticky", "zone_sync", "zone_sync_server", "zone_sync_timeout", "acme_issuer",
    }
)  # fmt: skip
_FOREIGN_BEGIN = (
    "js_", "lua_", "auth_jwt", "brotli", "fancyindex", "geoip2", "more_", "upload", "vhost_", "zone_sync", "zstd",
)  # fmt: skip
# A word this short is one of many; two letters may differ in a word of this length.
_SHORT, _LONG = 4, 8
_TIME = r"(?:[0-9]+w *)?(?:[0-9]+d *)?(?:[0-9]+h *)?(?:[0-9]+m *)?(?:[0-9]+s *)?"
_KINDS = {
    "f": (re.compile(r"on|off", re.IGNORECASE), 'it must be "on" or "off"'),
    "n": (re.compile(r"[0-9]+"), "it must be a number"),
    "t": (re.compile(rf"(?=[0-9]){_TIME}(?:[0-9]+(?:ms)? *)?"), "it must be a time"),
    "c": (re.compile(rf"(?=[0-9])(?:[0-9]+y *)?(?:[0-9]+M *)?{_TIME}(?:[0-9]+ *)?"), "it must be a time"),
    "z": (re.compile(r"[0-9]+[kKmM]?"), "it must be a size"),
    "o": (re.compile(r"[0-9]+[kKmMgG]?"), "it must be a size"),
}


def inner_context(context: str, name: str) -> str:
    if name in _MAPS and context in ("h", "H"):
        return PAIRS
    return _INNER.get(context, {}).get(name, FREE)


def judged(context: str, name: str) -> bool:
    """Is it known whether nginx takes a statement of that name there?"""
    return context in (FREE, PAIRS) or name in usages() or _meant(name, context) is not None


def once_in(context: str, name: str) -> bool:
    return any(way.once and context in way.contexts for way in usages().get(name, ()))


def split_statements(words: Sequence[ConfToken], context: str, term: str) -> Iterator[list[ConfToken]]:
    """The statements in `words`; all but the last one have lost their `;`."""
    began = 0
    if words[0].line != words[-1].line:
        for at in range(1, len(words)):
            if at - began > MAX_WRAPPED or not _may_begin(words, at, context, term):
                continue
            if complaint(words[began:at], context, ";") is None:
                yield list(words[began:at])
                began = at
    yield list(words[began:])


def complaint(words: Sequence[ConfToken], context: str, term: str) -> str | None:
    """What nginx would say of the statement; None where nothing is known to be wrong."""
    if context == FREE:
        return None
    if context == PAIRS:
        return "more than two words in an entry of a map" if len(words) > 2 else None
    name, args = words[0].text, words[1:]
    ways = usages().get(name)
    if ways is None:
        meant = _meant(name, context)
        return None if meant is None else f'unknown directive "{name}": is `{meant}` meant?'
    wrong = None
    for way in ways:
        if context in way.contexts:
            wrong = _wrong(name, args, way, term)
            if wrong is None:
                return None
    return wrong or f'"{name}" directive is not allowed here'


def _wrong(name: str, args: Sequence[ConfToken], way: Usage, term: str) -> str | None:
    if way.block and term == ";":
        return f'directive "{name}" has no opening "{{"'
    if not way.block and term == "{":
        return f'directive "{name}" is not terminated by ";"'
    if len(args) < way.least or (way.most is not None and len(args) > way.most):
        return f'invalid number of arguments in "{name}" directive'
    if way.kind in _KINDS:
        shape, must = _KINDS[way.kind]
        if shape.fullmatch(args[0].text) is None:
            return f'invalid value "{args[0].text}" in "{name}" directive, {must}'
    return None


@lru_cache(1000)
def _meant(name: str, context: str) -> str | None:
    """The directive of that context that the name misses by a letter or two."""
    if len(name) < _SHORT or name in usages() or name in _FOREIGN or name.startswith(_FOREIGN_BEGIN):
        return None
    most, letters = 2 if len(name) >= _LONG else 1, frozenset(name)
    near = (
        (_distance(name, other), other)
        for other, others in _letters_in(context)
        if abs(len(other) - len(name)) <= most and len(letters ^ others) <= 2 * most
    )
    distance, other = min(near, default=(most + 1, ""))
    return other if distance <= most else None


@cache
def _letters_in(context: str) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((name, frozenset(name)) for name in names_in(context))


def _distance(one: str, other: str) -> int:
    """Letters to add, leave out, replace, or exchange with the next one."""
    before, row = [0] * (len(other) + 1), list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        new = [i]
        for j, b in enumerate(other, start=1):
            cost = min(row[j] + 1, new[j - 1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            new.append(cost)
        before, row = row, new
    return row[-1]


def first_line(words: Sequence[ConfToken], at: int = 0) -> list[ConfToken]:
    """The words from `at` on that stand on its line."""
    line = words[at].line
    return list(itertools.takewhile(lambda word: word.line == line, (words[n] for n in range(at, len(words)))))


def _may_begin(words: Sequence[ConfToken], at: int, context: str, term: str) -> bool:
    text, line, quoted = words[at]
    if quoted or line == words[at - 1].line or text not in usages() or context in (FREE, PAIRS):
        return False
    same_line = first_line(words, at)
    opens = "{" if term == "{" else ";"
    if at + len(same_line) == len(words):
        return complaint(same_line, context, opens) is None
    wrapped = len(words) - at <= MAX_WRAPPED and complaint(words[at:], context, opens) is None
    return wrapped or complaint(same_line, context, ";") is None
