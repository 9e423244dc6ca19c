"""Health: nginx and the services over HTTP, from the node and from its peers; the datastores.

How often is the pace's business: while all is well all watchers together ask as often as one.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from iamops.model.events import DatastoreProbed, HttpProbed, PortProbed, Target, TlsProbed
from iamops.model.facts import ProbeOutcome, ProbeReport, TlsReport
from iamops.model.observed import Unknown
from iamops.model.profile import Datastore, Service
from iamops.nodes.collect.context import CollectorContext, paced
from iamops.nodes.pace import CERTIFICATES, HTTP, STORES, peers_beat
from iamops.nodes.probes.http import Door, HttpQuestion, probe_datastore, probe_http, probe_port, probe_stream
from iamops.nodes.probes.tls import (
    CaUnreadable,
    NoTls,
    TlsStream,
    Trust,
    checking,
    is_out_of_date,
    refusal,
    unchecked,
)
from iamops.nodes.transport import ByteStream, TransportError
from iamops.redact.clean import fault_of_ours

R = TypeVar("R")

LOCALHOST = "127.0.0.1"


async def http(watch: CollectorContext) -> None:
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


async def peers(watch: CollectorContext) -> None:
    """Every other node's services as they look from here."""
    others = watch.profile.peers_of(watch.node)

    async def look(every_s: float) -> None:
        async with asyncio.TaskGroup() as group:
            for peer in others:
                for service in watch.profile.services.values():
                    if service.runs_on(peer.name):
                        group.create_task(_service(watch, service, peer.name, peer.address, every_s))

    await paced(watch, peers_beat(len(others)), look, early=watch.peers_changed)


async def stores(watch: CollectorContext) -> None:
    """The datastores as they look from here, and ports that services here need."""

    async def look(every_s: float) -> None:
        async with asyncio.TaskGroup() as group:
            for store in watch.profile.datastores.values():
                group.create_task(_datastore(watch, store, every_s))
            for port in watch.profile.needed_ports_on(watch.node):
                group.create_task(_port(watch, port, every_s))

    await paced(watch, STORES, look, early=watch.stores_changed)


async def _service(watch: CollectorContext, service: Service, target: str, host: str, every_s: float) -> None:
    question = HttpQuestion(f"{host}:{service.port}", service.health)
    trust = _trust(watch, service)
    report = await contained(probe_http(watch.transport, Door(host, service.port), question, watch.clock, trust))
    if report is not None:
        at = watch.clock()
        watch.emit(HttpProbed(at, target, watch.node, Target.SERVICE, service.name, report, every_s))


def _trust(watch: CollectorContext, service: Service) -> Trust | None:
    if service.scheme == "http":
        return None
    return Trust(watch.profile.tls.ca, watch.profile.tls_name_of(service))


async def _domain(watch: CollectorContext, service: Service, domain: str, every_s: float) -> None:
    question = HttpQuestion(domain, service.health)
    door = Door(LOCALHOST, watch.profile.nginx.port)
    report = await contained(probe_http(watch.transport, door, question, watch.clock))
    if report is not None:
        if isinstance(report, ProbeReport) and report.status is not None:
            watch.served.at = time.monotonic()
        watch.emit(HttpProbed(watch.clock(), watch.node, watch.node, Target.DOMAIN, domain, report, every_s))


async def _datastore(watch: CollectorContext, store: Datastore, every_s: float) -> None:
    # On its own node a datastore is asked where IAM asks it: at loopback, as the seed deploys it.
    host = LOCALHOST if store.node == watch.node else watch.profile.nodes[store.node].address
    report = await contained(probe_datastore(watch.transport, Door(host, store.port), store.kind, watch.clock))
    if report is not None:
        watch.emit(DatastoreProbed(watch.clock(), watch.node, store.name, report, every_s))


async def _port(watch: CollectorContext, port: int, every_s: float) -> None:
    report = await contained(probe_port(watch.transport, Door(LOCALHOST, port), watch.clock))
    if report is not None:
        watch.emit(PortProbed(watch.clock(), watch.node, port, report, every_s))


async def contained(probe: Awaitable[R | Unknown | None]) -> R | Unknown | None:
    """What one probe fails of costs its own value: the others are asked all the same."""
    try:
        return await probe
    except TransportError:
        raise
    except Exception as error:
        return Unknown(fault_of_ours(error))


# The certificates that a node's services show on their TLS ports, gRPC's among them.

NO_CA = "the profile names no CA (tls: {ca: FILE})"


async def certificates(watch: CollectorContext) -> None:
    ports = watch.profile.tls_ports_on(watch.node)
    if not ports:
        return

    async def look(every_s: float) -> None:
        async with asyncio.TaskGroup() as group:
            for port, service in ports.items():
                group.create_task(_tls_port(watch, port, service, every_s))

    await paced(watch, CERTIFICATES, look, early=watch.certificates_changed)


async def _tls_port(watch: CollectorContext, port: int, service: Service, every_s: float) -> None:
    report = await contained(_looked_at(watch, port, service))
    if report is not None:
        watch.emit(TlsProbed(watch.clock(), watch.node, port, report, every_s))


async def _looked_at(watch: CollectorContext, port: int, service: Service) -> TlsReport | Unknown | None:
    """Two handshakes: one that takes any certificate, to read it, and one that the CA has to vouch for."""
    # Reading certificates is loaded by those who have some.
    from iamops.parse.certificate import CertificateUnreadable, certificate_of

    name, der = watch.profile.tls_name_of(service), b""

    async def look(stream: ByteStream) -> ProbeReport:
        nonlocal der
        started = watch.clock()
        try:
            tls = TlsStream(stream, unchecked(), name)
            await tls.handshake()
        except NoTls as failure:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=f"no TLS: {failure}")
        der = tls.certificate()
        return ProbeReport(ProbeOutcome.OK, round((watch.clock() - started) * 1000, 2))

    probe = await probe_stream(watch.transport, Door(LOCALHOST, port), look)
    if probe is None:
        return None
    if not probe.ok:
        return TlsReport(probe)
    try:
        report = TlsReport(probe, certificate_of(der))
    except CertificateUnreadable as unreadable:
        return TlsReport(replace(probe, outcome=ProbeOutcome.BAD_ANSWER, detail=str(unreadable)))
    return await _vouched(watch, port, report)


async def _vouched(watch: CollectorContext, port: int, report: TlsReport) -> TlsReport:
    ca, why = watch.profile.tls.ca, ""
    if ca is None:
        return replace(report, unasked=NO_CA)
    try:
        context = checking(ca, name=False)
    except CaUnreadable as unreadable:
        return replace(report, unasked=f"the profile's CA cannot be read: {unreadable}")

    async def look(stream: ByteStream) -> ProbeReport:
        nonlocal why
        try:
            await TlsStream(stream, context, None).handshake()
        except NoTls as failure:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=str(failure))
        except ssl.SSLCertVerificationError as error:
            why = "" if is_out_of_date(error) else refusal(error)
        return report.probe

    again = await probe_stream(watch.transport, Door(LOCALHOST, port), look)
    if again is None or not again.ok:
        return replace(report, unasked="the port did not answer a second time")
    return replace(report, untrusted=why)
