"""Under which names the metrics page answers: what a web page in a browser here can make of it."""

from __future__ import annotations

import pytest

from tests.unit.session.test_metrics_server import Served, serving


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
