"""`iamops traffic` on logs of this machine: the nodes' shells are real, their connections are not."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from iamops.cli.main import main
from iamops.cli.traffic import run as traffic_session
from iamops.nodes.transport import Unreachable
from tests.support.local_transport import LocalLines, LocalTransport
from tests.support.profiles import pair

LOG = "/var/log/nginx/access.log"


class NodeOfHere(LocalTransport):
    """A node whose log is a file of this test."""

    def __init__(self, log: Path) -> None:
        self._log = log

    @asynccontextmanager
    async def stream(self, argv: Sequence[str], *, feed: bool = False) -> AsyncIterator[Any]:
        here = [str(self._log) if word == LOG else word for word in argv]
        async with super().stream(here, feed=feed) as lines:
            yield _Renamed(lines, str(self._log).encode())


class _Renamed:
    """Lines in which this machine's path stands for the node's."""

    ending = None

    def __init__(self, lines: LocalLines, path: bytes) -> None:
        self._lines, self._path = lines, path

    async def write(self, chunk: bytes) -> None:
        await self._lines.write(chunk.replace(LOG.encode(), self._path))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for each in self._lines:
            yield each.replace(self._path, LOG.encode())


def line(
    path: str = "/v1/users/7", status: int = 200, ago_s: float = 60, host: str = "iam.api", took: str = "0.010"
):
    at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(time.time() - ago_s))
    return (
        f'10.0.4.1 - - [{at}] "GET {path} HTTP/1.1" {status} 100 "-" "curl" "-" host={host} '
        f"upstream=10.0.4.20:8080 upstream_status={status} request_time={took} upstream_time={took} request_id=1\n"
    )


@pytest.fixture
def logs(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / name / "access.log" for name in ("iam-a", "iam-b")}
    for log in found.values():
        log.parent.mkdir()
        log.write_text("")
    return found


@pytest.fixture
def run(logs, monkeypatch, capsys):
    """Runs the command line on the two logs; a TransportError takes a node's place."""

    def command(*argv: str, form: str = "iamops", **nodes: Any) -> tuple[int, str, str]:
        @asynccontextmanager
        async def attempts(_: object):
            yield {name: nodes.get(name.replace("-", "_")) or NodeOfHere(log) for name, log in logs.items()}

        monkeypatch.setattr(traffic_session, "connection_attempts", attempts)
        monkeypatch.setattr("iamops.session.profiles.load_profile", lambda _: pair(logs={"format": form}))
        code = main(["traffic", *argv])
        out = capsys.readouterr()
        return code, out.out, out.err

    return command


def test_totals_statuses_and_backends_of_every_node(run, logs):
    logs["iam-a"].write_text(line() * 3 + line(status=502) + "rubbish\n")
    logs["iam-b"].write_text(line(took="0.100"))
    code, out, _ = run("--json")
    document = json.loads(out)
    assert code == 0
    assert document["schema"] == "iamops.traffic/1"
    assert document["nodes"]["iam-a"]["by_status"] == {"200": 3, "502": 1}
    assert document["nodes"]["iam-a"]["unparsed"] == 1
    assert document["cluster"]["total"] == 5
    assert document["backends"]["10.0.4.20:8080"]["requests"] == 5
    assert document["backends"]["10.0.4.20:8080"]["errors"] == 1
    assert document["nodes"]["iam-b"]["latency_ms"] == {"p50": 100.0, "p90": 100.0, "p99": 100.0}


def test_backends_are_named_as_the_profile_calls_them_and_machines_are_never_added_up(run, logs):
    """Each nginx asks its own service by 127.0.0.1; the document keeps the addresses, too."""
    own, peer = (line(status=status).replace("10.0.4.20", "127.0.0.1") for status in (200, 502))
    logs["iam-a"].write_text(own * 3 + line().replace("10.0.4.20", "10.0.4.21"))
    logs["iam-b"].write_text(peer * 2 + line() + line().replace("10.0.4.20:8080", "127.0.0.1:9"))
    document = json.loads(run("--json", "--by", "backend")[1])
    assert [row["key"] for row in document["rows"]] == [
        "127.0.0.1:8080",
        "10.0.4.20:8080",
        "10.0.4.21:8080",
        "127.0.0.1:9",
    ]
    services = document["services"]
    assert {name: (each["requests"], each["errors"]) for name, each in services.items()} == {
        "iam-a apiserver": (4, 0),
        "iam-b apiserver": (3, 2),
        "iam-b 127.0.0.1:9": (1, 0),
    }
    assert services["iam-a apiserver"]["nodes"] == {"iam-a": 3, "iam-b": 1}
    out = run("--by", "backend")[1]
    assert [line.split() for line in out.splitlines() if "apiserver" in line] == [
        ["iam-a", "apiserver", "4", "50.0%", "0", "3", "1"],
        ["iam-b", "apiserver", "3", "37.5%", "2", "1", "2"],
    ]
    assert "127.0.0.1:8080" not in out
    out = run("--by", "backend", "--top", "1")[1]
    assert [line.split() for line in out.splitlines() if "others" in line] == [
        ["(others)", "4", "50.0%", "2", "1", "3"]
    ]
    assert "iam-b apiserver" in run()[1]
    assert "127.0.0.1:8080,iam-b,2" in run("--by", "backend", "--csv")[1]


def test_since_goes_through_rotated_and_compressed_files(run, logs):
    log = logs["iam-a"]
    log.with_name("access.log.2.gz").write_bytes(
        gzip.compress((line(ago_s=3000) * 2 + line(ago_s=1500) * 4).encode())
    )
    log.with_name("access.log.1").write_text(line(ago_s=900) * 8)
    log.write_text(line() * 16)
    totals = {
        span: json.loads(run("--json", "--since", span)[1])["nodes"]["iam-a"]["total"]
        for span in ("10m", "20m", "30m", "2h", "all")
    }
    assert totals == {"10m": 16, "20m": 24, "30m": 28, "2h": 30, "all": 16}


def test_of_a_long_log_only_the_end_is_read(run, logs):
    logs["iam-a"].write_text((line(ago_s=7200) + "rubbish\n") * 20_000 + line() * 7)
    node = json.loads(run("--json", "--since", "10m")[1])["nodes"]["iam-a"]
    assert node["total"] == 7
    assert node["unparsed"] < 500


def test_where_and_by(run, logs):
    logs["iam-a"].write_text(line("/v1/users/7") * 2 + line("/v1/users/8", 502) + line("/login"))
    _, out, _ = run("--json", "--by", "path", "--where", "path~^/v1/")
    document = json.loads(out)
    assert document["rows"] == [
        {"key": "/v1/users/:id", "total": 3, "share": 1.0, "errors": 1, "nodes": {"iam-a": 3, "iam-b": 0}}
    ]
    assert document["nodes"]["iam-a"]["left_out"] == 1
    assert document["backends"] is None
    assert "not counted" in document["backends_unknown"]


def test_what_is_cut_off_is_in_the_last_row(run, logs):
    logs["iam-a"].write_text("".join(line(f"/p{n}x") * (n + 1) for n in range(5)))
    logs["iam-b"].write_text(line("/p0x") * 2)
    _, out, _ = run("--json", "--by", "path", "--top", "2")
    rows = json.loads(out)["rows"]
    assert [(row["key"], row["total"]) for row in rows] == [("/p4x", 5), ("/p3x", 4), ("(others)", 8)]
    assert rows[-1]["nodes"] == {"iam-a": 6, "iam-b": 2}


def test_over_a_whole_file_names_are_not_cut_off_by_the_minute(run, logs):
    """A day of many clients: by minute they would be more than a node's table holds."""
    lines = [line(f"/p{n % 300}x", ago_s=60 * (n // 300)) for n in range(30_000)]
    logs["iam-a"].write_text("".join(lines))
    _, out, _ = run("--json", "--by", "path", "--since", "all", "--top", "500")
    rows = json.loads(out)["rows"]
    assert len(rows) == 300
    assert {row["total"] for row in rows} == {100}


def test_csv_holds_the_table_and_no_formula(run, logs):
    logs["iam-a"].write_text(line(host="=cmd()") + line())
    _, out, _ = run("--csv", "--by", "host")
    table = list(csv.reader(io.StringIO(out)))
    assert table[0] == ["host", "node", "requests"]
    assert ["'=cmd()", "iam-a", "1"] in table


def test_main_says_what_it_cannot_tell(run, logs):
    logs["iam-a"].write_text(line().partition(" host=")[0] + "\n")
    code, out, _ = run(form="main")
    assert code == 0
    assert "the log format has no backend" in out
    code, out, err = run("--by", "host", form="main")
    assert (code, out) == (2, "")
    assert "the log format has no host" in err
    assert "logs.format: iamops" in err
    assert run("--where", "time>1", form="main")[0] == 2


def test_a_log_in_another_format_than_the_profiles_is_said_to_be(run, logs):
    logs["iam-a"].write_text((line().partition(" host=")[0] + "\n") * 3)
    code, out, _ = run("--since", "all", form="$remote_addr [$time_local] $status")
    assert code == 0
    assert "3 lines are not in the log's format: nginx writes another format" in out


def test_a_node_that_cannot_be_reached_is_exit_4_and_the_other_is_shown(run, logs):
    logs["iam-a"].write_text(line())
    gone = Unreachable("iam-b", "no route", "look at it")
    code, out, err = run("--json", iam_b=gone)
    document = json.loads(out)
    assert code == 4
    assert document["nodes"]["iam-b"] == {"total": None, "total_unknown": "no route"}
    assert document["nodes"]["iam-a"]["total"] == 1
    assert "iam-b is not counted: no route" in err


def test_without_any_node_the_reason_is_told(run):
    gone = Unreachable("iam-a", "no route", "look at it")
    code, out, err = run(iam_a=gone, iam_b=gone)
    assert (code, out) == (4, "")
    assert "no route" in err


def test_a_log_that_is_not_there_is_said(run, logs):
    logs["iam-a"].unlink()
    code, _, err = run()
    assert code == 4
    assert "iam-a is not counted: there is no" in err


def test_hostile_names_are_shown_harmless(run, logs):
    logs["iam-a"].write_bytes(
        line("/\\x1B[31m[bold]\\x00").encode() + line().encode().replace(b"/v1", b"/\xff\x1b]0;x\x07")
    )
    for form in ("--json", "--csv"):
        _, out, _ = run(form, "--by", "path")
        assert "\x1b" not in out
        assert "\x07" not in out
    _, out, _ = run("--by", "path")
    assert "\x1b" not in out


@pytest.mark.parametrize("argv", [("--since", "yesterday"), ("--since", "-5m"), ("--top", "0"), ("--by", "moon")])
def test_bad_input_is_a_usage_error(run, argv):
    with pytest.raises(SystemExit) as left:
        run(*argv)
    assert left.value.code == 2


def test_an_unknown_node_in_where_is_a_usage_error(run):
    code, _, err = run("--where", "node=iam-z")
    assert code == 2
    assert "nodes: iam-a, iam-b" in err
