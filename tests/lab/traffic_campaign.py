"""A known log, rotated in every way while it is written and the link is cut: does every count agree?"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from iamops.lab.lab import Lab
from iamops.model.profile import Profile
from iamops.session.cluster import Cluster
from iamops.session.profiles import load_profile
from tests.lab.conftest import LabForTests

NODE = "iam-a"
DIRECTORY = "/var/log/campaign"
LOG = f"{DIRECTORY}/access.log"
# Runs on the node: $1 lines, $2 rotations, $3 lines per second. Prints what it wrote.
GENERATOR = r"""
import gzip, json, os, sys, time
from collections import Counter
lines, rotations, rate = map(int, sys.argv[1:4])
log = "/var/log/campaign/access.log"
truth, paths, number = Counter(), Counter(), 0
out = open(log, "ab", buffering=0)
batch, began = 200, time.time()

def text():
    global number
    number += 1
    status = (200, 200, 200, 201, 304, 404, 499, 500, 502, 503)[number * 7 % 10]
    path = ("/v1/users/%d" % number, "/login", "/v1/secrets/%d/x" % (number % 50), "/q?n=%d" % number)[number % 4]
    truth[str(status)] += 1
    paths[("/v1/users/:id", "/login", "/v1/secrets/:id/x", "/q")[number % 4]] += 1
    at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    tail = "host=h%d upstream=10.0.4.2%d:8080 upstream_status=%d " % (number % 3, number % 2, status)
    tail += "request_time=0.%03d upstream_time=0.%03d request_id=%x" % (number % 1000, number % 1000, number)
    head = '10.0.0.%d - - [%s] "GET %s HTTP/1.1" %d 10 "-" "a \\x22b" "-"' % (number % 200, at, path, status)
    return ("%s %s\n" % (head, tail)).encode()

def shift():
    for old in range(60, 0, -1):
        for ending in ("", ".gz"):
            if os.path.exists("%s.%d%s" % (log, old, ending)):
                os.rename("%s.%d%s" % (log, old, ending), "%s.%d%s" % (log, old + 1, ending))

def pack(name):
    stat = os.stat(name)
    with open(name, "rb") as plain, gzip.open(name + ".gz.tmp", "wb", compresslevel=1) as packed:
        packed.write(plain.read())
    os.utime(name + ".gz.tmp", (stat.st_atime, stat.st_mtime))
    os.rename(name + ".gz.tmp", name + ".gz")
    os.unlink(name)

def rotate(kind):
    global out
    shift()
    if kind == "copytruncate":
        with open(log, "rb") as plain, open(log + ".1", "wb") as copy:
            copy.write(plain.read())
        os.truncate(log, 0)
        return
    os.rename(log, log + ".1")
    open(log, "ab").close()
    if kind == "late":
        out.write(b"".join(text() for _ in range(25)))
        time.sleep(0.3)
        out.write(text())
    out.close()
    out = open(log, "ab", buffering=0)
    if kind == "packed":
        time.sleep(0.05)
        pack(log + ".1")

kinds = ("rename", "late", "copytruncate", "packed")
due = [lines * (n + 1) // (rotations + 1) for n in range(rotations)]
while number < lines:
    chunk = b"".join(text() for _ in range(min(batch, lines - number)))
    half = len(chunk) // 2 if number % 3 == 0 else 0
    if half:
        out.write(chunk[:half])
        time.sleep(0.001)
    out.write(chunk[half:])
    if due and number >= due[0]:
        due.pop(0)
        rotate(kinds[len(due) % 4])
    ahead = number / rate - (time.time() - began)
    if ahead > 0:
        time.sleep(ahead)
print(json.dumps({"total": number, "by_status": truth, "paths": paths, "seconds": time.time() - began}))
"""
# Ends every connection of the login user, as a router that forgets them would.
CUT = "pkill -KILL -f '^sshd: iamops'; true"


# What is asked is whether every line is counted; how soon a link comes back on a busy machine is another question.
PATIENCE_S = 60


@dataclass(frozen=True)
class Outcome:
    """What was written and what was counted. `cpu_s` is the console's own processor time."""

    truth: dict[str, Any]
    total: int
    by_class: dict[str, int]
    by_status: dict[str, int]
    paths: dict[str, int]
    unparsed: int
    lost: int
    unread: str
    cuts: int
    cpu_s: float
    wall_s: float

    @property
    def wrong(self) -> list[str]:
        """Every count that is not the truth."""
        classes: dict[str, int] = {}
        for status, number in self.truth["by_status"].items():
            classes[f"{status[0]}xx"] = classes.get(f"{status[0]}xx", 0) + number
        claims: Sequence[tuple[str, Any, Any]] = (
            ("total", self.total, self.truth["total"]),
            ("by class", self.by_class, classes),
            ("by status", self.by_status, self.truth["by_status"]),
            ("paths", self.paths, self.truth["paths"]),
            ("unparsed", self.unparsed, 0),
            ("lost", self.lost, 0),
            ("not read, because", self.unread, ""),
        )
        return [f"{name}: counted {ours}, written {true}" for name, ours, true in claims if ours != true]


def campaign_profile() -> Profile:
    raw = load_profile("lab").model_dump(mode="json", exclude_unset=True)
    raw["logs"] = {"access": LOG, "format": "iamops"}
    return Profile.model_validate(raw)


async def campaign(lab: Lab | LabForTests, lines: int, rotations: int, cuts: int, rate: int) -> Outcome:
    """Writes, rotates, cuts and counts."""
    lab.must(
        NODE, ["sh", "-c", f"rm -rf {DIRECTORY}; mkdir -p {DIRECTORY}; touch {LOG}; chgrp -R adm {DIRECTORY}"]
    )
    lab.must(NODE, ["chmod", "2755", DIRECTORY])
    cluster = Cluster(campaign_profile(), for_console=True)
    await cluster.start()
    try:
        feed = cluster.traffic()
        await _until(lambda: feed.unreadable(NODE) == "", 20)
        cpu, began = time.process_time(), time.monotonic()
        argv = ["python3", "-c", GENERATOR, str(lines), str(rotations), str(rate)]
        writing = asyncio.create_task(asyncio.to_thread(lab.exec, NODE, argv, timeout_s=lines / rate * 3 + 60))
        done_cuts = 0
        while not writing.done():
            await asyncio.sleep(lines / rate / (cuts + 1))
            if done_cuts < cuts and not writing.done():
                await asyncio.to_thread(lab.exec, NODE, ["sh", "-c", CUT])
                done_cuts += 1
                cluster.refresh()
        done = await writing
        assert done.returncode == 0, done.stderr
        truth = json.loads(done.stdout)
        await asyncio.sleep(3)
        await _until(
            lambda: feed.unreadable(NODE) == "" and feed.access_log(NODE).count.total >= truth["total"], PATIENCE_S
        )
        await asyncio.sleep(2)
        count, totals = feed.access_log(NODE).count, feed.totals(NODE)
        seen = feed.series.window(3600, cluster.now(), NODE)
        return Outcome(
            truth,
            count.total,
            dict(count.by_class),
            dict(seen.statuses),
            _by_path(seen.paths),
            totals.unparsed,
            totals.lost,
            feed.unreadable(NODE),
            done_cuts,
            time.process_time() - cpu,
            time.monotonic() - began,
        )
    finally:
        await cluster.stop()
        lab.must(NODE, ["rm", "-rf", DIRECTORY])


def _by_path(table: dict[tuple[str, str], int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for (path, _), number in table.items():
        found[path] = found.get(path, 0) + number
    return found


async def _until(true: Any, wait_s: float) -> None:
    """Returns when it is true, or in vain: the counts will tell."""
    deadline = time.monotonic() + wait_s
    while not true() and time.monotonic() < deadline:  # noqa: ASYNC110 - it may be about anything
        await asyncio.sleep(0.1)
