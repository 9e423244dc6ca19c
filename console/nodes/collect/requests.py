"""Request counts from the access log."""

from __future__ import annotations

from console.model.events import NodeHeard, RequestsCounted, Source
from console.model.facts import RequestCount
from console.nodes.access_log import AccessLog
from console.nodes.watch import Watch, keep

# Our own health checks are in every look; what says that it is one is no news by itself.
TOLD_EVERY_S = 10.0


async def requests(watch: Watch) -> None:
    """The node's access log, counted there or here, whichever is cheaper; news are told to the store."""
    logs = watch.profile.logs
    log = watch.access_log or AccessLog(logs.access, logs.format)
    told: RequestCount | None = None
    told_at = 0.0

    def tell() -> None:
        nonlocal told, told_at
        now, count = watch.clock(), log.count
        others = (count.total - count.probes, count.unparsed)
        if (
            told is not None
            and (told.total - told.probes, told.unparsed) == others
            and now - told_at < TOLD_EVERY_S
        ):
            watch.emit(NodeHeard(now, watch.node))
            return
        told, told_at = count, now
        watch.emit(RequestsCounted(now, watch.node, count))

    async def follow() -> str:
        nonlocal told
        told = None
        log.lane.served_at = lambda: watch.served.at
        return await log.lane.follow(watch.transport, tell)

    await keep(Source.REQUESTS, watch, follow)
