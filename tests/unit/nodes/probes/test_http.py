"""Health probes: what counts as an answer, and whose fault silence is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from iamops.model.facts import ProbeOutcome
from iamops.model.profile import DatastoreKind
from iamops.nodes.probes.http import Endpoint, HttpRequest, ask, probe_datastore, probe_http, probe_port
from iamops.nodes.transport import CommandResult, CommandTimeout, ConnectFailed

QUESTION = HttpRequest("iam.api.marmotedu.com", "/healthz")
DOOR = Endpoint("127.0.0.1", 80)


class Answering:
    """A stream that gives these chunks and then its end."""

    def __init__(self, *chunks: bytes) -> None:
        self.sent = b""
        self.closed = False
        self._chunks = list(chunks)

    async def read(self, limit: int) -> bytes:
        chunk = self._chunks.pop(0) if self._chunks else b""
        self._chunks[:0] = [chunk[limit:]] if len(chunk) > limit else []
        return chunk[:limit]

    async def write(self, chunk: bytes) -> None:
        self.sent += chunk

    def close(self) -> None:
        self.closed = True


class Silent(Answering):
    async def read(self, limit: int) -> bytes:
        await asyncio.Event().wait()
        return b""


class Node:
    """A transport with one door, and a link that lives or not."""

    node = "iam-a"

    def __init__(self, door: Answering | Exception, *, link_alive: bool = True) -> None:
        self._door = door
        self._alive = link_alive

    async def open_tcp(self, host: str, port: int, *, timeout_s: float) -> Answering:
        if isinstance(self._door, Exception):
            raise self._door
        return self._door

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        if not self._alive:
            raise CommandTimeout("iam-a", "no answer", "wait")
        return CommandResult(tuple(argv), 0, b"", b"")


def clock() -> float:
    return 0.0


def answer(status: str, body: bytes, kind: str = "application/json", *more: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


async def test_a_healthy_answer_says_who_gave_it():
    stream = Answering(answer("200 OK", b'{"status":"ok"}', "application/json", "X-Served-By: iam-b"))
    report = await ask(stream, QUESTION, clock)
    assert (report.outcome, report.status, report.answered_by) == (ProbeOutcome.OK, 200, "iam-b")
    assert b"GET /healthz HTTP/1.1\r\nHost: iam.api.marmotedu.com\r\n" in stream.sent
    assert b"User-Agent: iamops-probe/" in stream.sent


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (answer("502 Bad Gateway", b"<html>", "text/html"), "HTTP 502"),
        (answer("200 OK", b'{"status":"degraded"}'), "says status 'degraded'"),
        (answer("200 OK", b"{"), "not JSON"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
        (answer("200 OK", b'{"status":"\\u001b[31m[red]x[/]"}'), "\\x1b[31m[red]x[/]"),
    ],
)
async def test_a_bad_answer_says_what_is_bad_and_carries_nothing_hostile(raw, detail):
    report = await ask(Answering(raw), QUESTION, clock)
    assert report.outcome is ProbeOutcome.BAD_ANSWER
    assert detail in report.detail
    assert "\x1b" not in report.detail


async def test_an_answer_in_small_pieces_is_put_together():
    raw = answer("200 OK", b'{"status":"ok"}')
    report = await ask(Answering(*(raw[i : i + 1] for i in range(len(raw)))), QUESTION, clock)
    assert report.outcome is ProbeOutcome.OK


async def test_an_endless_answer_is_cut_and_judged():
    endless = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 300_000
    report = await ask(Answering(endless), QUESTION, clock)
    assert report.outcome is ProbeOutcome.OK


async def test_a_connection_closed_without_an_answer_is_closed():
    report = await probe_http(Node(Answering()), DOOR, QUESTION, clock)
    assert report.outcome is ProbeOutcome.CLOSED


@pytest.mark.parametrize(("refused", "outcome"), [(True, ProbeOutcome.REFUSED), (False, ProbeOutcome.NO_ROUTE)])
async def test_a_closed_door_is_told_from_a_missing_road(refused, outcome):
    failure = ConnectFailed("iam-a", "Connection refused", "look", refused=refused)
    report = await probe_http(Node(failure), DOOR, QUESTION, clock)
    assert report.outcome is outcome


async def test_silence_on_a_living_link_is_the_targets_fault(monkeypatch):
    monkeypatch.setattr("iamops.nodes.probes.http.PROBE_TIMEOUT_S", 0.01)
    stream = Silent()
    report = await probe_http(Node(stream), DOOR, QUESTION, clock)
    assert report.outcome is ProbeOutcome.TIMEOUT
    assert "accepts, but no answer" in report.detail
    assert stream.closed


async def test_silence_on_a_silent_link_says_nothing_about_the_target(monkeypatch):
    monkeypatch.setattr("iamops.nodes.probes.http.PROBE_TIMEOUT_S", 0.01)
    assert await probe_http(Node(Silent(), link_alive=False), DOOR, QUESTION, clock) is None
    timeout = CommandTimeout("iam-a", "no answer", "wait")
    assert await probe_http(Node(timeout, link_alive=False), DOOR, QUESTION, clock) is None


async def test_mariadb_is_left_with_a_farewell_that_does_not_count_as_an_error():
    greeting = b"\x0a10.11.14-MariaDB\x00" + b"\x00" * 40
    stream = Answering(len(greeting).to_bytes(3, "little") + b"\x00", greeting, b"\xff\x15\x04denied")
    report = await probe_datastore(Node(stream), Endpoint("10.0.4.20", 3306), DatastoreKind.MARIADB, clock)
    assert report.outcome is ProbeOutcome.OK
    assert b"iamops-probe\x00" in stream.sent


async def test_a_datastore_that_hangs_up_is_closed():
    report = await probe_datastore(Node(Answering(b"\x01")), DOOR, DatastoreKind.MARIADB, clock)
    assert report.outcome is ProbeOutcome.CLOSED


async def test_a_port_that_takes_a_connection_is_well_and_is_sent_nothing():
    report = await probe_port(Node(Silent()), Endpoint("127.0.0.1", 8081), clock)
    assert report is not None
    assert report.ok


async def test_a_port_that_nobody_listens_on_is_refused():
    refused = ConnectFailed("iam-a", "connection refused", "look", refused=True)
    report = await probe_port(Node(refused), Endpoint("127.0.0.1", 8081), clock)
    assert report is not None
    assert (report.outcome, report.detail) == (ProbeOutcome.REFUSED, "connection refused")


class Dripping(Answering):
    """Says a byte of a header now and then, without end."""

    said = False

    async def read(self, limit: int) -> bytes:
        await asyncio.sleep(0.002)
        line, self.said = (b"X: y\r\n" if self.said else b"HTTP/1.1 200 OK\r\n"), True
        return line


class Continuing(Answering):
    """What has arrived already is read without waiting."""

    async def read(self, limit: int) -> bytes:
        return b"HTTP/1.1 100 Continue\r\n\r\n"


async def test_a_request_that_drips_is_over_in_time(monkeypatch):
    monkeypatch.setattr("iamops.nodes.probes.http.PROBE_TIMEOUT_S", 0.05)
    report = await probe_http(Node(Dripping()), DOOR, QUESTION, clock)
    assert report is not None
    assert report.outcome is ProbeOutcome.TIMEOUT


async def test_an_answer_that_never_comes_to_its_end_lets_others_have_their_turn():
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    report = await ask(Continuing(), QUESTION, clock)
    beside.cancel()
    assert (report.outcome, report.detail) == (ProbeOutcome.BAD_ANSWER, "says `100 Continue` without end")
    assert turns > 5
