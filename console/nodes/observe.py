"""Observes one node for as long as its connection lives: every collector, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from console.model.events import Source
from console.nodes.collect import certificates, health, requests, system, turns, vrrp
from console.nodes.transport import TransportError
from console.nodes.watch import Watch

Collector = Callable[[Watch], Coroutine[Any, Any, None]]

# Each with what is unknown while it fails, and what it does in words.
COLLECTORS: tuple[tuple[Collector, tuple[Source, ...], str], ...] = (
    (system.addresses, (Source.ADDRESSES,), "reading addresses as they change"),
    (system.repair, (Source.ADDRESSES, Source.UNITS), "reading the list of addresses and units"),
    (system.host, (Source.HOST,), "reading load, memory, disk and clock"),
    (system.safety, (Source.SAFETY,), "reading locks and armed undos"),
    (system.units, (Source.UNITS,), "reading units as they change"),
    (vrrp.journal, (Source.JOURNAL,), "reading the journal"),
    (vrrp.dump, (Source.VRRP,), "reading keepalived's dump"),
    (health.http, (Source.HEALTH,), "asking nginx and services"),
    (health.peers, (Source.PEERS,), "asking its peers' services"),
    (health.stores, (Source.STORES,), "asking datastores and ports"),
    (certificates.certificates, (Source.CERTIFICATES,), "looking at certificates"),
    (requests.requests, (Source.REQUESTS,), "counting the access log"),
    (turns.turns, (), "taking turns with other watchers"),
)


async def observe(watch: Watch) -> None:
    """Runs all collectors until the connection ends. Raises the TransportError that ended it."""
    try:
        async with asyncio.TaskGroup() as group:
            for collector, sources, what in COLLECTORS:
                name = f"{watch.node}:{collector.__name__}"
                group.create_task(_kept(watch, collector, sources, f"{what} on {watch.node}"), name=name)
    except* TransportError as failures:
        raise _first(failures) from None


async def _kept(watch: Watch, collector: Collector, sources: tuple[Source, ...], what: str) -> None:
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
