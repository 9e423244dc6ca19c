"""Request counts from the access log."""

from __future__ import annotations

import asyncio

from console.model.events import RequestsCounted, Source
from console.model.facts import RequestCount
from console.nodes.transport import LineStream
from console.nodes.watch import Watch, ended, keep
from console.parse.access_line import AWK_PROGRAM, counted, first_count
from console.parse.safe_text import safe_bytes

COUNT_EVERY_S = 1.0


async def requests(watch: Watch) -> None:
    """The node's access log: counted there once up to now, then line by line as it grows."""
    path = watch.profile.logs.access
    # $1 is the log, $2 the awk program. The stream starts exactly where the count ended.
    count = (
        '[ -r "$1" ] || { echo "cannot read $1"; exit 1; }; size=$(stat -c %s -- "$1") || exit 1; '
        'first=$(head -c "$size" -- "$1" | awk -v size="$size" "$2"); echo "$first"; '
        'exec tail -c +$((${first##*offset=} + 1)) -F -- "$1" 2>/dev/null'
    )

    async def follow() -> str:
        async with watch.transport.stream(("sh", "-c", count, "count", path, AWK_PROGRAM)) as lines:
            return await _count(watch, lines) or ended("the access log's stream", lines.ending)

    await keep(Source.REQUESTS, watch, follow)


async def _count(watch: Watch, lines: LineStream) -> str:
    """Counts until the stream ends; tells the store at most once a second. Returns why it could not."""
    total: RequestCount | None = None
    waiting: list[bytes] = []
    loop = asyncio.get_running_loop()
    pending: asyncio.TimerHandle | None = None

    def tell() -> None:
        nonlocal total, pending
        pending = None
        if total is not None:
            total = counted(total, waiting)
            waiting.clear()
            watch.emit(RequestsCounted(watch.clock(), watch.node, total))

    try:
        async for line in lines:
            if total is None:
                total = first_count(line.decode("ascii", "replace"))
                if total is None:
                    return safe_bytes(line, 200)
                tell()
                continue
            waiting.append(line)
            pending = pending or loop.call_later(COUNT_EVERY_S, tell)
    finally:
        if pending is not None:
            pending.cancel()
    return ""
