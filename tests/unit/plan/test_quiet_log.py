"""A drain waits for nobody but requests that went to the backend, whatever clients write into the log."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.accesslog.format import named_format
from iamops.plan.observation import Judgement, Observation
from iamops.plan.through_nginx import NoRequestsTo
from tests.unit.parse.hostile_requests import written
from tests.unit.parse.test_log_counts import JSON

ENDPOINT = "10.9.9.9:80"
HOSTILE = [written(named_format("iamops"), random.Random(number)).line for number in range(200)]
ASKED = (
    b'10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/8" "-" '
    b"host=iam.api upstream=%s upstream_status=502, 200 request_time=0.1 upstream_time=0.1 request_id=ab"
)
Look = Callable[..., Observation]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """What is read where these lines come in while the drain waits."""

    def looked(*lines: bytes, form: str = "iamops", endpoint: str = ENDPOINT) -> Observation:
        log = tmp_path / "access.log"
        log.write_bytes(b"rubbish of before\n")
        waiting = NoRequestsTo("iam-a", endpoint, str(log), 1, quiet_s=0.0, form=form)
        argv = list(waiting.argv)
        # In place of the wait: what comes in meanwhile.
        new = tmp_path / "new"
        new.write_bytes(b"".join(line + b"\n" for line in lines))
        argv[2], argv[6] = argv[2].replace('sleep "$3"', 'cat -- "$3" >> "$1"'), str(new)
        done = subprocess.run(argv, capture_output=True, text=True)
        assert not done.stderr
        return waiting.judge_output(done.returncode, done.stdout, 1.0)

    return looked


ROTATIONS = {
    "copied and emptied": 'cp "$1" "$1.1"; : > "$1"',
    "renamed, and the new one is longer already": 'mv "$1" "$1.1"; cat "$3" "$3" > "$1"',
}


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_a_log_that_is_rotated_meanwhile_is_looked_at_again(rotation: str, tmp_path: Path):
    log, new = tmp_path / "access.log", tmp_path / "new"
    log.write_bytes(ASKED % b"-" + b"\n")
    new.write_bytes(ASKED % ENDPOINT.encode() + b"\n")
    waiting = NoRequestsTo("iam-a", ENDPOINT, str(log), 1, quiet_s=0.0)
    argv = [*waiting.argv]
    argv[2], argv[6] = argv[2].replace('sleep "$3"', ROTATIONS[rotation]), str(new)
    during = subprocess.run(argv, capture_output=True, text=True)
    reading = waiting.judge_output(during.returncode, during.stdout, 1.0)
    assert (reading.verdict, "was rotated" in reading.text) == (Judgement.NOT_YET, True)
    after = subprocess.run([*waiting.argv], capture_output=True, text=True)
    assert waiting.judge_output(after.returncode, after.stdout, 1.0).verdict is Judgement.HOLDS


def test_a_log_that_was_renamed_and_is_written_on_is_not_quiet(tmp_path: Path):
    """nginx has not opened the new one yet: whatever it answers is written into the old one."""
    log, old = tmp_path / "access.log", tmp_path / "access.log.1"
    log.write_bytes(b"")
    os.utime(log, (1_000_000, 1_000_000))
    old.write_bytes(ASKED % ENDPOINT.encode() + b"\n")
    waiting = NoRequestsTo("iam-a", ENDPOINT, str(log), 1, quiet_s=0.0)
    for age_s, verdict in ((0, Judgement.NOT_YET), (10, Judgement.HOLDS)):
        os.utime(old, (1_000_005 - age_s, 1_000_005 - age_s))
        done = subprocess.run([*waiting.argv], capture_output=True, text=True)
        assert waiting.judge_output(done.returncode, done.stdout, 1.0).verdict is verdict, done.stdout


def test_an_old_worker_that_still_answers_holds_it_up():
    waiting = NoRequestsTo("iam-a", ENDPOINT, "/var/log/nginx/access.log", 1)
    reading = waiting.judge_output(0, "0 0 1\n", 1.0)
    assert (reading.verdict, "1 old worker still at work" in reading.text) == (Judgement.NOT_YET, True)


def test_an_address_in_a_clients_text_holds_up_no_drain(look: Look):
    # The generator's requests name the address wherever a client can write.
    assert sum(ENDPOINT.encode() in line for line in HOSTILE) > 30
    assert look(*HOSTILE).verdict is Judgement.HOLDS


@pytest.mark.parametrize(
    "upstream", [b"10.9.9.9:80", b"10.0.4.20:8080, 10.9.9.9:80", b"10.9.9.9:80 : 10.0.4.20:8080"]
)
def test_a_request_that_went_there_does(look: Look, upstream: bytes):
    reading = look(*HOSTILE, ASKED % upstream)
    assert (reading.verdict, reading.text[:9]) == (Judgement.NOT_YET, "1 request")


@pytest.mark.parametrize("upstream", [b"10.9.9.9:8080", b"110.9.9.9:80", b"10.9.9.90:80", b"10x9.9.9:80"])
def test_an_address_that_looks_like_it_does_not(look: Look, upstream: bytes):
    assert look(ASKED % upstream).verdict is Judgement.HOLDS


def test_an_ipv6_backend_and_json_are_read_too(look: Look):
    line = (
        b'{"at":"2026-11-24T17:46:29+01:00","status":200,"host":"h",'
        b'"request":"GET / \\"upstream\\":\\"[fd00::21]:80\\"",'
        b'"bytes":12,"agent":"x","from":"1.2.3.4","took":0.2,"upstream":"%s","answers":"200","upstream_took":"0.19"}'
    )
    assert look(line % b"[fd00::20]:80", form=JSON, endpoint="[fd00::21]:80").verdict is Judgement.HOLDS
    assert look(line % b"[fd00::21]:80", form=JSON, endpoint="[fd00::21]:80").verdict is Judgement.NOT_YET


@pytest.mark.parametrize("upto", [b' "-" "curl/8"', b" host="])
def test_lines_in_another_format_leave_it_unknown_where_requests_went(look: Look, upto: bytes):
    reading = look(ASKED % b"-", ASKED.partition(upto)[0])
    assert reading.verdict is Judgement.UNKNOWN
    assert "logs.format" in reading.text
