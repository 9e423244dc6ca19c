"""Health probes over any byte stream: HTTP/1.1 through h11, datastore answers, open ports."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import h11

from iamops import __version__
from iamops.accesslog.count import PROBE_AGENT
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.foreign import json_of
from iamops.model.profile import DatastoreKind
from iamops.nodes.probes.tls import CaUnreadable, NoTls, TlsStream, Trust, checking, refusal, unchecked
from iamops.nodes.transport import ByteStream, Clock, CommandFailed, CommandTimeout, ConnectFailed, Transport
from iamops.parse import answers
from iamops.parse.answers import Greeting
from iamops.redact.clean import clean_bytes, clean_text

MAX_BODY = 64 * 1024
# All of an answer: head, interim answers (RFC 9110 section 15.2), of which no good one has many, and body.
ANSWER_BYTES = 256 * 1024
INTERIM_MOST = 10
READ_BYTES = 16 * 1024
USER_AGENT = f"{PROBE_AGENT}/{__version__}"
PROBE_TIMEOUT_S = 1.5
ALIVE_TIMEOUT_S = 1.0
Dialogue = Callable[[ByteStream], Awaitable[ProbeReport]]
CLOSED = ProbeReport(ProbeOutcome.CLOSED, detail="closed without an answer")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """GET `path` with this Host header."""

    host: str
    path: str


async def ask(stream: ByteStream, question: HttpRequest, clock: Clock) -> ProbeReport:
    """Sends one GET and judges the answer. The caller bounds the time, closes the stream and takes its errors.

    Healthy is: status 200-399 and, where the body is JSON with a `status`, that status is "ok".
    """
    started = clock()
    answer = HttpResponse(question)
    await stream.write(answer.request)
    while True:
        chunk = await stream.read(READ_BYTES)
        report = answer.add(chunk, (clock() - started) * 1000)
        if report is not None:
            return report
        # What has arrived already is read without waiting: other tasks have their turn.
        await asyncio.sleep(0)


class HttpResponse:
    """One answer as its bytes arrive: the same reading and the same bounds for every caller. Does no I/O."""

    def __init__(self, question: HttpRequest) -> None:
        self._dialogue = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_BODY)
        self._response: h11.Response | None = None
        self._body = b""
        self._size = self._interim = 0
        headers = [("Host", question.host), ("User-Agent", USER_AGENT), ("Connection", "close")]
        request = h11.Request(method="GET", target=question.path, headers=headers)
        self.request = (self._dialogue.send(request) or b"") + (self._dialogue.send(h11.EndOfMessage()) or b"")

    def add(self, chunk: bytes, after_ms: float) -> ProbeReport | None:
        """Takes the next bytes, none at the end. Judges the answer; None while it is not complete."""
        self._size += len(chunk)
        if not chunk and not self._size:
            return CLOSED
        if self._size > ANSWER_BYTES:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=f"more than {ANSWER_BYTES >> 10} KiB of an answer")
        try:
            self._dialogue.receive_data(chunk)
            complete = self._read_events()
        except h11.RemoteProtocolError as error:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=f"not HTTP: {clean_text(str(error), 120)}")
        if self._interim > INTERIM_MOST:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail="says `100 Continue` without end")
        if self._response is None or not complete:
            return None
        return judged(self._response.status_code, self._response.headers, self._body, after_ms)

    def _read_events(self) -> bool:
        """Reads what there is; True at the end of the answer, or of as much of it as is kept."""
        while len(self._body) < MAX_BODY:
            event = self._dialogue.next_event()
            if event is h11.NEED_DATA:
                return False
            if isinstance(event, h11.Response):
                self._response = event
            elif isinstance(event, h11.InformationalResponse):
                self._interim += 1
                if self._interim > INTERIM_MOST:
                    return False
            elif isinstance(event, h11.Data):
                self._body += bytes(event.data)
            elif self._response is None:
                raise h11.RemoteProtocolError("no status line")
            else:
                return True
        return True


def judged(
    status: int, headers: h11._headers.Headers | list[tuple[bytes, bytes]], body: bytes, latency_ms: float
) -> ProbeReport:
    """A complete answer as a report."""
    named = dict(headers)
    served_by = named.get(b"x-served-by")
    problem = _problem(status, named.get(b"content-type", b""), body)
    return ProbeReport(
        outcome=ProbeOutcome.BAD_ANSWER if problem else ProbeOutcome.OK,
        latency_ms=round(latency_ms, 2),
        status=status,
        detail=problem,
        answered_by=clean_bytes(served_by, 80) if served_by else None,
    )


def _problem(status: int, content_type: bytes, body: bytes) -> str:
    if not 200 <= status < 400:
        return f"HTTP {status}"
    if b"json" not in content_type:
        return ""
    try:
        document = json_of(body)
    except ValueError:
        return "HTTP 200, but the body is not JSON"
    own_status = document.get("status") if isinstance(document, dict) else None
    return "" if own_status in (None, "ok") else f"says status {clean_text(str(own_status), 60)!r}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint of a probe, as seen from the node it is made from."""

    host: str
    port: int


async def probe_http(
    transport: Transport, door: Endpoint, question: HttpRequest, clock: Clock, trust: Trust | None = None
) -> ProbeReport | None:
    """One HTTP probe from the node, over TLS with `trust`. None: nothing is known, the link is silent."""

    async def dialogue(stream: ByteStream) -> ProbeReport:
        if trust is None:
            return await ask(stream, question, clock)
        # Without a CA neither the issuer of the certificate nor its name is checked.
        ca = trust.ca
        try:
            context = checking(ca, name=trust.name is not None) if ca is not None else unchecked()
            tls = TlsStream(stream, context, trust.name if ca is not None else None)
            await tls.handshake()
        except (NoTls, CaUnreadable) as failure:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=f"no TLS: {failure}")
        except ssl.SSLCertVerificationError as error:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=f"its certificate is refused: {refusal(error)}")
        return await ask(tls, question, clock)

    return await probe_stream(transport, door, dialogue)


async def probe_datastore(
    transport: Transport, door: Endpoint, kind: DatastoreKind, clock: Clock
) -> ProbeReport | None:
    """One greeting from the node. None: nothing is known, the link is silent."""
    greet = {
        DatastoreKind.MARIADB: _greet_mariadb,
        DatastoreKind.REDIS: _greet_redis,
        DatastoreKind.MONGODB: _greet_mongodb,
    }[kind]

    async def dialogue(stream: ByteStream) -> ProbeReport:
        started = clock()
        greeting = await greet(stream)
        return ProbeReport(greeting.outcome, round((clock() - started) * 1000, 2), detail=greeting.detail)

    return await probe_stream(transport, door, dialogue)


async def probe_port(transport: Transport, door: Endpoint, clock: Clock) -> ProbeReport | None:
    """Whether a connection is accepted; nothing is sent. None: the link is silent."""
    started = clock()

    async def dialogue(stream: ByteStream) -> ProbeReport:
        return ProbeReport(ProbeOutcome.OK, round((clock() - started) * 1000, 2))

    return await probe_stream(transport, door, dialogue)


async def probe_stream(transport: Transport, door: Endpoint, dialogue: Dialogue) -> ProbeReport | None:
    """A dialogue with what listens there, or why there was none. None: the link is silent."""
    try:
        stream = await transport.open_tcp(door.host, door.port, timeout_s=PROBE_TIMEOUT_S)
    except ConnectFailed as failure:
        outcome = ProbeOutcome.REFUSED if failure.refused else ProbeOutcome.NO_ROUTE
        return ProbeReport(outcome, detail=failure.reason)
    except CommandTimeout:
        return await _timed_out(transport, f"no connection within {PROBE_TIMEOUT_S} s", accepted=False)
    except CommandFailed:
        return None  # the node opens no channel for us: nothing is known about the target
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await dialogue(stream)
    except TimeoutError:
        return await _timed_out(transport, f"accepts, but no answer within {PROBE_TIMEOUT_S} s", accepted=True)
    except (ConnectionError, asyncio.IncompleteReadError):
        return CLOSED
    finally:
        stream.close()


async def _timed_out(transport: Transport, detail: str, *, accepted: bool) -> ProbeReport | None:
    """A silent target and a silent link look alike; only a living link makes it the target's fault."""
    try:
        await transport.run(["true"], timeout_s=ALIVE_TIMEOUT_S)
    except CommandFailed:
        return None
    return ProbeReport(ProbeOutcome.TIMEOUT, detail=detail, accepted=accepted)


async def _greet_mariadb(stream: ByteStream) -> Greeting:
    size = answers.mariadb_packet_size(await _exactly(stream, 4))
    greeting = answers.mariadb_greeting(await _exactly(stream, min(size, 4096)))
    if greeting.outcome is ProbeOutcome.OK:
        await stream.write(answers.mariadb_quit())
        await stream.read(512)
    return greeting


async def _greet_redis(stream: ByteStream) -> Greeting:
    await stream.write(answers.REDIS_PING)
    return answers.redis_answer(await stream.read(512))


async def _greet_mongodb(stream: ByteStream) -> Greeting:
    await stream.write(answers.mongodb_hello())
    header = await _exactly(stream, 16)
    size = int.from_bytes(header[:4], "little")
    if not 16 <= size <= 65536:
        return Greeting(ProbeOutcome.BAD_ANSWER, "not a MongoDB answer")
    return answers.mongodb_answer(header + await _exactly(stream, size - 16))


async def _exactly(stream: ByteStream, size: int) -> bytes:
    received = b""
    while len(received) < size:
        chunk = await stream.read(size - len(received))
        if not chunk:
            raise asyncio.IncompleteReadError(received, size)
        received += chunk
    return received
