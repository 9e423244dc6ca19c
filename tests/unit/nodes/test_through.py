"""Requests through one nginx: who answered by its access log."""

from __future__ import annotations

import pytest

from iamops.nodes.logs import split as module
from iamops.nodes.logs.split import LOG_TAIL_BYTES, through
from tests.support.profiles import pair
from tests.support.transport import Run, ScriptedTransport, Tcp

TOKEN = "abcdefgh"
LOG = "/var/log/nginx/access.log"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def line(upstream: str, status: int = 200) -> bytes:
    request = f'"GET /healthz?{TOKEN} HTTP/1.1" {status} 15 "-" "iamops-probe/1" "-"'
    times = "request_time=0.001 upstream_time=0.001 request_id=abc"
    told = f"host=iam.api upstream={upstream} upstream_status=200 {times}"
    return f"127.0.0.1 - - [10/Oct/2024:13:55:36 +0000] {request} {told}\n".encode()


@pytest.mark.parametrize(
    ("upstream", "by"),
    [
        ("10.0.4.21:8080", "10.0.4.21:8080"),
        ("10.0.4.20:8080, 10.0.4.21:8080", "10.0.4.21:8080"),
        ("10.0.4.20:8080 : 10.0.4.21:8080", "10.0.4.21:8080"),
        ("unix:/run/iam.sock", "unix:/run/iam.sock"),
        ("10.0.4.20:8080, -", "-"),
        ("-", "-"),
    ],
)
async def test_the_last_backend_that_was_asked_gave_the_answer_and_none_is_none(
    monkeypatch: pytest.MonkeyPatch, upstream: str, by: str
):
    monkeypatch.setattr(module, "new_token", lambda: TOKEN)
    profile = pair(logs={"format": "iamops"})
    found = ("sh", "-c", module._FOUND, "found", LOG, str(LOG_TAIL_BYTES), TOKEN)
    asked, log = Tcp("127.0.0.1", 80, replies=(GOOD,), always=True), Run(found, line(upstream) * 3)
    transport = ScriptedTransport("iam-a", asked, log)
    answer = await through(transport, profile, profile.services["iam-apiserver"], 3)
    assert (answer["sent"], answer["failed"], answer["backends"]) == (3, 0, {by: 3})
    transport.verify()


async def test_lines_in_another_format_name_nobody(monkeypatch: pytest.MonkeyPatch):
    """`main` begins as `iamops` does and ends before the backend: that is no "-"."""
    monkeypatch.setattr(module, "new_token", lambda: TOKEN)
    profile = pair(logs={"format": "iamops"})
    found = ("sh", "-c", module._FOUND, "found", LOG, str(LOG_TAIL_BYTES), TOKEN)
    main = line("x").split(b" host=")[0] + b"\n"
    for lines, backends in ((main * 2, None), (main + line("10.0.4.21:8080"), {"10.0.4.21:8080": 1})):
        asked = Tcp("127.0.0.1", 80, replies=(GOOD,), always=True)
        transport = ScriptedTransport("iam-a", asked, Run(found, lines))
        answer = await through(transport, profile, profile.services["iam-apiserver"], 2)
        assert answer["backends"] == backends
        assert ("is not in the format iamops" in answer["unavailable"]) is (backends is None)


BAD = b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"


@pytest.mark.parametrize(
    ("lines", "in_vain", "nameless"),
    [
        (line("10.0.4.20:8080", 500), {"10.0.4.20:8080": 1}, 1),
        (line("10.0.4.20:8080", 500) + line("10.0.4.21:8080", 500), {"10.0.4.20:8080": 1, "10.0.4.21:8080": 1}, 0),
        (line("10.0.4.20:8080, 10.0.4.21:8080", 502), {"10.0.4.20:8080": 1, "10.0.4.21:8080": 1}, 1),
        (line("-", 500) + line("api", 502), {"api": 1}, 1),
        (line("10.0.4.20:8080, 10.0.4.21:8080"), {"10.0.4.20:8080": 1}, 2),
    ],
)
async def test_who_was_asked_in_vain_is_told_and_how_many_failures_are_nobodys(
    monkeypatch: pytest.MonkeyPatch, lines: bytes, in_vain: dict[str, int], nameless: int
):
    monkeypatch.setattr(module, "new_token", lambda: TOKEN)
    profile = pair(logs={"format": "iamops"})
    found = ("sh", "-c", module._FOUND, "found", LOG, str(LOG_TAIL_BYTES), TOKEN)
    transport = ScriptedTransport("iam-a", Tcp("127.0.0.1", 80, replies=(BAD,), always=True), Run(found, lines))
    answer = await through(transport, profile, profile.services["iam-apiserver"], 2)
    assert (answer["failed"], answer["in_vain"], answer["nameless"]) == (2, in_vain, nameless)


async def test_an_access_log_without_backends_is_not_read():
    profile = pair()
    transport = ScriptedTransport("iam-a", Tcp("127.0.0.1", 80, replies=(GOOD,), always=True))
    answer = await through(transport, profile, profile.services["iam-apiserver"], 2)
    assert (answer["sent"], answer["backends"]) == (2, None)
    assert "$upstream_addr" in answer["unavailable"]
