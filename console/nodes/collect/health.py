"""Health: nginx and the services over HTTP, from the node and from its peers; the datastores."""

from __future__ import annotations

import asyncio

from console.model.events import DatastoreProbed, HttpProbed, PortProbed, Target
from console.model.profile import Datastore, Service
from console.nodes.http import HttpQuestion
from console.nodes.probes import Door, probe_datastore, probe_http, probe_port
from console.nodes.watch import Watch, every

LOCALHOST = "127.0.0.1"
HTTP_EVERY_S = 2.0
PEERS_EVERY_S = 5.0


async def http(watch: Watch) -> None:
    """nginx per domain, and each service at its own port, from the node itself."""

    async def look() -> None:
        services = [s for s in watch.profile.services.values() if s.runs_on(watch.node)]
        async with asyncio.TaskGroup() as group:
            for service in services:
                group.create_task(_service(watch, service, watch.node, LOCALHOST))
            for service in watch.profile.services.values():
                if service.domain:
                    group.create_task(_domain(watch, service, service.domain))

    await every(HTTP_EVERY_S, look, early=watch.health_changed)


async def peers(watch: Watch) -> None:
    """Every other node's services as they look from here, the datastores, and ports that services here need."""

    async def look() -> None:
        async with asyncio.TaskGroup() as group:
            for peer in watch.profile.peers_of(watch.node):
                for service in watch.profile.services.values():
                    if service.runs_on(peer.name):
                        group.create_task(_service(watch, service, peer.name, peer.address))
            for store in watch.profile.datastores.values():
                group.create_task(_datastore(watch, store))
            for port in watch.profile.needed_ports_on(watch.node):
                group.create_task(_port(watch, port))

    await every(PEERS_EVERY_S, look, early=watch.peers_changed)


async def _service(watch: Watch, service: Service, target: str, host: str) -> None:
    question = HttpQuestion(f"{host}:{service.port}", service.health)
    report = await probe_http(watch.transport, Door(host, service.port), question, watch.clock)
    if report is not None:
        at = watch.clock()
        watch.emit(HttpProbed(at, target, watch.node, Target.SERVICE, service.name, report))


async def _domain(watch: Watch, service: Service, domain: str) -> None:
    question = HttpQuestion(domain, service.health)
    door = Door(LOCALHOST, watch.profile.nginx.port)
    report = await probe_http(watch.transport, door, question, watch.clock)
    if report is not None:
        watch.emit(HttpProbed(watch.clock(), watch.node, watch.node, Target.DOMAIN, domain, report))


async def _datastore(watch: Watch, store: Datastore) -> None:
    # On its own node a datastore is asked where IAM asks it: at loopback, as the seed deploys it.
    host = LOCALHOST if store.node == watch.node else watch.profile.nodes[store.node].address
    report = await probe_datastore(watch.transport, Door(host, store.port), store.kind, watch.clock)
    if report is not None:
        watch.emit(DatastoreProbed(watch.clock(), watch.node, store.name, report))


async def _port(watch: Watch, port: int) -> None:
    report = await probe_port(watch.transport, Door(LOCALHOST, port), watch.clock)
    if report is not None:
        watch.emit(PortProbed(watch.clock(), watch.node, port, report))
