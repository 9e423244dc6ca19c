"""Observes one node for as long as its connection lives: every collector, side by side."""

from __future__ import annotations

import asyncio

from console.nodes.collect import health, requests, system, turns, vrrp
from console.nodes.transport import TransportError
from console.nodes.watch import Watch

COLLECTORS = (
    system.addresses,
    system.repair,
    system.host,
    system.safety,
    system.units,
    vrrp.journal,
    vrrp.dump,
    health.http,
    health.peers,
    health.stores,
    requests.requests,
    turns.turns,
    turns.heard,
)


async def observe(watch: Watch) -> None:
    """Runs all collectors until the connection ends. Raises the TransportError that ended it."""
    try:
        async with asyncio.TaskGroup() as group:
            for collector in COLLECTORS:
                group.create_task(collector(watch), name=f"{watch.node}:{collector.__name__}")
    except* TransportError as failures:
        raise _first(failures) from None


def _first(failures: BaseExceptionGroup[TransportError]) -> TransportError:
    """Every collector fails when a link is lost; the first to notice speaks for all."""
    failure = failures.exceptions[0]
    return _first(failure) if isinstance(failure, BaseExceptionGroup) else failure
