"""No action harms what it touches, and success means that clients are served."""

from __future__ import annotations

import time

import pytest

from tests.lab.acting import ActingLab, Done
from tests.lab.serving import AFTER_DEFAULTS_S, CONF, by_default, clients, edited, telling_nothing

UNIT = "iam-apiserver"


def waits(done: Done) -> list[float]:
    """How long it was waited until nginx had taken the unit's backends back, node by node."""
    steps = [step for step in done.document["steps"] if step["title"].startswith("wait until nginx")]
    return [step["took_s"] for step in steps if f" {UNIT} " in step["title"]]


def test_a_rolling_restart_fails_no_request_nor_does_what_follows(serving: ActingLab):
    with clients(serving) as witness:
        done = serving.act("restart", UNIT, "--rolling")
    assert done.code == 0, done.err
    assert witness.failed == 0, (witness.result, done.document["steps"])
    assert witness.result["attempts"] > 500


def test_two_restarts_in_a_row_fail_no_request(serving: ActingLab):
    with clients(serving) as witness:
        first = serving.act("restart", UNIT, "iam-b")
        time.sleep(1.0)
        second = serving.act("restart", UNIT, "iam-a")
    assert (first.code, second.code) == (0, 0), (first.err, second.err)
    assert witness.failed == 0, witness.result


def test_an_nginx_with_its_defaults_is_waited_for_as_long_as_it_gives_a_backend_up(serving: ActingLab):
    with by_default(serving), clients(serving, after_s=AFTER_DEFAULTS_S) as witness:
        done = serving.act("restart", UNIT, "--rolling")
    assert done.code == 0, done.err
    assert witness.failed == 0, (witness.result, done.document["steps"])
    assert [took_s >= 10.0 for took_s in waits(done)] == [True, True]


@pytest.mark.long
def test_a_log_that_names_no_backend_is_no_reason_to_go_on_at_once(serving: ActingLab):
    with telling_nothing(serving), clients(serving) as witness:
        done = serving.act("restart", UNIT, "--rolling")
    assert done.code == 0, done.err
    assert witness.failed == 0, (witness.result, done.document["steps"])
    assert [took_s >= 3.0 for took_s in waits(done)] == [True, True]


def test_the_backend_that_nginx_would_miss_is_not_stopped_though_its_peer_is_healthy(serving: ActingLab):
    """nginx on the owner passes nothing to iam-a's backend, which is well, and calls it by a host name, which may
    be anybody's: only requests through nginx tell.
    """
    with edited(serving, "iam-a", CONF, r"s/^( *server )127.0.0.1:8080/\1iam-a:8079/"):
        serving.must("iam-a", ["systemctl", "reload", "nginx"])
        with clients(serving, after_s=1.0) as witness:
            done = serving.act("restart", UNIT, "iam-b")
    serving.must("iam-a", ["systemctl", "reload", "nginx"])
    assert (done.code, done.denied) == (3, ["last-backend"])
    # Every two seconds nginx asks that one again, in vain.
    told = "only by 10.0.4.21:8080", ":8079 did not answer every request well"
    assert any(each in done.document["sentence"] for each in told), done.document["sentence"]
    assert witness.failed == 0, witness.result


def test_a_gap_beyond_the_forecast_is_no_success(serving: ActingLab):
    """nginx on the owner takes three seconds to come back: it did what was asked, and clients paid for it."""
    slow = "/run/systemd/system/nginx.service.d/slow.conf"
    serving.must("iam-a", ["mkdir", "-p", slow.rpartition("/")[0]])
    serving.shell("iam-a", f"printf '[Service]\\nExecStartPre=sleep 3\\n' >{slow}")
    serving.must("iam-a", ["systemctl", "daemon-reload"])
    try:
        done = serving.act("restart", "nginx", "iam-a")
    finally:
        serving.must("iam-a", ["rm", slow])
        serving.must("iam-a", ["systemctl", "daemon-reload"])
    assert (done.code, done.document["outcome"]) == (1, "failed"), done.err
    assert "a client got no good answer for" in done.document["sentence"]
    assert done.document["client"]["longest_gap_ms"] > 2500
    assert done.document["plan"]["forecast"]["gap_ms"] == 1000
