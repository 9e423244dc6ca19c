"""Observes one node for as long as its connection lives: the list of all collectors, which run side by side, and
the one that counts the access log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from iamops.model.events import NodeHeard, RequestsCounted, Source
from iamops.nodes.collect import context, health, system, vrrp
from iamops.nodes.collect.context import CollectorContext, restart_forever
from iamops.nodes.logs.counter import AccessLog
from iamops.nodes.supervisor import Supervisor, first_failure
from iamops.nodes.transport import TransportError

# New requests that are all health checks of consoles are reported only this often.
REPORT_EVERY_S = 10.0


async def requests(ctx: CollectorContext) -> None:
    """The node's access log, counted there or here, whichever is cheaper."""
    logs = ctx.profile.logs
    log = ctx.access_log or AccessLog(logs.access, logs.format)
    reported: tuple[int, int] | None = None
    reported_at = 0.0

    def on_look() -> None:
        nonlocal reported, reported_at
        now, count = ctx.clock(), log.count
        others = (count.total - count.probes, count.unparsed)
        if reported == others and now - reported_at < REPORT_EVERY_S:
            ctx.emit(NodeHeard(now, ctx.node))
            return
        reported, reported_at = others, now
        ctx.emit(RequestsCounted(now, ctx.node, count))

    async def follow() -> str:
        nonlocal reported
        reported = None
        log.counter.served_at = lambda: ctx.served_at
        return await log.counter.follow(ctx.transport, on_look)

    await restart_forever(Source.REQUESTS, ctx, follow)


Collector = Callable[[CollectorContext], Coroutine[Any, Any, None]]

# The collector, the sources that are unknown while it fails, and what it does, for messages.
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


async def observe(ctx: CollectorContext) -> None:
    """Runs all collectors until the connection ends. Raises the TransportError that ended it."""
    supervisor = ctx.session_supervisor or Supervisor(ctx.emit, ctx.clock)
    try:
        async with asyncio.TaskGroup() as group:
            for collector, sources, what in COLLECTORS:
                part = supervisor.part(f"{what} on {ctx.node}", ctx.node)
                kept = supervisor.keep(part, partial(collector, ctx), partial(_lost, ctx, sources))
                group.create_task(kept, name=f"{ctx.node}:{collector.__name__}")
    except* TransportError as failures:
        raise first_failure(failures) from None


def _lost(ctx: CollectorContext, sources: tuple[Source, ...], reason: str) -> None:
    for source in sources:
        ctx.lost(source, reason)
