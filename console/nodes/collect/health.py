"""Health: nginx and the services over HTTP, from the node and from its peers; the datastores.

How often is the pace's business: while all is well all watchers together ask as often as one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from console.model.events import DatastoreProbed, HttpProbed, PortProbed, Target
from console.model.facts import ProbeReport
from console.model.observed import Unknown
from console.model.profile import Datastore, Service
from console.nodes.http import HttpQuestion
from console.nodes.pace import HTTP, STORES, peers_beat
from console.nodes.probes import Door, probe_datastore, probe_http, probe_port
from console.nodes.tls import Trust
from console.nodes.transport import TransportError
from console.nodes.watch import Watch, paced
from console.parse.own_fault import fault_of_ours

R = TypeVar("R")

LOCALHOST = "127.0.0.1"


async def http(watch: Watch) -> None:
    """nginx per domain, and each service at its own port, from the node itself."""

    async def look(every_s: float) -> None:
        services = [s for s in watch.profile.services.values() if s.runs_on(watch.node)]
        async with asyncio.TaskGroup() as group:
            for service in services:
                group.create_task(_service(watch, service, watch.node, LOCALHOST, every_s))
            for service in watch.profile.services.values():
                if service.domain:
                    group.create_task(_domain(watch, service, service.domain, every_s))

    await paced(watch, HTTP, look, early=watch.health_changed)


async def peers(watch: Watch) -> None:
    """Every other node's services as they look from here."""
    others = watch.profile.peers_of(watch.node)

    async def look(every_s: float) -> None:
        async with asyncio.TaskGroup() as group:
            for peer in others:
                for service in watch.profile.services.values():
                    if service.runs_on(peer.name):
                        group.create_task(_service(watch, service, peer.name, peer.address, every_s))

    await paced(watch, peers_beat(len(others)), look, early=watch.peers_changed)


async def stores(watch: Watch) -> None:
    """The datastores as they look from here, and ports that services here need."""

    async def look(every_s: float) -> None:
        async with asyncio.TaskGroup() as group:
            for store in watch.profile.datastores.values():
                group.create_task(_datastore(watch, store, every_s))
            for port in watch.profile.needed_ports_on(watch.node):
                group.create_task(_port(watch, port, every_s))

    await paced(watch, STORES, look, early=watch.stores_changed)


async def _service(watch: Watch, service: Service, target: str, host: str, every_s: float) -> None:
    question = HttpQuestion(f"{host}:{service.port}", service.health)
    trust = _trust(watch, service)
    report = await asked(probe_http(watch.transport, Door(host, service.port), question, watch.clock, trust))
    if report is not None:
        at = watch.clock()
        watch.emit(HttpProbed(at, target, watch.node, Target.SERVICE, service.name, report, every_s))


def _trust(watch: Watch, service: Service) -> Trust | None:
    if service.scheme == "http":
        return None
    return Trust(watch.profile.tls.ca, watch.profile.tls_name_of(service))


async def _domain(watch: Watch, service: Service, domain: str, every_s: float) -> None:
    question = HttpQuestion(domain, service.health)
    door = Door(LOCALHOST, watch.profile.nginx.port)
    report = await asked(probe_http(watch.transport, door, question, watch.clock))
    if report is not None:
        if isinstance(report, ProbeReport) and report.status is not None:
            watch.served.at = time.monotonic()
        watch.emit(HttpProbed(watch.clock(), watch.node, watch.node, Target.DOMAIN, domain, report, every_s))


async def _datastore(watch: Watch, store: Datastore, every_s: float) -> None:
    # On its own node a datastore is asked where IAM asks it: at loopback, as the seed deploys it.
    host = LOCALHOST if store.node == watch.node else watch.profile.nodes[store.node].address
    report = await asked(probe_datastore(watch.transport, Door(host, store.port), store.kind, watch.clock))
    if report is not None:
        watch.emit(DatastoreProbed(watch.clock(), watch.node, store.name, report, every_s))


async def _port(watch: Watch, port: int, every_s: float) -> None:
    report = await asked(probe_port(watch.transport, Door(LOCALHOST, port), watch.clock))
    if report is not None:
        watch.emit(PortProbed(watch.clock(), watch.node, port, report, every_s))


async def asked(probe: Awaitable[R | Unknown | None]) -> R | Unknown | None:
    """What one probe fails of costs its own value: the others are asked all the same."""
    try:
        return await probe
    except TransportError:
        raise
    except Exception as error:
        return Unknown(fault_of_ours(error))
