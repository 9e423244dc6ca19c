"""Lines counted here and by the node's awk: the same tables, for every format and whatever stands in a line."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Sequence

import pytest

from iamops.accesslog import awk as log_awk
from iamops.accesslog.awk import awk_program, count_result
from iamops.accesslog.count import FULL, Columns, CountQuery, Counts, counted
from iamops.accesslog.filter import where
from iamops.accesslog.format import FormatError, log_format, named_format
from iamops.accesslog.values import Resolution

JSON = (
    'escape=json {"at":"$time_iso8601","status":$status,"host":"$host","request":"$request",'
    '"bytes":$bytes_sent,"agent":"$http_user_agent","from":"$remote_addr","took":$request_time,'
    '"upstream":"$upstream_addr","answers":"$upstream_status","upstream_took":"$upstream_response_time"}'
)
SPARE = "$msec|$status|$request_method|$request_uri|$server_name"
UNQUOTED = "$time_iso8601 [$remote_addr] $request_method $uri $status ${request_time}s"
FORMATS = {"main": "main", "iamops": "iamops", "json": JSON, "spare": SPARE, "unquoted": UNQUOTED}
AWKS = [[name] for name in ("mawk", "gawk", "original-awk") if shutil.which(name)]
AWKS += [["busybox", "awk"]] if shutil.which("busybox") else []

GOOD = (
    b'10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET /v1/users/17/keys/4?x=1 HTTP/1.1" 200 612 "-" "curl/8" "-" '
    b"host=iam.api upstream=10.0.4.20:8080, 10.0.4.21:8080 upstream_status=502, 200 request_time=0.132 "
    b"upstream_time=0.001, 0.131 request_id=ab"
)


def by_awk(recipe: CountQuery, log: bytes, awk: Sequence[str] = ("mawk",), anchored: int = 0) -> Counts:
    done = subprocess.run(
        [*awk, "-v", f"anchored={anchored}", awk_program(recipe)],
        input=log,
        capture_output=True,
        check=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    assert done.stderr == b""
    found = count_result(done.stdout.removesuffix(b"\n").split(b"\n"))
    assert found.anchor == (log.partition(b"\n")[0] if anchored else None)
    return found.counts


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


def test_everything_about_a_good_line():
    counts = counted(CountQuery(named_format("iamops")), [GOOD])
    slot = "24/Nov/2026:17:46+0000"
    upstream = "10.0.4.20:8080, 10.0.4.21:8080"
    assert counts.shapes == {f"{slot}\t200\tGET\tiam.api\t{upstream}\t502, 200": 1}
    assert counts.sent == {slot: 612}
    assert counts.paths == {f"{slot}\t200\t/v1/users/:id/keys/:id": 1}
    assert counts.clients == {f"{slot}\t10.0.4.1": 1}
    assert counts.times == {f"{slot}\t132": 1}
    assert counts.answers == {f"{slot}\t{upstream}\t0.001, 0.131": 1}


def test_main_tells_less_and_nothing_is_guessed():
    main = GOOD.partition(b" host=")[0]
    counts = counted(CountQuery(named_format("main")), [main])
    assert [key.split("\t")[2:] for key in counts.shapes] == [["GET", "", "", ""]]
    assert not counts.times
    assert not counts.answers


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


def test_many_different_paths_keep_the_table_small_and_every_request_in_it():
    line = GOOD.replace(b"/v1/users/17/keys/4?x=1", b"/p/%s")
    log = b"".join(line.replace(b"%s", b"x%dx" % number) + b"\n" for number in range(60_000))
    counts = by_awk(CountQuery(named_format("iamops"), Columns.TIME | Columns.PATHS), log)
    assert counts.paths.total() == counts.total == 60_000
    assert len(counts.paths) <= 20_001


def test_many_different_hosts_and_methods_keep_the_table_small_and_every_request_in_it():
    log = b"".join(
        GOOD.replace(b"GET", b"X%d" % number).replace(b"iam.api", b"h%d" % number) + b"\n"
        for number in range(50_000)
    )
    counts = by_awk(CountQuery(named_format("iamops"), Columns.SHAPE), log)
    assert counts.total == 50_000
    assert len(counts.shapes) <= log_awk.TABLE_MAX + 1
    assert {key.split("\t")[4] for key in counts.shapes} == {"10.0.4.20:8080, 10.0.4.21:8080"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [("$remote_addr [$time_local]", "status"), ("$status$request", "nothing stands between"), ("", "status")],
)
def test_a_format_from_which_nothing_can_be_counted_says_why(text: str, reason: str):
    with pytest.raises(FormatError, match=reason):
        log_format(text)
