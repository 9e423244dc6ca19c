"""Counts access-log lines by status class. Pure.

Understands the combined-like formats in which the status follows the quoted request, such as the
seed's `main`. Reading any log_format belongs to the traffic view; this is the plain count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from console.model.facts import RequestCount

PROBE_AGENT = "iamops-probe"
# nginx escapes quotes inside variables as \x22, so a request never contains a bare quote.
_STATUS = re.compile(rb'" (?P<status>[1-5]\d\d) ')
_PROBE = f'"{PROBE_AGENT}/'.encode()
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")

# The same rules for the node's own awk, for what was logged before we looked. POSIX awk only: mawk, gawk
# and busybox agree on it. A last line that is still being written is left for the stream to bring, so
# `offset` is where the complete lines end; the caller passes the file's size.
AWK_PROGRAM = (
    r"{ n = length($0) + 1; if (b + n > size) next; b += n } "
    r'index($0, "\"' + PROBE_AGENT + r'/") { p++; next } '
    r'match($0, /" [1-5][0-9][0-9] /) { c[substr($0, RSTART + 2, 1)]++; t++; next } { u++ } '
    r'END { printf "total=%d probes=%d unparsed=%d", t, p, u; '
    r'for (i = 1; i <= 5; i++) printf " %dxx=%d", i, c[i]; printf " offset=%d\n", b }'
)


def first_count(line: str) -> RequestCount | None:
    """The summary line that AWK_PROGRAM prints; None if it is not one."""
    fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
    if not all(fields.get(key, "").isdigit() for key in ("total", "probes", "unparsed")):
        return None
    classes = {name: int(fields[name]) for name in CLASSES if fields.get(name, "0") != "0"}
    return RequestCount(int(fields["total"]), classes, int(fields["probes"]), int(fields["unparsed"]))


def counted(before: RequestCount, lines: Iterable[bytes]) -> RequestCount:
    """`before` plus these lines."""
    classes: Counter[str] = Counter()
    probes = unparsed = 0
    for line in lines:
        match = _STATUS.search(line)
        if _PROBE in line:
            probes += 1
        elif match is None:
            unparsed += 1
        else:
            classes[f"{match['status'][:1].decode()}xx"] += 1
    return RequestCount(
        before.total + classes.total(),
        _sum(before.by_class, classes),
        before.probes + probes,
        before.unparsed + unparsed,
    )


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> Mapping[str, int]:
    return dict(sorted((Counter(one) + Counter(other)).items()))
