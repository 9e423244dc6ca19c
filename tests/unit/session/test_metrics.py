"""The metrics page and its server on a real port of the loopback: what is on it, and whom it answers."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_classic

from iamops.model.events import RequestsCounted
from iamops.model.facts import RequestCount
from iamops.model.state import ClusterState
from iamops.session import metrics
from iamops.session.metrics import MetricsPage, MetricsRefused, MetricsServer, loopback, wants_classic
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.profiles import pair


async def status(served: Served, text: str) -> int:
    return (await served.say(text.replace("PORT", str(served.port))))[0]


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "[::1]"])
@pytest.mark.parametrize("path", ["/metrics", "/healthz"])
async def test_the_loopback_s_names_with_the_port_are_answered(host: str, path: str):
    async with serving() as served:
        assert await status(served, f"GET {path} HTTP/1.1\r\nHost: {host}:PORT\r\n\r\n") == 200
        assert await status(served, f"GET http://{host}:PORT{path} HTTP/1.1\r\nHost: {host}:PORT\r\n\r\n") == 200


REFUSED = {
    "another name": "GET /metrics HTTP/1.1\r\nHost: attacker.example\r\n\r\n",
    "another name and our port": "GET /metrics HTTP/1.1\r\nHost: attacker.example:PORT\r\n\r\n",
    "begins like ours": "GET /metrics HTTP/1.1\r\nHost: localhost.attacker.example:PORT\r\n\r\n",
    "an address that is not ours": "GET /metrics HTTP/1.1\r\nHost: 10.0.4.20:PORT\r\n\r\n",
    "any address": "GET /metrics HTTP/1.1\r\nHost: 0.0.0.0:PORT\r\n\r\n",
    "a user before it": "GET /metrics HTTP/1.1\r\nHost: localhost:PORT@attacker.example\r\n\r\n",
    "another port": "GET /metrics HTTP/1.1\r\nHost: localhost:1\r\n\r\n",
    "no port": "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an empty one": "GET /metrics HTTP/1.1\r\nHost:\r\n\r\n",
    "two in one": "GET /metrics HTTP/1.1\r\nHost: localhost:PORT, attacker.example\r\n\r\n",
    "none, as HTTP/1.0 may": "GET /metrics HTTP/1.0\r\n\r\n",
    "another in the target": "GET http://attacker.example/metrics HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n",
    "another beside the target's": "GET http://localhost:PORT/metrics HTTP/1.1\r\nHost: attacker.example\r\n\r\n",
    "a path that is not there": "GET /nothing HTTP/1.1\r\nHost: attacker.example\r\n\r\n",
    "another method": "POST /metrics HTTP/1.1\r\nHost: attacker.example\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
async def test_any_other_host_is_refused_and_learns_nothing(text: str):
    async with serving() as served:
        code, _, body = await served.say(text.replace("PORT", str(served.port)))
        assert code == 421
        assert b"iam-" not in body
        assert b"attacker" not in body


@pytest.mark.parametrize(
    "text",
    [
        "GET /metrics HTTP/1.1\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost: localhost:PORT\r\nHost: attacker.example\r\n\r\n",
    ],
    ids=["none", "two"],
)
async def test_http_1_1_without_exactly_one_host_is_no_request(text: str):
    async with serving() as served:
        assert await status(served, text) == 400


async def test_what_the_operator_names_is_answered():
    async with serving(named=("Metrics.example.org", "tunnel.example:9999")) as served:
        for host, code in (
            ("metrics.example.org", 200),
            ("METRICS.example.org:443", 200),
            ("tunnel.example:9999", 200),
            ("tunnel.example", 421),
            ("example.org", 421),
            ("localhost:PORT", 200),
        ):
            assert await status(served, f"GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n") == code, host


PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


class Watched:
    """A cluster whose state a test replaces between two scrapes."""

    def __init__(self) -> None:
        self.state = healthy()
        self.now = NOW
        self.page = MetricsPage(lambda: (self.state, (), self.now))

    def count(self, total: int, **by_class: int) -> None:
        classes = {name.removeprefix("c"): number for name, number in by_class.items()}
        self.state = fed(self.state, [RequestsCounted(self.now, "iam-a", RequestCount(total, classes))])

    def scrape(self, name: str) -> float | None:
        _, body = self.page.page()
        found = re.search(rf'^{name}{{[^}}]*node="iam-a"[^}}]*}} (\S+)$', body.decode(), re.MULTILINE)
        return float(found[1]) if found else None


def test_a_count_that_begins_anew_goes_on_from_where_it_was():
    watched = Watched()
    assert watched.scrape("iamops_requests_total") == 1100
    watched.count(30)
    assert watched.scrape("iamops_requests_total") == 1130
    watched.count(50)
    assert watched.scrape("iamops_requests_total") == 1150
    watched.count(7)
    assert watched.scrape("iamops_requests_total") == 1157


def test_a_count_that_was_unknown_for_a_while_goes_on():
    watched = Watched()
    watched.scrape("iamops_requests_total")
    watched.now = NOW + 60
    assert watched.scrape("iamops_requests_total") is None
    watched.count(5)
    assert watched.scrape("iamops_requests_total") == 1105


def test_a_gauge_may_fall():
    watched = Watched()
    watched.now = NOW + 3
    assert watched.scrape("iamops_node_heard_age_seconds") == 3
    watched.now = NOW + 1
    assert watched.scrape("iamops_node_heard_age_seconds") == 1


@pytest.mark.parametrize(
    ("accept", "classic"),
    [
        ("", False),
        ("*/*", False),
        (PROMETHEUS, False),
        ("text/plain", True),
        ("text/plain;version=0.0.4, application/openmetrics-text;q=0.4", True),
        ("application/openmetrics-text, text/plain", False),
        ("application/openmetrics-text;q=0, */*", True),
        ("text/*", True),
        ("TEXT/PLAIN", True),
        ("text/plain;q=0, */*;q=0.1", False),
        ("text/plain;q=1.5", False),
        ("text/plain;q=nan", False),
        (";;,q=,", False),
    ],
)
def test_the_format_follows_the_weights_of_the_accept_header(accept, classic):
    assert wants_classic(accept) is classic


def test_each_format_says_which_it_is():
    watched = Watched()
    kind, body = watched.page.page()
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert body.endswith(b"# EOF\n")
    kind, body = watched.page.page("text/plain")
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# EOF" not in body


def test_it_is_healthy_while_one_node_is_heard():
    watched = Watched()
    assert watched.page.health() == (True, "live: iam-a, iam-b")
    watched.now = NOW + 2
    watched.count(1200)
    watched.now = NOW + 5
    assert watched.page.health() == (True, "live: iam-a")
    watched.now = NOW + 60
    assert watched.page.health() == (False, "no node is heard")


def test_it_is_not_healthy_before_anything_was_heard():
    nothing = MetricsPage(lambda: (ClusterState.of(pair()), (), NOW))
    assert nothing.health()[0] is False


LATE = NOW + 60


@dataclass
class Served:
    """A server and the time it believes in."""

    server: MetricsServer
    port: int
    now: float = NOW

    async def say(self, text: str) -> tuple[int, dict[str, str], bytes]:
        """Sends raw text, reads to the end: status, headers by lower-case name, body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text.encode("latin-1"))
        raw = await reader.read()
        writer.close()
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
        return int(first.split()[1]), headers, body

    async def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        more = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
        return await self.say(f"{method} {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n{more}\r\n")


@contextlib.asynccontextmanager
async def serving(patience_s: float = 5.0, named: tuple[str, ...] = ()) -> AsyncIterator[Served]:
    state = healthy()
    server = MetricsServer(lambda: (state, (), served.now), named=named, patience_s=patience_s)
    served = Served(server, 0)
    address, served.port = await server.start("127.0.0.1", 0)
    assert address == "127.0.0.1"
    try:
        yield served
    finally:
        await server.stop()


async def test_a_scrape_is_openmetrics():
    async with serving() as served:
        status, headers, body = await served.ask("/metrics")
    assert (status, headers["content-type"]) == (
        200,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )
    assert int(headers["content-length"]) == len(body)
    assert "iamops_up" in {family.name for family in parse_openmetrics(body.decode())}


async def test_a_reader_of_the_older_format_gets_it():
    async with serving() as served:
        _, headers, body = await served.ask("/metrics", Accept="text/plain; version=0.0.4")
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "iamops_up" in {family.name for family in parse_classic(body.decode())}


async def test_a_query_does_not_make_it_another_page():
    async with serving() as served:
        assert (await served.ask("/metrics?name[]=iamops_up"))[0] == 200


async def test_head_is_answered_without_a_body():
    async with serving() as served:
        status, headers, body = await served.ask("/metrics", "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 1000


async def test_health_follows_the_nodes():
    async with serving() as served:
        assert (await served.ask("/healthz"))[::2] == (200, b"live: iam-a, iam-b\n")
        served.now = LATE
        assert (await served.ask("/healthz"))[::2] == (503, b"no node is heard\n")


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metricsx", "/healthz/.."])
async def test_there_is_nothing_else(path):
    async with serving() as served:
        assert (await served.ask(path))[0] == 404


async def test_nothing_can_be_posted():
    async with serving() as served:
        status, headers, _ = await served.ask("/metrics", "POST", **{"Content-Length": "0"})
    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "text",
    [
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "GET /metrics\r\n\r\n",
        "GET /metrics HTTP/1.1\r\n\r\n",
        "GET /met\x1b[31mrics HTTP/1.1\r\nHost: a\r\n\r\n",
        f"GET /metrics HTTP/1.1\r\nHost: a\r\nX: {'x' * 33000}\r\n\r\n",
    ],
    ids=["tls", "http/0.9", "no-host", "escape", "long"],
)
async def test_what_is_no_request_is_told_so(text):
    async with serving() as served:
        status, _, body = await served.say(text)
    assert status == 400
    assert body.startswith(b"bad request: ")
    assert b"\x1b" not in body


async def test_a_client_that_does_not_finish_its_request_is_hung_up_on():
    async with serving(patience_s=0.05) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"GET /metrics HTTP/1.1\r\n")
        assert await reader.read() == b""
        writer.close()
        assert (await served.ask("/healthz"))[0] == 200


async def test_one_connection_too_many_is_refused_and_the_others_live(monkeypatch):
    monkeypatch.setattr(metrics, "MAX_CONNECTIONS", 3)
    async with serving() as served, contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            stack.callback(writer.close)
        for text in ("", f"GET /metrics HTTP/1.1\r\nHost: localhost:{served.port}\r\n\r\n"):
            status, _, body = await served.say(text)
            assert (status, body) == (503, b"more than 3 connections\n")


async def test_a_page_that_cannot_be_made_says_so_and_the_server_goes_on():
    def broken() -> None:
        raise KeyError("iam-c")

    server = MetricsServer(broken)
    _, port = await server.start("localhost", 0)
    served = Served(server, port)
    try:
        assert (await served.ask("/metrics"))[::2] == (500, b"the page could not be made: KeyError\n")
        assert (await served.ask("/nothing"))[0] == 404
    finally:
        await server.stop()


async def test_after_stop_nothing_listens_and_no_client_is_left():
    async with serving() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        await served.server.stop()
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", served.port)


async def test_a_port_that_is_taken_is_named():
    async with serving() as served:
        second = MetricsServer(lambda: (healthy(), (), NOW))
        with pytest.raises(MetricsRefused, match=f"127.0.0.1:{served.port} is taken by another program"):
            await second.start("127.0.0.1", served.port)


async def test_a_port_that_is_none_is_refused():
    with pytest.raises(MetricsRefused, match="70000 is no port"):
        await MetricsServer(lambda: (healthy(), (), NOW)).start("127.0.0.1", 70000)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.4.20", "192.168.1.1", "[::]", "169.254.1.1"])
async def test_no_address_but_the_loopback_is_served(host):
    with pytest.raises(MetricsRefused, match=r"not a loopback address.*proxy with TLS or an SSH tunnel"):
        await MetricsServer(lambda: (healthy(), (), NOW)).start(host, 0)


@pytest.mark.parametrize("host", ["iam-a", "localhost.example.org", "", "127.0.0.1:9178", "*"])
def test_a_name_is_not_looked_up(host):
    with pytest.raises(MetricsRefused, match="is no address"):
        loopback(host)


@pytest.mark.parametrize(
    ("host", "address"), [("localhost", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("[::1]", "::1"), ("::1", "::1")]
)
def test_the_loopback_has_several_names(host, address):
    assert loopback(host) == address


async def test_a_large_page_reaches_a_slow_reader_whole():
    """More than the kernel's buffers hold: what is left is waited for, not thrown away."""
    async with serving() as served:
        body = b"x" * 8_000_000
        served.server._page.page = lambda accept="": ("text/plain", body)
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
        writer.write(f"GET /metrics HTTP/1.1\r\nHost: [::1]:{served.port}\r\n\r\n".encode())
        raw = await reader.read()
        writer.close()
    assert raw.endswith(b"\r\n\r\n" + body)
