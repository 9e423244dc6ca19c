"""The heartbeat that is asked for over HTTP: who hears the password of its URL."""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from iamops.session.watch import delivery as module
from iamops.session.watch.delivery import Heartbeat, _get
from iamops.session.watch.urls import AlertUrl


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
