"""Serves the metrics page over HTTP/1.1, on this machine's loopback and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

import h11

from iamops import __version__
from iamops.judge.findings import Finding
from iamops.model.observed import Freshness
from iamops.model.state import ClusterState
from iamops.redact.clean import words
from iamops.report.metrics import CLASSIC, OPENMETRICS, MetricKind, Sample, classic, families, openmetrics

# Under which names the metrics page answers: a web page whose name leads to this machine reads nothing.

# RFC 9110, 7.2: a name or an address, and a port. Nothing that a user or a path could hide in.
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]{2,45}\]|[0-9a-z._-]{1,253})(?::(?P<port>[0-9]{1,5}))?")
_ABSOLUTE = re.compile(rb"(?i:https?)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
HTTP_PORT = 80


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
        if not hosts or not all(self._ours(host) for host in hosts):
            return None
        target = request.target if absolute is None else absolute["rest"]
        return target.split(b"?", 1)[0]

    def _ours(self, authority: bytes) -> bool:
        match = _AUTHORITY.fullmatch(authority.decode("latin-1").lower())
        if match is None:
            return False
        host, port = match["host"], int(match["port"] or HTTP_PORT)
        if host in self._named or match[0] in self._named:
            return True
        try:
            own = ipaddress.ip_address(host.strip("[]")).is_loopback
        except ValueError:
            own = host == "localhost"
        return own and port == self._port


# The metrics of one cluster as a page, in the format the reader prefers; counters only ever grow.

Look = Callable[[], tuple[ClusterState, Iterable[Finding], float]]
"""The state, what the rules say of it, and the time."""

_Key = tuple[str, tuple[tuple[str, str], ...]]


class MetricsPage:
    """Renders the page whenever it is asked for; between two times nothing is computed.

    Counters never go backwards: one that begins anew goes on from where it was. A node's count starts over when
    its log is read from the beginning; a rate made from it must not see a fall.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._before: dict[_Key, float] = {}
        self._base: dict[_Key, float] = {}

    def page(self, accept: str = "") -> tuple[str, bytes]:
        """Content type and body."""
        state, findings, now = self._look()
        found = tuple(
            replace(family, samples=tuple(self._grown(family.name, sample) for sample in family.samples))
            if family.kind is MetricKind.COUNTER
            else family
            for family in families(state, findings, now)
        )
        if wants_classic(accept):
            return CLASSIC, classic(found).encode()
        return OPENMETRICS, openmetrics(found).encode()

    def _grown(self, name: str, sample: Sample) -> Sample:
        key = (name, tuple(sample.labels.items()))
        before = self._before.get(key, 0.0)
        if sample.value < before:
            self._base[key] = self._base.get(key, 0.0) + before
        self._before[key] = sample.value
        return replace(sample, value=self._base.get(key, 0.0) + sample.value)

    def health(self) -> tuple[bool, str]:
        """Whether any node is heard at all, in words too."""
        state, _, now = self._look()
        live = [node.name for node in state.nodes.values() if node.freshness(now) is Freshness.LIVE]
        return bool(live), f"live: {', '.join(live)}" if live else "no node is heard"


def wants_classic(accept: str) -> bool:
    """Whether an Accept header prefers the older format; OpenMetrics where it names neither."""
    weights: dict[str, float] = {}
    for entry in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        weight = next((_weight(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        # Several entries of one type differ in parameters: the best counts.
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
class PageResponse:
    """One response. `kind` is its content type."""

    status: int
    kind: str
    body: bytes

    @classmethod
    def of(cls, status: int, text: str) -> PageResponse:
        return cls(status, TEXT, f"{text}\n".encode())


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
            place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
            why = f"cannot be opened: {error.strerror or error}"
            if error.errno == errno.EADDRINUSE:
                why = "is taken by another program (ss -ltnp shows which): choose another port"
            elif error.errno == errno.EACCES:
                why = "may not be opened by this user: choose a port above 1023"
            raise MetricsRefused(f"{place} {why}") from error
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
        # Only what the kernel has taken counts as sent.
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
        if len(self._open) > MAX_CONNECTIONS:
            # What is left unread when it is closed would take the answer away from its reader.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFUSED_READS_S):
                    await reader.read(MAX_HEAD)
            refusal = PageResponse.of(503, f"more than {MAX_CONNECTIONS} connections")
            await _send(dialogue, writer, refusal)
            return
        # The request's head. What a body might say is never read.
        try:
            while (request := dialogue.next_event()) is h11.NEED_DATA:
                dialogue.receive_data(await reader.read(MAX_HEAD))
        except h11.RemoteProtocolError as error:
            await _send(dialogue, writer, PageResponse.of(400, f"bad request: {words(str(error), 120)}"))
            return
        if isinstance(request, h11.Request):
            await _send(dialogue, writer, self._answer(request), head=request.method == b"HEAD")

    def _answer(self, request: h11.Request) -> PageResponse:
        path = self._hosts.asked(request)
        if path is None:
            return PageResponse.of(421, NOT_HERE)
        if path not in (b"/metrics", b"/healthz"):
            return PageResponse.of(404, "here are /metrics and /healthz")
        if request.method not in METHODS:
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
        raise MetricsRefused(f"{words(host, 80)!r} is no address: expected 127.0.0.1:PORT") from None
    if not address.is_loopback:
        raise MetricsRefused(
            f"{address} is not a loopback address: the page names your nodes and has neither password nor TLS. "
            "Listen on 127.0.0.1, and put a proxy with TLS or an SSH tunnel (ssh -L) in front of it"
        )
    return str(address)


async def _send(
    dialogue: h11.Connection, writer: asyncio.StreamWriter, answer: PageResponse, *, head: bool = False
) -> None:
    headers = [
        ("Content-Type", answer.kind),
        ("Content-Length", str(len(answer.body))),
        ("Server", f"iamops/{__version__}"),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
    ]
    headers += [("Allow", "GET, HEAD")] if answer.status == HTTPStatus.METHOD_NOT_ALLOWED else []
    reason = HTTPStatus(answer.status).phrase.encode()
    response = h11.Response(status_code=answer.status, headers=headers, reason=reason)
    writer.write(dialogue.send(response) or b"")
    if not head:
        writer.write(dialogue.send(h11.Data(data=answer.body)) or b"")
    await writer.drain()
