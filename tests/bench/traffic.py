"""Counting: how fast, how exactly, and at what cost, beside plain mawk and goaccess on the same file."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from iamops.accesslog.awk import awk_program
from iamops.accesslog.count import FULL, Columns, CountQuery, Counts
from iamops.accesslog.format import named_format
from iamops.lab.lab import Lab
from iamops.nodes.logs.follower import LogFollower, Progress
from iamops.nodes.logs.reader import reading
from iamops.session.cluster import Cluster
from iamops.session.profiles import find_profile, load_profile
from tests.bench.figures import Row, percentile
from tests.bench.startup import IAMOPS
from tests.lab.traffic_campaign import DIRECTORY, LOG, NODE, campaign_profile
from tests.support.local_transport import LocalTransport

LINES = 1_000_000
RUNS = 5
# By hand, for this one format and this one question: what a quick script does.
PLAIN = r"""
BEGIN { FS = "\"" }
{ split($2, r, " "); c[substr($3, 2, 3), substr($1, index($1, "[") + 1, 17), r[2]]++ }
END { for (k in c) n++; print n }
"""
GOACCESS = '%h - %^ [%d:%t %^] "%r" %s %b "%R" "%u" "%^"'
# Writes lines at a steady rate, each second's in ten parts. Runs on the node.
STEADY = r"""
import sys, time
rate, seconds = int(sys.argv[1]), int(sys.argv[2])
out = open("/var/log/campaign/access.log", "ab", buffering=0)
began, part = time.time(), rate // 10
for tick in range(seconds * 10):
    at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    out.write(b"".join((
        '10.0.%d.%d - - [%s] "GET /v1/users/%d HTTP/1.1" %d 612 "-" "curl/8" "-" host=iam.api '
        "upstream=10.0.4.2%d:8080 upstream_status=200 request_time=0.%03d upstream_time=0.%03d request_id=%x\n"
        % (n % 4, n % 250, at, n, 200 if n % 50 else 502, n % 2, n % 90, n % 80, n)).encode()
        for n in range(tick * part, tick * part + part)))
    time.sleep(max(0, began + (tick + 1) / 10 - time.time()))
print(part * 10 * seconds)
"""


@dataclass(frozen=True)
class Timed:
    """Processor seconds and elapsed seconds of one run."""

    cpu_s: float
    wall_s: float


def traffic_rows(seconds: int = 60, paths: int = 10_000_000) -> list[Row]:
    """Every number about counting."""
    with tempfile.TemporaryDirectory(prefix="iamops-bench-") as directory:
        log = Path(directory) / "access.log"
        _write_main(log, LINES)
        rows = [_speed(log), _command(log, Path(directory)), _agreement(log)]
    return [*rows, _memory(paths), *_live(20_000, seconds)]


def _write_main(log: Path, lines: int) -> None:
    """A day's worth of the seed's `main` lines: five paths, two of them with many ids."""
    rng = random.Random(1)
    with log.open("w") as out:
        for number in range(lines):
            second = number * 80_000 // lines
            at = f"24/Nov/2026:{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} +0000"
            path = (
                f"/v1/users/{rng.randrange(100_000)}",
                "/v1/policies",
                "/healthz",
                f"/v1/s/{number % 1000}",
                "/login",
            )
            status = rng.choices((200, 201, 404, 499, 502), (80, 10, 6, 2, 2))[0]
            out.write(
                f'10.0.{number % 4}.{rng.randrange(250)} - - [{at}] "GET {path[number % 5]} HTTP/1.1" {status} '
                f'{rng.randrange(100, 5000)} "-" "curl/7.88.1" "-"\n'
            )


def _timed(argv: Sequence[str]) -> tuple[Timed, bytes]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(list(argv), capture_output=True, check=True, env={**os.environ, "LC_ALL": "C"})
    return _since(before, began), done.stdout


def _since(before: resource.struct_rusage, began: float) -> Timed:
    """What children took that have ended since."""
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Timed(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def _ours(log: Path, want: Columns) -> tuple[Timed, Counts]:
    """As the product counts a node's whole log: by the reader's shell, here without SSH."""
    recipe, counts = CountQuery(named_format("main"), want), Counts()

    async def read() -> None:
        async with reading(LocalTransport(), str(log), recipe) as reader:  # type: ignore[arg-type]
            await LogFollower(str(log), Progress(), counts.add, time.monotonic).begin(reader)

    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    asyncio.run(read())
    return _since(before, began), counts


def _speed(log: Path) -> Row:
    ours = [_ours(log, Columns.TIME | Columns.PATHS)[0] for _ in range(RUNS)]
    everything = [_ours(log, FULL)[0].wall_s for _ in range(2)]
    plain = [_timed(["mawk", PLAIN, str(log)])[0].wall_s for _ in range(RUNS)]
    goaccess, _ = _goaccess(log)
    wall_s, cpu_s = (percentile([getattr(each, of) for each in ours], 0.5) for of in ("wall_s", "cpu_s"))
    return Row(
        "1 M lines counted by status, path and minute",
        f"median {wall_s:.2f} s (n={RUNS}), {cpu_s:.2f} s of processor time on {os.cpu_count()} cores; "
        f"everything at once {percentile(everything, 0.5):.2f} s",
        "1.0 s",
        f"mawk by hand {percentile(plain, 0.5):.2f} s, goaccess {goaccess.wall_s:.1f} s",
        wall_s <= 1.0,
    )


def _command(log: Path, directory: Path) -> Row:
    """The whole command on a node that has the file: connecting, counting and printing."""
    lab = Lab(load_profile("lab"))
    _empty_campaign(lab)
    lab.exec(NODE, ["sh", "-c", f"cat >{LOG}"], stdin=log.read_bytes(), timeout_s=120)
    profile = directory / "bench.yaml"
    raw = yaml.safe_load(find_profile("lab").read_text())
    raw["logs"] = {"access": LOG, "format": "main"}
    profile.write_text(yaml.safe_dump(raw))
    argv = [*IAMOPS, "--profile", str(profile), "traffic", "--by", "path", "--since", "all", "--json"]
    argv += ["--where", f"node={NODE}"]
    seconds = []
    for _ in range(RUNS):
        timed, out = _timed(argv)
        seconds.append(timed.wall_s)
        if json.loads(out)["cluster"]["total"] != LINES:
            raise RuntimeError("the command counted something else")
    lab.must(NODE, ["rm", "-rf", DIRECTORY])
    told = f"median {percentile(seconds, 0.5):.2f} s (n={RUNS})"
    return Row("`iamops traffic --by path` on that file, from the shell to the answer", told, "-", "-", None)


def _empty_campaign(lab: Lab) -> None:
    script = (
        f"rm -rf {DIRECTORY}; mkdir -p {DIRECTORY}; touch {LOG}; chgrp -R adm {DIRECTORY}; chmod 2755 {DIRECTORY}"
    )
    lab.must(NODE, ["sh", "-c", script])


def _goaccess(log: Path) -> tuple[Timed, dict[str, Any]]:
    argv = ["goaccess", str(log), f"--log-format={GOACCESS}", "--date-format=%d/%b/%Y", "--time-format=%T"]
    timed, out = _timed([*argv, "--no-query-string", "--no-global-config", "-o", "json", "--max-items=1000000"])
    parsed: dict[str, Any] = json.loads(out)
    return timed, parsed


def _agreement(log: Path) -> Row:
    """Totals, statuses, bytes and clients, number by number; by time the rarest clients would be cut off."""
    _, counts = _ours(log, FULL & ~Columns.TIME)
    _, theirs = _goaccess(log)
    statuses: Counter[str] = Counter()
    for key, number in counts.shapes.items():
        statuses[key.split("\t")[1]] += number
    clients: Counter[str] = Counter()
    for key, number in counts.clients.items():
        clients[key.split("\t")[1]] += number
    found = {
        "total": (counts.total, theirs["general"]["valid_requests"]),
        "bytes": (counts.sent.total(), theirs["general"]["bandwidth"]),
        "clients": (dict(clients), {each["data"]: each["hits"]["count"] for each in theirs["hosts"]["data"]}),
        "statuses": (
            dict(statuses),
            {
                item["data"].split()[0]: item["hits"]["count"]
                for group in theirs["status_codes"]["data"]
                for item in group.get("items", [])
            },
        ),
    }
    wrong = [name for name, (ours, other) in found.items() if ours != other]
    told_of = f"different: {', '.join(wrong)}" if wrong else f"the same: {', '.join(found)}"
    return Row(
        "the same file counted by goaccess", told_of, "all the same", "goaccess --no-query-string", not wrong
    )


def _memory(paths: int) -> Row:
    """The most memory that a node's awk takes, for a tenth of the paths and for all of them."""
    line = '10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET /x%dx HTTP/1.1" 200 5 "-" "-" "-"\\n'
    program = awk_program(CountQuery(named_format("main"), Columns.TIME | Columns.PATHS))
    peaks = []
    for count in (paths // 10, paths):
        feed = f'BEGIN {{ for (n = 0; n < {count}; n++) printf "{line.replace(chr(34), chr(92) + chr(34))}", n }}'
        script = 'mawk "$1" | python3 -c "$3" "$2"'
        measure = (
            "import os, resource, subprocess, sys; subprocess.run(['mawk', sys.argv[1]], stdout=subprocess.PIPE); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        out = subprocess.run(["sh", "-c", script, "sh", feed, program, measure], capture_output=True, check=True)
        peaks.append(int(out.stdout) / 1024)
    return Row(
        f"memory of a node's awk over {paths:,} distinct paths",
        f"{peaks[1]:.0f} MB (a tenth of them: {peaks[0]:.0f} MB)",
        "flat",
        "-",
        peaks[1] < peaks[0] * 1.2,
    )


def _live(rate: int, seconds: int) -> list[Row]:
    counted, written, ours_pct, node_pct = asyncio.run(followed(rate, seconds))
    return [
        Row(f"live, {rate:,} lines/s for {seconds} s: lost", str(written - counted), "0", "-", counted == written),
        Row("the same: CPU of the console's side", f"{ours_pct:.1f} %", "10 % of a core", "-", ours_pct <= 10),
        Row("the same: CPU of counting on the node", f"{node_pct:.1f} %", "10 % of a core", "-", node_pct <= 10),
    ]


async def followed(rate: int, seconds: int) -> tuple[int, int, float, float]:
    """(counted, written, our CPU in % of a core, the node's)."""
    lab = Lab(load_profile("lab"))
    _empty_campaign(lab)
    cluster = Cluster(campaign_profile(), for_console=True)
    await cluster.start()
    try:
        feed = cluster.traffic()
        while feed.unreadable(NODE):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.2)
        await asyncio.sleep(3)
        ours, node, began = time.process_time(), _node_cpu_s(lab), time.monotonic()
        argv = ["python3", "-c", STEADY, str(rate), str(seconds)]
        done = await asyncio.to_thread(lab.exec, NODE, argv, timeout_s=seconds * 2 + 60)
        span = time.monotonic() - began
        ours, node = time.process_time() - ours, _node_cpu_s(lab) - node
        await asyncio.sleep(3)
        return feed.access_log(NODE).count.total, int(done.stdout), 100 * ours / span, 100 * node / span
    finally:
        await cluster.stop()
        lab.must(NODE, ["rm", "-rf", DIRECTORY])


def _node_cpu_s(lab: Lab) -> float:
    """Processor seconds of everything that the login user runs on the node, ended children included."""
    script = "for pid in $(pgrep -u iamops); do cat /proc/$pid/stat 2>/dev/null; done; getconf CLK_TCK"
    *stats, ticks = lab.exec(NODE, ["sh", "-c", script]).stdout.decode().splitlines()
    fields = (line.rpartition(")")[2].split() for line in stats)
    return sum(sum(map(int, each[11:15])) for each in fields) / int(ticks)
