"""Serves the metrics page over HTTP/1.1, on this machine's loopback and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import h11
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from iamops import __version__
from iamops.judge.findings import Finding
from iamops.model.observed import Freshness
from iamops.model.state import ClusterState
from iamops.redact.clean import clean_text
from iamops.report.metrics import CLASSIC, OPENMETRICS, MetricKind, classic, families, openmetrics

# RFC 9110, 7.2: a name or an address, and a port. Nothing that a user or a path could hide in.
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]{2,45}\]|[0-9a-z._-]{1,253})(?::(?P<port>[0-9]{1,5}))?")
_ABSOLUTE = re.compile(rb"(?i:https?)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
HTTP_PORT = 80
SLOW_CLIENT_S = 5.0
REFUSED_READS_S = 0.2
MAX_CONNECTIONS = 16
MAX_HEAD = 16 * 1024
TEXT = "text/plain; charset=utf-8"
NOT_HERE = "this page is for the names of this machine, with its port; --metrics-host adds others"

Snapshot = Callable[[], tuple[ClusterState, Iterable[Finding], float]]
"""The state, what the rules say of it, and the time."""


class Hosts:
    """This machine's loopback names with the page's own port, and what the operator named. A browser sends the
    name that it was given: one that DNS made to mean this machine (rebinding) is none of them.
    """

    def __init__(self, port: int, named: Iterable[str] = ()) -> None:
        """`named`: NAME for any port, NAME:PORT for that one."""
        self._port = port
        self._named = frozenset(name.lower() for name in named)

    def asked(self, request: h11.Request) -> bytes | None:
        """The path, if the request is for one of these hosts; None if not, or if it does not say."""
        hosts = [value for name, value in request.headers if name == b"host"]
        absolute = _ABSOLUTE.fullmatch(request.target)
        if absolute is not None:
            hosts.append(absolute["authority"])
        if not hosts or not all(map(self._is_ours, hosts)):
            return None
        target = request.target if absolute is None else absolute["rest"]
        return target.split(b"?", 1)[0]

    def _is_ours(self, authority: bytes) -> bool:
        match = _AUTHORITY.fullmatch(authority.decode("latin-1").lower())
        if match is None:
            return False
        host = match["host"]
        if host in self._named or match[0] in self._named:
            return True
        try:
            is_loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
        except ValueError:
            is_loopback = host == "localhost"
        return is_loopback and int(match["port"] or HTTP_PORT) == self._port


class Ratchet:
    """Keeps counters from going backwards: one that begins anew goes on from where it was.

    A node's count starts over when its log is read from the beginning; a rate that is computed from it must
    not see a fall.
    """

    def __init__(self) -> None:
        self._before: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self._base: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def steady(self, families: Iterable[Metric]) -> Iterable[Metric]:
        for family in families:
            if family.type == MetricKind.COUNTER:
                family.samples = [self._risen(sample) for sample in family.samples]
            yield family

    def _risen(self, sample: Sample) -> Sample:
        key = (sample.name, tuple(sample.labels.items()))
        before = self._before.get(key, 0.0)
        if sample.value < before:
            self._base[key] = self._base.get(key, 0.0) + before
        self._before[key] = sample.value
        return sample._replace(value=self._base.get(key, 0.0) + sample.value)


class MetricsPage:
    """Renders the page whenever it is asked for; between two times nothing is computed."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._ratchet = Ratchet()

    def page(self, accept: str = "") -> tuple[str, bytes]:
        """Content type and body, in the format the reader prefers."""
        found = self._ratchet.steady(families(*self._snapshot()))
        if wants_classic(accept):
            return CLASSIC, classic(found).encode()
        return OPENMETRICS, openmetrics(found).encode()

    def health(self) -> tuple[bool, str]:
        """Whether any node is heard at all, in words too."""
        state, _, now = self._snapshot()
        live = [node.name for node in state.nodes.values() if node.freshness(now) is Freshness.LIVE]
        return bool(live), f"live: {', '.join(live)}" if live else "no node is heard"


def wants_classic(accept: str) -> bool:
    """Whether an Accept header prefers the older format; OpenMetrics where it says nothing of either.

    Several entries of one type differ in parameters: the best counts.
    """
    weights: dict[str, float] = {}
    for entry in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        weight = next((_weight(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        weights[kind] = max(weight, weights.get(kind, 0.0))

    def weight_of(*names: str) -> float:
        """The most specific entry counts (RFC 9110 section 12.5.1)."""
        return next((weights[name] for name in (*names, "*/*") if name in weights), 0.0)

    return weight_of("text/plain", "text/*") > weight_of("application/openmetrics-text", "application/*")


def _weight(text: str) -> float:
    """A weight that is none makes the entry worthless."""
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0


class MetricsRefused(Exception):
    """The page cannot be served there; the message says why and what to do instead."""


@dataclass(frozen=True, slots=True)
class PageResponse:
    status: int
    kind: str
    body: bytes

    @classmethod
    def of(cls, status: int, text: str) -> PageResponse:
        return cls(status, TEXT, f"{text}\n".encode())


class MetricsServer:
    """GET /metrics and GET /healthz. One request on a connection, so that a slow client costs one place."""

    def __init__(
        self, snapshot: Snapshot, *, named: Sequence[str] = (), patience_s: float = SLOW_CLIENT_S
    ) -> None:
        """`named`: hosts that it answers for beside this machine's own names, as a proxy before it passes them."""
        self._page = MetricsPage(snapshot)
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
        # Only what the kernel has taken counts as sent: see below.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(self._patience_s):
                    await self._converse(reader, writer)
        finally:
            self._open.discard(task)
            # What a client did not take in time is dropped: closing politely would wait for it.
            if writer.transport.get_write_buffer_size():
                writer.transport.abort()
            else:
                writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialogue = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        head = False
        try:
            if len(self._open) > MAX_CONNECTIONS:
                # What is left unread when it is closed would take the answer away from the client.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REFUSED_READS_S):
                        await reader.read(MAX_HEAD)
                answer = PageResponse.of(503, f"more than {MAX_CONNECTIONS} connections")
            elif (request := await _request(dialogue, reader)) is None:
                return
            else:
                head = request.method == b"HEAD"
                answer = self._answer(request)
        except h11.RemoteProtocolError as error:
            answer = PageResponse.of(400, f"bad request: {clean_text(str(error), 120)}")
        await _send(dialogue, writer, answer, head=head)

    def _answer(self, request: h11.Request) -> PageResponse:
        path = self._hosts.asked(request)
        if path is None:
            return PageResponse.of(421, NOT_HERE)
        if path not in (b"/metrics", b"/healthz"):
            return PageResponse.of(404, "here are /metrics and /healthz")
        if request.method not in (b"GET", b"HEAD"):
            return PageResponse.of(405, "only GET and HEAD")
        # The edge: whatever keeps the page from being made must not end the process that watches.
        try:
            if path == b"/healthz":
                live, text = self._page.health()
                return PageResponse.of(200 if live else 503, text)
            accept = b",".join(value for name, value in request.headers if name == b"accept")
            return PageResponse(200, *self._page.page(accept.decode("latin-1")))
        except Exception as error:
            return PageResponse.of(500, f"the page could not be made: {type(error).__name__}")


def loopback(host: str) -> str:
    """The address to listen on. Raises MetricsRefused for any but this machine's own.

    A name other than localhost is not looked up: what it means may change.
    """
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise MetricsRefused(f"{clean_text(host, 80)!r} is no address: expected 127.0.0.1:PORT") from None
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


async def _send(
    dialogue: h11.Connection, writer: asyncio.StreamWriter, answer: PageResponse, *, head: bool
) -> None:
    headers = [
        ("Content-Type", answer.kind),
        ("Content-Length", str(len(answer.body))),
        ("Server", f"iamops/{__version__}"),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
    ]
    headers += [("Allow", "GET, HEAD")] if answer.status == 405 else []
    reason = HTTPStatus(answer.status).phrase.encode()
    response = h11.Response(status_code=answer.status, headers=headers, reason=reason)
    writer.write(dialogue.send(response) or b"")
    if not head:
        writer.write(dialogue.send(h11.Data(data=answer.body)) or b"")
    await writer.drain()
