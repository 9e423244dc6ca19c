"""Who answered which request: an access log's gain, the backends that were asked, each one's share."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from iamops.model.traffic import AccessGain, AccessMark, Share
from iamops.nodes.logs import split as module
from iamops.nodes.logs.split import LOG_TAIL_BYTES, MOST_BETWEEN, _share, access_gain, access_mark, through
from iamops.nodes.transport import CommandResult, LinkLost
from tests.support.answering_node import AskedNode
from tests.support.profiles import pair
from tests.support.transport import Run, ScriptedTransport, Tcp

PROFILE = pair()


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ("5 2\n", Share(5, 2)),
        ("0 0\n", Share(0, 0)),
        ("", Share(None, 0, "/var/log/iam/iam-apiserver.log cannot be read")),
    ],
)
async def test_a_backends_share_is_what_its_log_says(said: str, share: Share):
    assert await _share(AskedNode(awk=said), PROFILE.services["iam-apiserver"], "token") == share


async def test_a_node_that_is_gone_has_no_share_and_that_is_said():
    assert await _share(None, PROFILE.services["iam-apiserver"], "token") == Share(None, 0, "not connected")


OLD, NEW, STRANGE = b"old token\n", b"new token\n", b"a stranger's\n"


class Here:
    """Runs commands on this machine."""

    node = "here"

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, timeout=timeout_s, check=False)
        return CommandResult(tuple(argv), done.returncode, done.stdout, done.stderr)


class Gone:
    node = "gone"

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        raise LinkLost("gone", "cut", "look")


async def gained(log: Path, mark: AccessMark) -> AccessGain:
    return await access_gain(Here(), str(log), mark, "token")


async def test_what_stood_there_before_the_mark_and_what_is_not_ours_is_left_out(tmp_path):
    log = tmp_path / "it's an access.log"
    log.write_bytes(OLD)
    mark = await access_mark(Here(), str(log))
    assert await gained(log, mark) == AccessGain(())
    with log.open("ab") as more:
        more.write(NEW + STRANGE + b"\xff\xfe token \x00\n")
    found = await gained(log, mark)
    assert found.lines is not None
    assert len(found.lines) == 2
    assert found.lines[0] == NEW.strip()


async def test_a_rotated_log_is_read_from_its_beginning(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(OLD)
    mark = await access_mark(Here(), str(log))
    log.rename(tmp_path / "access.log.1")
    log.write_bytes(NEW + STRANGE)
    assert await gained(log, mark) == AccessGain((NEW.strip(),))


async def test_a_truncated_log_is_read_from_its_beginning(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(OLD * 3)
    mark = await access_mark(Here(), str(log))
    log.write_bytes(NEW)
    assert await gained(log, mark) == AccessGain((NEW.strip(),))


async def test_what_cannot_be_read_is_none_with_the_reason(tmp_path):
    log = tmp_path / "access.log"
    mark = await access_mark(Here(), str(log))
    assert "No such file" in mark.reason
    assert await gained(log, mark) == AccessGain(None, mark.reason)
    found = await gained(log, AccessMark(1, 1))
    assert found.lines is None
    assert str(log) in found.reason
    assert await access_gain(None, str(log), AccessMark(1, 1), "t") == AccessGain(None, "not connected")
    assert await access_mark(None, str(log)) == AccessMark(reason="not connected")
    assert await access_mark(Gone(), str(log)) == AccessMark(reason="cut")
    assert await access_gain(Gone(), str(log), AccessMark(1, 1), "t") == AccessGain(None, "cut")


async def test_more_requests_of_others_than_are_looked_at_are_not_counted(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(OLD)
    mark = await access_mark(Here(), str(log))
    few = STRANGE + NEW + STRANGE * 3 + NEW + STRANGE
    log.write_bytes(OLD + few)
    assert (await gained(log, mark)) == AccessGain((NEW.strip(),) * 2, between=(STRANGE.strip(),) * 3)
    log.write_bytes(OLD + NEW + b"x\n" * (MOST_BETWEEN + 1) + NEW)
    many = await gained(log, mark)
    assert (many.lines, many.between) == ((NEW.strip(),) * 2, None)


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
