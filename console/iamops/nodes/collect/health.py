"""Health: nginx and the services over HTTP, from the node and from its peers; the datastores; certificates.

The pace decides how often: while all is well all watchers together ask as often as one.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from iamops.model.events import DatastoreProbed, HttpProbed, PortProbed, Target, TlsProbed
from iamops.model.facts import ProbeOutcome, ProbeReport, TlsReport
from iamops.model.observed import Unknown
from iamops.model.profile import Datastore, Service
from iamops.nodes.collect.context import CollectorContext, paced
from iamops.nodes.pace import CERTIFICATES, HTTP, STORES, Beat, peers_beat
from iamops.nodes.probes.http import Endpoint, HttpRequest, probe_datastore, probe_http, probe_port, probe_stream
from iamops.nodes.probes.tls import CaUnreadable, NoTls, TlsStream, Trust, checking, refusal, unchecked
from iamops.nodes.transport import ByteStream, TransportError
from iamops.redact.clean import fault_of_ours

R = TypeVar("R")

LOCALHOST = "127.0.0.1"
# OpenSSL's X509_V_ERR_ codes.
CERT_NOT_YET_VALID, CERT_HAS_EXPIRED = 9, 10


Probes = Callable[[float], Iterator[Coroutine[Any, Any, None]]]


async def http(ctx: CollectorContext) -> None:
    """nginx per domain, and each service at its own port, from the node itself."""
    services = ctx.profile.services.values()

    def probes(every_s: float) -> Iterator[Coroutine[Any, Any, None]]:
        for service in services:
            if service.runs_on(ctx.node):
                yield _service(ctx, service, ctx.node, LOCALHOST, every_s)
        for service in services:
            if service.domain:
                yield _domain(ctx, service, service.domain, every_s)

    await _side_by_side(ctx, HTTP, probes, ctx.health_changed)


async def peers(ctx: CollectorContext) -> None:
    """Every other node's services as they look from here."""
    others = ctx.profile.peers_of(ctx.node)

    def probes(every_s: float) -> Iterator[Coroutine[Any, Any, None]]:
        for peer in others:
            for service in ctx.profile.services.values():
                if service.runs_on(peer.name):
                    yield _service(ctx, service, peer.name, peer.address, every_s)

    await _side_by_side(ctx, peers_beat(len(others)), probes, ctx.peers_changed)


async def stores(ctx: CollectorContext) -> None:
    """The datastores as they look from here, and ports that services here need."""

    def probes(every_s: float) -> Iterator[Coroutine[Any, Any, None]]:
        for store in ctx.profile.datastores.values():
            yield _datastore(ctx, store, every_s)
        for port in ctx.profile.needed_ports_on(ctx.node):
            yield _port(ctx, port, every_s)

    await _side_by_side(ctx, STORES, probes, ctx.stores_changed)


async def _side_by_side(ctx: CollectorContext, beat: Beat, probes: Probes, early: asyncio.Event) -> None:
    async def probe_all(every_s: float) -> None:
        async with asyncio.TaskGroup() as group:
            for probe in probes(every_s):
                group.create_task(probe)

    await paced(ctx, beat, probe_all, early=early)


async def _service(ctx: CollectorContext, service: Service, target: str, host: str, every_s: float) -> None:
    question = HttpRequest(f"{host}:{service.port}", service.health)
    tls = ctx.profile.tls
    trust = None if service.scheme == "http" else Trust(tls.ca, ctx.profile.tls_name_of(service))
    report = await contained(probe_http(ctx.transport, Endpoint(host, service.port), question, ctx.clock, trust))
    if report is not None:
        at = ctx.clock()
        ctx.emit(HttpProbed(at, target, ctx.node, Target.SERVICE, service.name, report, every_s))


async def _domain(ctx: CollectorContext, service: Service, domain: str, every_s: float) -> None:
    question = HttpRequest(domain, service.health)
    door = Endpoint(LOCALHOST, ctx.profile.nginx.port)
    report = await contained(probe_http(ctx.transport, door, question, ctx.clock))
    if report is not None:
        if isinstance(report, ProbeReport) and report.status is not None:
            ctx.served_at = time.monotonic()
        ctx.emit(HttpProbed(ctx.clock(), ctx.node, ctx.node, Target.DOMAIN, domain, report, every_s))


async def _datastore(ctx: CollectorContext, store: Datastore, every_s: float) -> None:
    # On its own node a datastore is asked where IAM asks it: at loopback, as the seed deploys it.
    host = LOCALHOST if store.node == ctx.node else ctx.profile.nodes[store.node].address
    report = await contained(probe_datastore(ctx.transport, Endpoint(host, store.port), store.kind, ctx.clock))
    if report is not None:
        ctx.emit(DatastoreProbed(ctx.clock(), ctx.node, store.name, report, every_s))


async def _port(ctx: CollectorContext, port: int, every_s: float) -> None:
    report = await contained(probe_port(ctx.transport, Endpoint(LOCALHOST, port), ctx.clock))
    if report is not None:
        ctx.emit(PortProbed(ctx.clock(), ctx.node, port, report, every_s))


async def contained(probe: Awaitable[R | Unknown | None]) -> R | Unknown | None:
    """An error in one probe costs its own value only: the others go on."""
    try:
        return await probe
    except TransportError:
        raise
    except Exception as error:
        return Unknown(fault_of_ours(error))


async def certificates(ctx: CollectorContext) -> None:
    """The certificates that the node's services show on their TLS ports, gRPC's among them."""
    ports = ctx.profile.tls_ports_on(ctx.node)
    if ports:
        await _side_by_side(
            ctx,
            CERTIFICATES,
            lambda every_s: (_tls_port(ctx, port, service, every_s) for port, service in ports.items()),
            ctx.certificates_changed,
        )


async def _tls_port(ctx: CollectorContext, port: int, service: Service, every_s: float) -> None:
    report = await contained(_certificate(ctx, port, service))
    if report is not None:
        ctx.emit(TlsProbed(ctx.clock(), ctx.node, port, report, every_s))


async def _certificate(ctx: CollectorContext, port: int, service: Service) -> TlsReport | Unknown | None:
    """Two handshakes: one that takes any certificate, to read it, and one that the CA has to vouch for."""
    # Loaded only where there are certificates to read.
    from iamops.parse.answers import CertificateUnreadable, certificate_of

    name, der = ctx.profile.tls_name_of(service), b""

    async def dialogue(stream: ByteStream) -> ProbeReport:
        nonlocal der
        started = ctx.clock()
        try:
            tls = TlsStream(stream, unchecked(), name)
            await tls.handshake()
        except NoTls as failure:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=f"no TLS: {failure}")
        der = tls.certificate()
        return ProbeReport(ProbeOutcome.OK, round((ctx.clock() - started) * 1000, 2))

    probe = await probe_stream(ctx.transport, Endpoint(LOCALHOST, port), dialogue)
    if probe is None:
        return None
    if not probe.ok:
        return TlsReport(probe)
    try:
        report = TlsReport(probe, certificate_of(der))
    except CertificateUnreadable as unreadable:
        return TlsReport(replace(probe, outcome=ProbeOutcome.BAD_ANSWER, detail=str(unreadable)))
    return await _verified(ctx, port, report)


async def _verified(ctx: CollectorContext, port: int, report: TlsReport) -> TlsReport:
    ca, refused = ctx.profile.tls.ca, ""
    if ca is None:
        return replace(report, unasked="the profile names no CA (tls: {ca: FILE})")
    try:
        context = checking(ca, name=False)
    except CaUnreadable as unreadable:
        return replace(report, unasked=f"the profile's CA cannot be read: {unreadable}")

    async def dialogue(stream: ByteStream) -> ProbeReport:
        nonlocal refused
        try:
            await TlsStream(stream, context, None).handshake()
        except NoTls as failure:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=str(failure))
        except ssl.SSLCertVerificationError as error:
            # Certificates that are out of date are a finding of their own: the chain is checked all the same.
            refused = "" if error.verify_code in (CERT_NOT_YET_VALID, CERT_HAS_EXPIRED) else refusal(error)
        return report.probe

    again = await probe_stream(ctx.transport, Endpoint(LOCALHOST, port), dialogue)
    if again is None or not again.ok:
        return replace(report, unasked="the port did not answer a second time")
    return replace(report, untrusted=refused)
