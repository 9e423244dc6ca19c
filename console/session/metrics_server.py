"""Serves the metrics page over HTTP/1.1, on this machine's loopback and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import h11

from console import __version__
from console.parse.words import words
from console.session.metrics_hosts import Hosts
from console.session.metrics_page import Look, MetricsPage

SLOW_CLIENT_S = 5.0
REFUSED_READS_S = 0.2
MAX_CONNECTIONS = 16
MAX_HEAD = 16 * 1024
TEXT = "text/plain; charset=utf-8"
METHODS = (b"GET", b"HEAD")
NOT_HERE = "this page is for the names of this machine, with its port; --metrics-host adds others"


class MetricsRefused(Exception):
    """The page cannot be served there; the message says why and what to do instead."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, whole."""

    status: int
    kind: str
    body: bytes
    allow: bool = False

    @classmethod
    def of(cls, status: int, text: str) -> Answer:
        return cls(status, TEXT, f"{text}\n".encode(), allow=status == 405)


class MetricsServer:
    """GET /metrics and GET /healthz. One request on a connection, so that a slow client costs one place."""

    def __init__(self, look: Look, *, named: Sequence[str] = (), patience_s: float = SLOW_CLIENT_S) -> None:
        """`named`: hosts that it answers for beside this machine's own names, as a proxy before it passes them."""
        self._page = MetricsPage(look)
        self._named = named
        self._hosts = Hosts(0, named)
        self._patience_s = patience_s
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listens; returns the address and port. Port 0 takes a free one. Raises MetricsRefused."""
        address = loopback(host)
        try:
            self._server = await asyncio.start_server(self._serve, address, port, limit=MAX_HEAD)
        except OverflowError:
            raise MetricsRefused(f"{port} is no port: expected 0 to 65535") from None
        except OSError as error:
            raise MetricsRefused(_why_not(address, port, error)) from error
        taken: int = self._server.sockets[0].getsockname()[1]
        self._hosts = Hosts(taken, self._named)
        return address, taken

    async def stop(self) -> None:
        """Listens no more, and ends what is still open."""
        if self._server is None:
            return
        self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this as a task
        self._open.add(task)
        # Only what the kernel has taken counts as sent: see _hang_up.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(self._patience_s):
                    await self._converse(reader, writer)
        finally:
            self._open.discard(task)
            _hang_up(writer)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialogue = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        if len(self._open) > MAX_CONNECTIONS:
            # What is left unread when it is closed would take the answer away from who waits for it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFUSED_READS_S):
                    await reader.read(MAX_HEAD)
            await _send(dialogue, writer, Answer.of(503, f"more than {MAX_CONNECTIONS} connections"), head=False)
            return
        try:
            request = await _request(dialogue, reader)
        except h11.RemoteProtocolError as error:
            await _send(dialogue, writer, Answer.of(400, f"bad request: {words(str(error), 120)}"), head=False)
            return
        if request is not None:
            await _send(dialogue, writer, self._answer(request), head=request.method == b"HEAD")

    def _answer(self, request: h11.Request) -> Answer:
        path = self._hosts.asked(request)
        if path is None:
            return Answer.of(421, NOT_HERE)
        if path not in (b"/metrics", b"/healthz"):
            return Answer.of(404, "here are /metrics and /healthz")
        if request.method not in METHODS:
            return Answer.of(405, "only GET and HEAD")
        # The edge: whatever keeps the page from being made must not end the process that watches.
        try:
            return self._metrics(request) if path == b"/metrics" else self._health()
        except Exception as error:
            return Answer.of(500, f"the page could not be made: {type(error).__name__}")

    def _metrics(self, request: h11.Request) -> Answer:
        accept = b",".join(value for name, value in request.headers if name == b"accept")
        kind, body = self._page.page(accept.decode("latin-1"))
        return Answer(200, kind, body)

    def _health(self) -> Answer:
        live, text = self._page.health()
        return Answer.of(200 if live else 503, text)


def loopback(host: str) -> str:
    """The address to listen on. Raises MetricsRefused for any but this machine's own.

    A name other than localhost is not looked up: what it means may change.
    """
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise MetricsRefused(f"{words(host, 80)!r} is no address: expected 127.0.0.1:PORT") from None
    if not address.is_loopback:
        raise MetricsRefused(
            f"{address} is not a loopback address: the page names your nodes and has neither password nor TLS. "
            "Listen on 127.0.0.1, and put a proxy with TLS or an SSH tunnel (ssh -L) in front of it"
        )
    return str(address)


def _why_not(address: str, port: int, error: OSError) -> str:
    place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"{place} is taken by another program (ss -ltnp shows which): choose another port"
    if error.errno == errno.EACCES:
        return f"{place} may not be opened by this user: choose a port above 1023"
    return f"{place} cannot be opened: {error.strerror or error}"


async def _request(dialogue: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """The request's head; None if there was none. What a body might say is never read."""
    while True:
        event = dialogue.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        dialogue.receive_data(await reader.read(MAX_HEAD))


async def _send(dialogue: h11.Connection, writer: asyncio.StreamWriter, answer: Answer, *, head: bool) -> None:
    headers = [
        ("Content-Type", answer.kind),
        ("Content-Length", str(len(answer.body))),
        ("Server", f"iamops/{__version__}"),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
    ]
    headers += [("Allow", "GET, HEAD")] if answer.allow else []
    reason = HTTPStatus(answer.status).phrase.encode()
    response = h11.Response(status_code=answer.status, headers=headers, reason=reason)
    writer.write(dialogue.send(response) or b"")
    if not head:
        writer.write(dialogue.send(h11.Data(data=answer.body)) or b"")
    await writer.drain()


def _hang_up(writer: asyncio.StreamWriter) -> None:
    """What a client did not take in time is dropped: closing politely would wait for it."""
    if writer.transport.get_write_buffer_size():
        writer.transport.abort()
    else:
        writer.close()
