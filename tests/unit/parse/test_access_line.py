"""Plain request counts: the node's awk and our own code must agree on every line."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from console.model.facts import RequestCount
from console.parse.access_line import AWK_PROGRAM, counted, first_count

AGENT = b'"curl/7.88"'


def line(status: int, agent: bytes = AGENT, request: bytes = b"GET /healthz HTTP/1.1") -> bytes:
    return (
        b'10.0.4.10 - - [23/Nov/2026:13:00:00 +0000] "'
        + request
        + f'" {status} 15 "-" '.encode()
        + agent
        + b' "-"'
    )


LINES = [
    line(200),
    line(200),
    line(301),
    line(404),
    line(502),
    line(200, b'"iamops-probe/0.1.0"'),
    b"garbage",
    line(400, request=b"\\x16\\x03\\x01"),
    line(200, b'"agent \\x22quoted\\x22 [red] \\x1b[31m"'),
]
TRUTH = RequestCount(7, {"2xx": 3, "3xx": 1, "4xx": 2, "5xx": 1}, probes=1, unparsed=1)


def awk(text: bytes, size: int | None = None) -> str:
    argv = ["awk", "-v", f"size={len(text) if size is None else size}", AWK_PROGRAM]
    return subprocess.run(argv, input=text, capture_output=True, check=True).stdout.decode()


def test_lines_are_counted_by_class_and_probes_and_garbage_are_kept_apart():
    assert counted(RequestCount(0), LINES) == TRUTH


def test_awk_on_the_node_counts_the_same():
    text = b"\n".join(LINES) + b"\n"
    assert first_count(awk(text)) == TRUTH
    assert f"offset={len(text)}" in awk(text)


def test_a_line_still_being_written_is_left_for_the_stream():
    whole = b"\n".join(LINES) + b"\n"
    said = awk(whole + line(500)[:-20])
    assert first_count(said) == TRUTH
    assert f"offset={len(whole)}" in said


def test_an_empty_log_counts_as_zero():
    assert first_count(awk(b"")) == RequestCount(0)


def test_counting_goes_on_from_what_was_counted():
    halves: Iterable[list[bytes]] = (LINES[:4], LINES[4:])
    total = RequestCount(0)
    for half in halves:
        total = counted(total, half)
    assert total == TRUTH


def test_an_error_message_is_no_count():
    assert first_count("cannot read /var/log/nginx/access.log") is None
