"""The lines with a token that a node's access log gained since it was marked: only the new part is read."""

from __future__ import annotations

from console.model.traffic import AccessGain, AccessMark
from console.nodes.transport import Transport, TransportError
from console.parse.numbers import whole
from console.parse.words import words_of

MARK_TIMEOUT_S = 5.0
# At most what a busy node writes while a thousand requests are sent.
READ_TIMEOUT_S = 20.0
# $1 is the log, $2 its inode and $3 its size at the mark, $4 the token, $5 how many lines of others to keep.
# Another inode, or fewer bytes: the log was rotated, and all of it is new. A descriptor: what was looked at is
# what is read. Before each line stands `+` for the token's and `-` for one of others between these; `?`: there
# were more.
_GAIN = r"""
LC_ALL=C; export LC_ALL
exec 3<"$1" || exit 1
set -- "$1" "$2" "$3" "$4" "$5" $(stat -L -c '%i %s' /proc/self/fd/3)
from=0
if [ "$6" = "$2" ] && [ "$7" -ge "$3" ]; then from=$3; fi
tail -c "+$((from + 1))" <&3 | awk -v token="$4" -v most="$5" '
    index($0, token) {
        for (i = 1; i <= held; i++) print "-" between[i]
        print "+" $0; held = 0; begun = 1; next
    }
    begun && kept < most { between[++held] = $0; kept++; next }
    begun { more = 1 }
    END { if (more) print "?" }'
"""
# Requests of others between the first and the last of ours that are looked at.
MOST_BETWEEN = 20_000


async def access_mark(transport: Transport | None, log: str) -> AccessMark:
    """Where the log ends now."""
    if transport is None:
        return AccessMark(reason="not connected")
    argv = ("stat", "--dereference", "--format=%i %s", log)
    try:
        result = await transport.run(argv, timeout_s=MARK_TIMEOUT_S)
    except TransportError as failure:
        return AccessMark(reason=failure.reason)
    match [whole(word) for word in result.text.split()]:
        case [int(inode), int(size)] if result.ok:
            return AccessMark(inode, size)
    return AccessMark(reason=words_of(result.stderr.strip(), 160) or f"{log} cannot be read")


async def access_gain(transport: Transport | None, log: str, mark: AccessMark, token: str) -> AccessGain:
    """What stands behind the mark."""
    if transport is None or mark.reason:
        return AccessGain(None, mark.reason or "not connected")
    argv = ("sh", "-c", _GAIN, "gain", log, str(mark.inode), str(mark.size), token, str(MOST_BETWEEN))
    try:
        result = await transport.run(argv, timeout_s=READ_TIMEOUT_S)
    except TransportError as failure:
        return AccessGain(None, failure.reason)
    if not result.ok:
        return AccessGain(None, words_of(result.stderr.strip(), 160) or f"{log} cannot be read")
    said = result.stdout.splitlines()
    own, others = (tuple(line[1:] for line in said if line[:1] == mark) for mark in (b"+", b"-"))
    return AccessGain(own, between=None if b"?" in said else others)
