"""Health over TLS, and the certificates that a node's services show."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from iamops.lab import keys as issuing
from iamops.lab.keys import CertificateFault
from iamops.lab.place import LabPaths
from iamops.model.events import Event, TlsProbed
from iamops.model.facts import ProbeOutcome, TlsReport
from iamops.model.profile import Profile
from iamops.nodes.collect.context import CollectorContext
from iamops.nodes.collect.health import certificates
from iamops.nodes.probes.http import Endpoint, HttpRequest, probe_http
from iamops.nodes.probes.tls import Trust
from iamops.nodes.transport import CommandResult
from tests.support.profiles import pair

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"ok"}'

NAME = "iam.api.marmotedu.com"


class Opened:
    """A ByteStream over asyncio's own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def read(self, limit: int) -> bytes:
        return await self.reader.read(limit)

    async def write(self, chunk: bytes) -> None:
        self.writer.write(chunk)
        await self.writer.drain()

    def close(self) -> None:
        self.writer.close()


class Here:
    node = "iam-a"

    async def open_tcp(self, host: str, port: int, *, timeout_s: float) -> Opened:
        return Opened(*await asyncio.open_connection(host, port))

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        return CommandResult(tuple(argv), 0, b"", b"")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> LabPaths:
    return LabPaths(state=tmp_path_factory.mktemp("lab"))


def context(place: LabPaths, kind: CertificateFault) -> ssl.SSLContext:
    papers = issuing.issue(place, pair(), pair().nodes["iam-a"], kind)
    both = place.state / f"{kind}.both"
    both.write_text(papers.certificate + papers.key)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(both)
    return made


@asynccontextmanager
async def serving(secure: ssl.SSLContext | None, said: bytes = OK) -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(4096):
            writer.write(said)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=secure)
    async with server:
        yield server.sockets[0].getsockname()[1]


def profile(port: int, ca: Path | None) -> Profile:
    raw = pair().model_dump(mode="json")
    raw["services"]["iam-apiserver"]["tls_ports"] = [port]
    raw["tls"] = {"ca": str(ca)} if ca is not None else {}
    return Profile.model_validate(raw)


async def looked(port: int, ca: Path | None) -> TlsReport:
    events: list[Event] = []
    watch = CollectorContext(Here(), profile(port, ca), events.append, lambda: 100.0)
    task = asyncio.create_task(certificates(watch))
    async with asyncio.timeout(5):
        while not events:  # noqa: ASYNC110 - one event is the claim
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (event,) = events
    assert isinstance(event, TlsProbed)
    assert isinstance(event.report, TlsReport)
    return event.report


async def test_a_certificate_is_read_and_its_issuer_is_checked(place):
    issuing.ca_of(place)
    expected = {
        CertificateFault.GOOD: (True, True),
        CertificateFault.EXPIRED: (True, True),
        CertificateFault.STRANGE_NAME: (False, True),
        CertificateFault.STRANGE_CA: (True, False),
    }
    for kind, (is_for, trusted) in expected.items():
        async with serving(context(place, kind)) as port:
            report = await looked(port, place.ca)
        assert report.certificate is not None, kind
        assert (report.certificate.is_for(NAME), not report.untrusted) == (is_for, trusted), report
        assert report.unasked == ""


async def test_without_a_ca_nobody_is_asked_and_that_is_said(place):
    async with serving(context(place, CertificateFault.STRANGE_CA)) as port:
        assert "names no CA" in (await looked(port, None)).unasked
        unread = await looked(port, place.state / "missing.pem")
    assert "missing.pem: No such file" in unread.unasked
    assert unread.certificate is not None


async def test_a_port_that_speaks_no_tls_shows_no_certificate(place):
    async with serving(None) as port:
        report = await looked(port, place.ca)
    assert report.certificate is None
    assert report.probe.detail.startswith("no TLS: ")


async def test_health_over_tls_is_asked_with_the_name_and_ca_of_the_profile(place):
    issuing.ca_of(place)
    asked = HttpRequest(NAME, "/healthz")
    for kind, trust, outcome, says in (
        (CertificateFault.GOOD, Trust(str(place.ca), NAME), ProbeOutcome.OK, ""),
        (CertificateFault.EXPIRED, Trust(str(place.ca), NAME), ProbeOutcome.BAD_ANSWER, "certificate has expired"),
        (CertificateFault.STRANGE_NAME, Trust(str(place.ca), NAME), ProbeOutcome.BAD_ANSWER, "Hostname mismatch"),
        (CertificateFault.STRANGE_NAME, Trust(str(place.ca)), ProbeOutcome.OK, ""),
        (
            CertificateFault.STRANGE_CA,
            Trust(str(place.ca), NAME),
            ProbeOutcome.BAD_ANSWER,
            "its certificate is refused",
        ),
        (CertificateFault.STRANGE_CA, Trust(), ProbeOutcome.OK, ""),
    ):
        async with serving(context(place, kind)) as port:
            report = await probe_http(Here(), Endpoint("127.0.0.1", port), asked, lambda: 1.0, trust)
        assert report is not None
        assert report.outcome is outcome, (kind, report)
        assert says in report.detail
    async with serving(None, b"220 mail\r\n") as port:
        report = await probe_http(Here(), Endpoint("127.0.0.1", port), asked, lambda: 1.0, Trust())
    assert report is not None
    assert report.detail.startswith("no TLS: ")
