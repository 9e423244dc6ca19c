"""Health probes made from a node: HTTP and datastore greetings over TCP channels."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from console.model.facts import ProbeOutcome, ProbeReport
from console.model.profile import DatastoreKind
from console.nodes.http import HttpQuestion, ask
from console.nodes.tls import CaUnreadable, NoTls, TlsStream, Trust, checking, refusal, unchecked
from console.nodes.transport import (
    ByteStream,
    CommandFailed,
    CommandTimeout,
    ConnectFailed,
    Transport,
)
from console.parse import greetings
from console.parse.greetings import Greeting

PROBE_TIMEOUT_S = 1.5
ALIVE_TIMEOUT_S = 1.0

Dialogue = Callable[[ByteStream], Awaitable[ProbeReport]]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Door:
    """Where a probe knocks, as seen from the node it is made from."""

    host: str
    port: int


async def probe_http(
    transport: Transport, door: Door, question: HttpQuestion, clock: Clock, trust: Trust | None = None
) -> ProbeReport | None:
    """One HTTP probe from the node, over TLS with `trust`. None: nothing can be said, the link is silent."""

    async def dialogue(stream: ByteStream) -> ProbeReport:
        if trust is None:
            return await ask(stream, question, clock)
        try:
            tls = await _inside_tls(stream, trust)
        except (NoTls, CaUnreadable) as failure:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=f"no TLS: {failure}")
        except ssl.SSLCertVerificationError as error:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=f"its certificate is refused: {refusal(error)}")
        return await ask(tls, question, clock)

    return await probe_stream(transport, door, dialogue)


async def _inside_tls(stream: ByteStream, trust: Trust) -> TlsStream:
    """Without a CA nobody is asked who has issued the certificate, nor for whom."""
    checked = trust.ca is not None
    context = checking(trust.ca, name=trust.name is not None) if trust.ca is not None else unchecked()
    tls = TlsStream(stream, context, trust.name if checked else None)
    await tls.handshake()
    return tls


async def probe_datastore(
    transport: Transport, door: Door, kind: DatastoreKind, clock: Clock
) -> ProbeReport | None:
    """One greeting from the node. None: nothing can be said, because the link itself is silent."""
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


async def probe_port(transport: Transport, door: Door, clock: Clock) -> ProbeReport | None:
    """Whether a connection is taken; nothing is sent. None: the link itself is silent."""
    started = clock()

    async def dialogue(stream: ByteStream) -> ProbeReport:
        return ProbeReport(ProbeOutcome.OK, round((clock() - started) * 1000, 2))

    return await probe_stream(transport, door, dialogue)


async def probe_stream(transport: Transport, door: Door, dialogue: Dialogue) -> ProbeReport | None:
    """A dialogue with what listens there, and what stood in its way. None: the link itself is silent."""
    try:
        stream = await transport.open_tcp(door.host, door.port, timeout_s=PROBE_TIMEOUT_S)
    except ConnectFailed as failure:
        outcome = ProbeOutcome.REFUSED if failure.refused else ProbeOutcome.NO_ROUTE
        return ProbeReport(outcome, detail=failure.reason)
    except CommandTimeout:
        return await _timed_out(transport, f"no connection within {PROBE_TIMEOUT_S} s", accepted=False)
    except CommandFailed:
        return None  # the node opens no channel for us: that says nothing about the target
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await dialogue(stream)
    except TimeoutError:
        return await _timed_out(transport, f"accepts, but no answer within {PROBE_TIMEOUT_S} s", accepted=True)
    except (ConnectionError, asyncio.IncompleteReadError):
        return ProbeReport(ProbeOutcome.CLOSED, detail="closed without an answer")
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
    size = greetings.mariadb_packet_size(await _exactly(stream, 4))
    greeting = greetings.mariadb_greeting(await _exactly(stream, min(size, 4096)))
    if greeting.outcome is ProbeOutcome.OK:
        await stream.write(greetings.mariadb_farewell())
        await stream.read(512)
    return greeting


async def _greet_redis(stream: ByteStream) -> Greeting:
    await stream.write(greetings.REDIS_PING)
    return greetings.redis_answer(await stream.read(512))


async def _greet_mongodb(stream: ByteStream) -> Greeting:
    await stream.write(greetings.mongodb_hello())
    header = await _exactly(stream, 16)
    size = int.from_bytes(header[:4], "little")
    if not 16 <= size <= 65536:
        return Greeting(ProbeOutcome.BAD_ANSWER, "not a MongoDB answer")
    return greetings.mongodb_answer(header + await _exactly(stream, size - 16))


async def _exactly(stream: ByteStream, size: int) -> bytes:
    received = b""
    while len(received) < size:
        chunk = await stream.read(size - len(received))
        if not chunk:
            raise asyncio.IncompleteReadError(received, size)
        received += chunk
    return received
