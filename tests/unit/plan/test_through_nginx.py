"""What requests through an nginx, and its log, tell of its backends."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from iamops.accesslog.format import named_format
from iamops.plan.observation import Judgement, Observation
from iamops.plan.through_nginx import NoRequestsTo, OthersServe, TakenBack
from tests.support.access_logs import JSON
from tests.support.hostile_requests import written

A_AT_HOME = ("127.0.0.1:8080", "[::1]:8080", "localhost:8080", "10.0.4.20:8080")


def answer(backends: dict[str, int] | None, failed: int = 0, **more: object) -> str:
    said = {"sent": 6, "failed": failed, "complaint": "HTTP 502", "backends": backends, **more}
    return json.dumps({"unavailable": "no $upstream_addr", **said})


OTHERS = OthersServe("iam-a", "iam-apiserver", ("10.0.4.21:8080",), A_AT_HOME, 3.0, shared=True)
BACK = TakenBack("iam-a", "iam-apiserver", ("10.0.4.21:8080",), A_AT_HOME, 3.0, shared=True)
BOTH = {"127.0.0.1:8080": 3, "10.0.4.21:8080": 3}
HOLDS, NOT_YET = Judgement.HOLDS, Judgement.NOT_YET
STRANGE = ("127.0.1.1:8080", "192.168.7.20:8080", "unix:/run/iam.sock", "[::ffff:10.0.4.20]:8080")


@pytest.mark.parametrize(
    ("text", "at_once", "later"),
    [
        (answer(BOTH), HOLDS, HOLDS),
        (answer({"127.0.0.1:8080": 1}, failed=5), NOT_YET, NOT_YET),
        (answer({"-": 6}), NOT_YET, NOT_YET),
        (answer({"-": 3, "10.0.4.21:8080": 3}), NOT_YET, NOT_YET),
        (answer({"-": 3, **BOTH}), HOLDS, HOLDS),
        (answer({"10.0.4.21:8080": 6}), NOT_YET, NOT_YET),
        (answer({}, failed=6), NOT_YET, NOT_YET),
        (answer(None), NOT_YET, HOLDS),
        (answer({}), NOT_YET, HOLDS),
        (answer(None, failed=1), NOT_YET, NOT_YET),
        *((answer({each: 6}), NOT_YET, HOLDS) for each in STRANGE),
        *((answer({each: 3, "10.0.4.21:8080": 3}), NOT_YET, HOLDS) for each in STRANGE),
    ],
)
def test_another_backend_serves_when_it_was_seen_to_or_nginxs_time_was_waited_out(text, at_once, later):
    assert OTHERS.judge_output(0, text, 0.0).verdict is at_once
    assert OTHERS.judge_output(0, text, 2.9).verdict is at_once
    assert OTHERS.judge_output(0, text, 3.0).verdict is later


def test_without_a_zone_other_workers_may_still_have_the_other_backend_given_up():
    alone = replace(OTHERS, shared=False)
    reading = alone.judge_output(0, answer(BOTH), 0.5)
    assert reading.verdict is NOT_YET
    assert "2 s more" in reading.text
    assert "each of its workers counts for itself" in reading.text
    assert alone.judge_output(0, answer(BOTH), 3.0).verdict is HOLDS
    assert alone.judge_output(0, answer({"10.0.4.21:8080": 6}), 30.0).verdict is NOT_YET
    assert replace(alone, settles_s=0.0).judge_output(0, answer(BOTH), 0.0).verdict is HOLDS


def test_only_ever_answered_by_one_backend_is_no_sign_where_requests_are_not_spread_evenly():
    hashed, back = replace(OTHERS, even=False), replace(BACK, even=False)
    assert hashed.judge_output(0, answer({"10.0.4.21:8080": 6}), 1.0).verdict is NOT_YET
    assert hashed.judge_output(0, answer({"10.0.4.21:8080": 6}), 3.0).verdict is HOLDS
    assert back.judge_output(0, answer({"127.0.0.1:8080": 6}), 1.0).verdict is NOT_YET
    assert back.judge_output(0, answer({"127.0.0.1:8080": 6}), 3.0).verdict is HOLDS
    assert back.judge_output(0, answer(BOTH), 0.0).verdict is HOLDS


@pytest.mark.parametrize(
    ("text", "shared", "at_once", "later"),
    [
        (answer(BOTH), True, HOLDS, HOLDS),
        (answer(BOTH), False, NOT_YET, HOLDS),
        (answer({"127.0.0.1:8080": 6}), True, NOT_YET, NOT_YET),
        (answer({"127.0.0.1:8080": 3, "10.0.4.21:8080": 2}, failed=1), True, NOT_YET, NOT_YET),
        (answer(None), True, NOT_YET, HOLDS),
        (answer(None), False, NOT_YET, HOLDS),
        (answer({"-": 6}), True, NOT_YET, HOLDS),
        (answer({"-": 3, "127.0.0.1:8080": 3}), True, NOT_YET, NOT_YET),
        (answer(BOTH, in_vain={"10.0.4.21:8080": 1}), True, NOT_YET, NOT_YET),
        (answer(BOTH, in_vain={"127.0.0.1:8080": 1}), True, HOLDS, HOLDS),
        *((answer({each: 3, "127.0.0.1:8080": 3}), True, NOT_YET, HOLDS) for each in STRANGE),
    ],
)
def test_a_backend_is_back_when_it_is_seen_and_no_worker_may_still_have_given_it_up(text, shared, at_once, later):
    look = replace(BACK, shared=shared)
    assert look.judge_output(0, text, 0.0).verdict is at_once
    assert look.judge_output(0, text, 2.9).verdict is at_once
    assert look.judge_output(0, text, 3.0).verdict is later


def test_what_is_waited_for_begins_anew_with_a_request_that_fails():
    """It may have failed because a backend was given up just then."""
    failed = json.dumps({**json.loads(answer(None)), "failed_ago_s": 1.0})
    for look in (OTHERS, BACK):
        assert look.judge_output(0, failed, 20.0).verdict is NOT_YET
        assert "2 s" in look.judge_output(0, failed, 20.0).text


STOPPED, OTHER = "10.0.4.21:8080", "127.0.0.1:8080"
PARTLY = {OTHER: 1, STOPPED: 3}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        # Who failed is not known, was another one, or was nobody that the profile knows.
        (answer(PARTLY, failed=2), NOT_YET),
        (answer(PARTLY, failed=2, nameless=0, in_vain={OTHER: 2}), NOT_YET),
        (answer(PARTLY, failed=2, nameless=0, in_vain={"api": 2}), NOT_YET),
        (answer(PARTLY, failed=2, nameless=1, in_vain={STOPPED: 1}), NOT_YET),
        # Another one was asked in vain, though nginx then got its answer elsewhere.
        (answer({OTHER: 3, STOPPED: 3}, in_vain={OTHER: 2}), NOT_YET),
        # What the backend that is to be stopped has failed is no reason to leave it as it is.
        (answer({OTHER: 4}, failed=2, nameless=0, in_vain={STOPPED: 2}), HOLDS),
        (answer({OTHER: 6}, in_vain={STOPPED: 1}), HOLDS),
    ],
)
def test_every_answer_is_good_but_for_what_the_backend_itself_has_failed(text: str, verdict: Judgement):
    assert OTHERS.judge_output(0, text, 0.1).verdict is verdict


def test_a_backend_that_was_asked_in_vain_is_waited_for_anew_unless_it_is_the_one_that_stops():
    alone = replace(OTHERS, shared=False)
    for name, verdict in ((OTHER, NOT_YET), (STOPPED, HOLDS)):
        lately = answer(BOTH, in_vain_ago_s={name: 1.0})
        assert alone.judge_output(0, lately, 20.0).verdict is verdict


def test_an_answer_that_nginx_gives_by_itself_proves_no_backend():
    reading = OTHERS.judge_output(0, answer({"-": 6}), 600.0)
    assert (reading.verdict, "asks no backend" in reading.text) == (NOT_YET, True)
    assert replace(OTHERS, even=False).judge_output(0, answer({"-": 6}), 600.0).verdict is NOT_YET


def test_what_was_waited_for_counts_until_an_answer_is_not_good():
    look = replace(OTHERS, shared=False, waited_for="10.0.4.20:8080")
    assert look.judge_output(0, answer(None), 0.0).verdict is HOLDS
    assert "since 10.0.4.20:8080 was waited for" in look.judge_output(0, answer(None), 0.0).text
    assert look.judge_output(0, answer(BOTH, failed_ago_s=5.0), 0.5).verdict is HOLDS
    for lately in ({"failed_ago_s": 0.4}, {"in_vain_ago_s": {OTHER: 0.4}}):
        for backends in (None, BOTH):
            assert look.judge_output(0, answer(backends, **lately), 0.5).verdict is NOT_YET
    assert look.judge_output(0, answer(None, failed_ago_s=3.0), 3.5).verdict is HOLDS
    assert look.waits_s() == 3.0


def test_the_reading_names_a_stranger_that_answered():
    for look in (OTHERS, BACK):
        for elapsed_s in (0.0, 3.0):
            assert "127.0.1.1:8080" in look.judge_output(0, answer({"127.0.1.1:8080": 6}), elapsed_s).text


def test_an_nginx_that_cannot_be_asked_is_unknown():
    assert OTHERS.judge_output(1, "{}", 0.0).verdict is Judgement.UNKNOWN
    assert BACK.judge_output(1, "{}", 0.0).verdict is Judgement.UNKNOWN


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
