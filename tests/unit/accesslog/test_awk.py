"""The node's awk counts as we count, for every format and whatever a client writes into a line."""

from __future__ import annotations

import random

import pytest

from iamops.accesslog import awk as log_awk
from iamops.accesslog.count import FULL, Columns, CountQuery, counted
from iamops.accesslog.filter import where
from iamops.accesslog.format import named_format
from iamops.accesslog.values import Resolution
from tests.support.access_logs import AWKS, FORMATS, GOOD, by_awk
from tests.support.hostile_logs import FORMS, requests

SPARE = "$msec|$status|$request_method|$request_uri|$server_name"
UNQUOTED = "$time_iso8601 [$remote_addr] $request_method $uri $status ${request_time}s"


def pieces(rng: random.Random) -> bytes:
    """Something like a line: a good one, with parts cut, doubled, or replaced by rubbish."""
    agents = (
        b"curl/8",
        b"iamops-probe/0.4",
        b"a \\x22quoted\\x22 one",
        b"\\xE2\\x82\\xAC \\x1B[31m",
        b"[bold]x[/]",
    )
    paths = (
        b"/",
        b"/v1/users/%d" % rng.randrange(9),
        b"/a/1/2/3/b?q=1",
        b"*",
        b"/x/550e8400-e29b-41d4/y",
        b"/\xff\x01",
        b"/u/%d" % rng.randrange(9),
        b"/u/%d/%d/%d" % (rng.randrange(3), rng.randrange(3), rng.randrange(99)),
        b"/deadbeef/550e8400-e29b-%d" % rng.randrange(9),
        b"/:id/7/:id",
        b"/v%d /12" % rng.randrange(2),
        b"/" + b"y" * rng.randrange(185, 205) + b"/%d" % rng.randrange(10**9),
    )
    line = (
        b'%d.0.0.1 - %s [24/Nov/2026:17:4%d:29 +0%d00] "%s %s HTTP/1.1" %s %d "-" "%s" "-" host=%s upstream=%s '
        b"upstream_status=%s request_time=%s upstream_time=%s request_id=%d"
    ) % (
        rng.randrange(1, 4),
        rng.choice((b"-", b"ada", b"a b")),
        rng.randrange(10),
        rng.randrange(3),
        rng.choice((b"GET", b"POST", b"")),
        rng.choice(paths),
        rng.choice((b"200", b"404", b"499", b"502", b"000", b"20", b"2000", b"-")),
        rng.randrange(5000),
        rng.choice(agents),
        rng.choice((b"iam.api", b"-", b"evil\thost")),
        rng.choice((b"-", b"10.0.4.20:8080", b"10.0.4.20:8080, 10.0.4.21:8080")),
        rng.choice((b"-", b"200", b"502, 200")),
        rng.choice((b"0.000", b"0.127", b"0.128", b"61.002", b"-", b"")),
        rng.choice((b"0.003", b"-", b"0.001, 0.131")),
        rng.randrange(1000),
    )
    match rng.randrange(12):
        case 0:
            return line[: rng.randrange(len(line))]
        case 1:
            return bytes(rng.choice(b'"\\[] =\x01\xff\x80 GET/2') for _ in range(rng.randrange(60)))
        case 2:
            return line.replace(b'"', b"", rng.randrange(1, 4))
        case 3:
            return line + b' "' + line
        case _:
            return line


def as_json(line: bytes) -> bytes:
    return (
        b'{"at":"2026-11-24T17:46:29+01:00","status":%s,"host":"h","request":"GET %s HTTP/1.1","bytes":12,'
        % (
            line[-3:],
            line[:40].replace(b"\\", b"\\\\").replace(b'"', b'\\"'),
        )
        + b'"agent":"x","from":"1.2.3.4","took":0.2,"upstream":"u:1","answers":"200","upstream_took":"0.19"}'
    )


@pytest.mark.parametrize("memory", [log_awk.MEMORY_MAX, 3])
@pytest.mark.parametrize("awk", AWKS, ids=lambda words: words[0])
@pytest.mark.parametrize("name", FORMATS)
def test_the_nodes_awk_counts_what_we_count(
    name: str, awk: list[str], memory: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(log_awk, "MEMORY_MAX", memory)
    monkeypatch.setattr(log_awk, "MEMORY_REST", memory * 10)
    rng = random.Random(name)
    form = named_format(FORMATS[name])
    for want in (FULL, Columns.NOTHING, Columns.TIME | Columns.PATHS, Columns.SHAPE):
        for expression in (
            "",
            "status>=500",
            "path~^/v1/ method=GET",
            "status=4xx",
            "backend=10.0.4.21:8080 time>0.1",
        ):
            lines = [pieces(rng) for _ in range(120)]
            lines += [as_json(line) for line in lines[:40]] + [
                b"17.5|200|GET|/a/7|h",
                b"1795542509.84|201|PUT|/b|h",
            ]
            recipe = CountQuery(form, want, where(expression), rng.choice(tuple(Resolution)))
            here = counted(recipe, lines)
            assert by_awk(recipe, b"".join(line + b"\n" for line in lines), awk) == here
            assert here.total + here.unparsed + here.left_out == len(lines)


def test_the_first_line_is_only_told_back_where_it_was_counted_before():
    counts = by_awk(CountQuery(named_format("iamops")), GOOD[-50:] + b"\n" + GOOD + b"\n", anchored=1)
    assert (counts.total, counts.unparsed) == (1, 0)


def test_a_line_of_a_megabyte_and_nuls_are_counted_like_any_other():
    recipe = CountQuery(named_format("iamops"))
    long = GOOD.replace(b"/v1/users", b"/" + b"a" * 1_000_000)
    nul = GOOD.replace(b"curl/8", b"cu\x00rl")
    here = counted(recipe, [long, nul])
    assert here.total == 2
    assert by_awk(recipe, long + b"\n" + nul + b"\n") == here
    assert max(len(key) for key in here.paths) < 300


ROUNDS = 150


@pytest.mark.parametrize("awk", AWKS, ids=lambda words: words[0])
@pytest.mark.parametrize("name", FORMS)
def test_the_nodes_awk_finds_the_same(name: str, awk: list[str]):
    log = [request.line for request in requests(name)]
    for want in (FULL, Columns.TIME, Columns.TIME | Columns.PATHS, Columns.SHAPE | Columns.CLIENTS, Columns.TIMES):
        for expression in ("", "status=5xx"):
            recipe = CountQuery(FORMS[name], want, where(expression), Resolution.TEN_SECONDS)
            here = counted(recipe, log)
            assert by_awk(recipe, b"".join(line + b"\n" for line in log), awk) == here


def test_a_request_under_many_forged_times_is_one_of_its_minute_for_the_nodes_awk_too():
    line = (
        b'10.0.4.1 - x [01/Jan/2020:00:00:00 +0000] " [02/Jan/2020:00:00:00 +0000] [24/Nov/2026:17:46:29 +0000] '
        b'"GET / HTTP/1.1" 200 612 "-" "-" "-"'
    ).replace(b'" [02', b"\\x22 [02")
    recipe = CountQuery(named_format("main"), Columns.TIME)
    assert counted(recipe, [line]).shapes == {"24/Nov/2026:17:46+0000\t200": 1}
    assert by_awk(recipe, line + b"\n") == counted(recipe, [line])
