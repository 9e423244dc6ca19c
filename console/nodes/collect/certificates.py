"""The certificates that a node's services show on their TLS ports, gRPC's among them."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace

from console.model.certificate import TlsReport
from console.model.events import TlsProbed
from console.model.facts import ProbeOutcome, ProbeReport
from console.model.observed import Unknown
from console.model.profile import Service
from console.nodes.collect.health import LOCALHOST, asked
from console.nodes.pace import CERTIFICATES
from console.nodes.probes import Door, probe_stream
from console.nodes.tls import CaUnreadable, NoTls, TlsStream, checking, is_out_of_date, refusal, unchecked
from console.nodes.transport import ByteStream
from console.nodes.watch import Watch, paced

NO_CA = "the profile names no CA (tls: {ca: FILE})"


async def certificates(watch: Watch) -> None:
    ports = watch.profile.tls_ports_on(watch.node)
    if not ports:
        return

    async def look(every_s: float) -> None:
        async with asyncio.TaskGroup() as group:
            for port, service in ports.items():
                group.create_task(_port(watch, port, service, every_s))

    await paced(watch, CERTIFICATES, look, early=watch.certificates_changed)


async def _port(watch: Watch, port: int, service: Service, every_s: float) -> None:
    report = await asked(_looked_at(watch, port, service))
    if report is not None:
        watch.emit(TlsProbed(watch.clock(), watch.node, port, report, every_s))


async def _looked_at(watch: Watch, port: int, service: Service) -> TlsReport | Unknown | None:
    """Two handshakes: one that takes any certificate, to read it, and one that the CA has to vouch for."""
    # Reading certificates is loaded by those who have some.
    from console.parse.certificate import CertificateUnreadable, certificate_of

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


async def _vouched(watch: Watch, port: int, report: TlsReport) -> TlsReport:
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
