"""Delivery: everything arrives once and in order; the heartbeat gives no secret away."""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from iamops.judge.alerts.message import AlertKind, message
from iamops.ledger.outbox import Outbox, OutboxMessage
from iamops.model.facts import Severity
from iamops.session.watch import delivery as module
from iamops.session.watch.delivery import OLDEST_S, Delivery, Heartbeat, _get
from iamops.session.watch.urls import AlertUrl
from tests.support.post import Post

NOW = 1_700_000_000.0

QUICK_S = (0.001, 0.002)


class Office:
    def __init__(self, path: Path, *posts: Post) -> None:
        self.now = NOW
        self.outbox = Outbox(path)
        self.log: list[str] = []
        self.delivery = Delivery(self.outbox, posts, lambda: self.now, self.log.append, QUICK_S)
        self.delivery.start()

    def put(self, *titles: str) -> None:
        said = [message(self.now, AlertKind.NOTICE, Severity.INFO, "lab", title) for title in titles]
        self.outbox.put(said, self.delivery.keys)
        self.delivery.changed()

    async def until(self, claim: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not claim():  # noqa: ASYNC110 - the claim may be about anything
                await asyncio.sleep(0.001)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


async def test_everything_arrives_once_and_in_order_whatever_is_refused(path: Path):
    post = Post("mail", refusals=7)
    office = Office(path, post)
    office.put("one", "two", "three")
    assert await office.delivery.idle(5)
    assert post.took == ["one", "two", "three"]
    assert Outbox(path).waiting == ()
    await office.delivery.stop()


async def test_a_refusal_is_logged_once_per_reason(path: Path):
    office = Office(path, Post("mail", refusals=5))
    office.put("one")
    assert await office.delivery.idle(5)
    assert [line for line in office.log if "not accepted" in line] == [
        f"message {next(iter(office.log)).split()[1]} was not accepted by mail: not now; it will be tried again"
    ]
    await office.delivery.stop()


async def test_a_slow_destination_delays_nobody_else(path: Path):
    slow, quick = Post("slow"), Post("quick")
    slow.gate.clear()
    office = Office(path, slow, quick)
    office.put("one", "two")
    await office.until(lambda: quick.took == ["one", "two"])
    assert slow.took == []
    slow.gate.set()
    await office.until(lambda: slow.took == ["one", "two"])
    await office.delivery.stop()


async def test_what_is_too_old_is_given_up_and_the_destination_hears_of_it(path: Path):
    post = Post("mail")
    post.gate.clear()
    office = Office(path, post)
    office.put("old", "older news")
    await office.until(lambda: post.tries == 1)
    post.refusals = 1
    office.now += OLDEST_S + 1
    post.gate.set()
    await office.until(lambda: office.outbox.waiting == ())
    office.put("new")
    assert await office.delivery.idle(5)
    assert post.took == ["new"]
    assert post.notes == ["2 earlier messages never arrived here and were given up"]
    assert any("gave up" in line for line in office.log)
    await office.delivery.stop()


async def test_what_was_not_delivered_is_delivered_by_the_next_run(path: Path):
    dead = Office(path, Post("mail", refusals=10**9))
    dead.put("one", "two")
    await dead.until(lambda: bool(dead.log))
    await dead.delivery.stop()
    post = Post("mail")
    office = Office(path, post)
    assert await office.delivery.idle(5)
    assert post.took == ["one", "two"]
    await office.delivery.stop()


async def test_stopping_lets_an_attempt_end_but_does_not_wait_for_ever(path: Path):
    post = Post("mail")
    post.gate.clear()
    office = Office(path, post)
    office.put("one")
    await office.until(lambda: post.tries == 1)
    async with asyncio.timeout(2):
        await office.delivery.stop(grace_s=0.01)
    assert len(Outbox(path).waiting) == 1


async def test_a_fault_of_ours_is_logged_and_the_message_is_tried_again(path: Path):
    class Broken(Post):
        async def deliver(self, parcel: OutboxMessage, note: str = "") -> None:
            if not self.tries:
                self.tries += 1
                raise ZeroDivisionError("by zero")
            await super().deliver(parcel, note)

    post = Broken("mail")
    office = Office(path, post)
    office.put("one")
    await office.until(lambda: post.took == ["one"])
    office.delivery.check()
    assert any("a fault of iamops: ZeroDivisionError: by zero" in line for line in office.log)
    await office.delivery.stop()


class _Heard(HTTPServer):
    """Keeps what it was asked; the path `/to/PORT` leads to another server."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str | None]] = []
        super().__init__(("127.0.0.1", 0), _Answer)


class _Answer(BaseHTTPRequestHandler):
    server: _Heard

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers["Authorization"]))
        _, _, port = self.path.partition("/to/")
        self.send_response(302 if port else 200)
        if port:
            self.send_header("Location", f"http://127.0.0.1:{port}/end")
        self.end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Silent."""


@pytest.fixture
def servers() -> Iterator[tuple[_Heard, _Heard]]:
    both = (_Heard(), _Heard())
    for server in both:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield both
    for server in both:
        server.shutdown()
        server.server_close()


def test_name_and_password_go_to_the_host_and_to_no_resolver(
    servers: tuple[_Heard, _Heard], monkeypatch: pytest.MonkeyPatch
):
    looked_up: list[object] = []
    real = socket.getaddrinfo

    def resolver(host: object, *args: object, **kinds: object) -> object:
        looked_up.append(host)
        return real(host, *args, **kinds)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    port = servers[0].server_port
    assert _get(AlertUrl("here", f"http://ops:s3%2Fcret@127.0.0.1:{port}/ping")) == ""
    assert servers[0].requests == [("/ping", f"Basic {base64.b64encode(b'ops:s3/cret').decode()}")]
    assert set(looked_up) == {"127.0.0.1"}


def test_a_redirect_does_not_pass_the_password_on(servers: tuple[_Heard, _Heard]):
    first, second = servers
    assert _get(AlertUrl("here", f"http://ops:s3cret@127.0.0.1:{first.server_port}/to/{second.server_port}")) == ""
    assert second.requests == [("/end", None)]


def test_what_goes_wrong_is_told_without_the_password():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        port = taken.getsockname()[1]
        told = _get(AlertUrl("here", f"http://ops:s3cret@127.0.0.1:{port}/uuid-secret"))
    assert told.startswith(f"http://127.0.0.1:{port}: ")
    assert "s3cret" not in told
    assert "uuid" not in told


async def test_an_answer_that_drips_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "DEADLINE_S", 0.01)
    holding, asked, log = threading.Event(), [], []

    def dripping(url: AlertUrl) -> str:
        asked.append(url)
        holding.wait(5)
        return ""

    monkeypatch.setattr(module, "_get", dripping)
    heart = Heartbeat(AlertUrl("http://127.0.0.1:1/x", "here"), None, log.append)
    async with asyncio.timeout(5):
        for beats in (1, 2):
            heart.beat()
            while len(asked) < beats or not log or not (heart._asking and heart._asking.done()):  # noqa: ASYNC110 - the claim is about a thread
                await asyncio.sleep(0.002)
    holding.set()
    assert log == ["heartbeat: no answer within 0.01 s"]
