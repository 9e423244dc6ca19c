"""Observes one node for as long as its connection lives: every collector, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from iamops.model.events import NodeHeard, RequestsCounted, Source
from iamops.model.facts import RequestCount
from iamops.nodes.collect import context, health, system, vrrp
from iamops.nodes.collect.context import CollectorContext, keep
from iamops.nodes.logs.counter import AccessLog
from iamops.nodes.transport import TransportError

# Request counts from the access log.

# Our own health checks are in every look; what says that it is one is no news by itself.
TOLD_EVERY_S = 10.0


async def requests(watch: CollectorContext) -> None:
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


Collector = Callable[[CollectorContext], Coroutine[Any, Any, None]]

# Each with what is unknown while it fails, and what it does in words.
COLLECTORS: tuple[tuple[Collector, tuple[Source, ...], str], ...] = (
    (system.addresses, (Source.ADDRESSES,), "reading addresses as they change"),
    (system.repair, (Source.ADDRESSES, Source.UNITS), "reading the list of addresses and units"),
    (system.host_facts, (Source.HOST,), "reading load, memory, disk and clock"),
    (system.safety, (Source.SAFETY,), "reading locks and armed undos"),
    (system.units, (Source.UNITS,), "reading units as they change"),
    (vrrp.journal, (Source.JOURNAL,), "reading the journal"),
    (vrrp.dump, (Source.VRRP,), "reading keepalived's dump"),
    (health.http, (Source.HEALTH,), "asking nginx and services"),
    (health.peers, (Source.PEERS,), "asking its peers' services"),
    (health.stores, (Source.STORES,), "asking datastores and ports"),
    (health.certificates, (Source.CERTIFICATES,), "looking at certificates"),
    (requests, (Source.REQUESTS,), "counting the access log"),
    (context.turns, (), "taking turns with other watchers"),
)


async def observe(watch: CollectorContext) -> None:
    """Runs all collectors until the connection ends. Raises the TransportError that ended it."""
    try:
        async with asyncio.TaskGroup() as group:
            for collector, sources, what in COLLECTORS:
                name = f"{watch.node}:{collector.__name__}"
                group.create_task(_kept(watch, collector, sources, f"{what} on {watch.node}"), name=name)
    except* TransportError as failures:
        raise _first(failures) from None


async def _kept(watch: CollectorContext, collector: Collector, sources: tuple[Source, ...], what: str) -> None:
    """One that fails costs its own values, for a moment."""

    def lost(reason: str) -> None:
        for source in sources:
            watch.lost(source, reason)

    supervisor = watch.supervisor
    await supervisor.keep(supervisor.part(what, watch.node), partial(collector, watch), lost)


def _first(failures: BaseExceptionGroup[TransportError]) -> TransportError:
    """Every collector fails when a link is lost; the first to notice speaks for all."""
    failure = failures.exceptions[0]
    return _first(failure) if isinstance(failure, BaseExceptionGroup) else failure
