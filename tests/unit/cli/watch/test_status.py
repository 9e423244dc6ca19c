"""`iamops watch silence|status|test`: what stands in a watch's directory, and a trial."""

from __future__ import annotations

from iamops.judge.alerts.message import AlertKind, message
from iamops.ledger.outbox import Outbox
from iamops.ledger.watch_directory import WatchDirectory
from iamops.model.facts import Severity
from tests.support.sinks import Webhook
from tests.support.watch_command import Shell


def test_a_silence_begins_shows_and_ends(shell: Shell):
    begun = shell.run("silence", "30m", "--reason", "new disks\x1b[31m")
    assert begun.returncode == 0
    assert "held back for 30 min, until 20" in begun.stdout
    assert "no watch is running" in begun.stderr
    held = shell.document("status", "--json")["silence"]
    assert held["reason"] == "new disks\\x1b[31m"
    assert held["until"] - held["since"] == 1800
    assert shell.run("silence", "--end").stdout == "lab: the silence is over\n"
    assert shell.run("silence", "--end").stdout == "lab: there was no silence\n"
    assert shell.document("status", "--json")["silence"] is None


def test_status_says_what_is_open_and_what_waits(shell: Shell):
    assert shell.document("status", "--json")["running"] is False
    directory = WatchDirectory(shell.state)
    case = {"code": "unit-down", "node": "iam-a", "severity": "warning", "title": "iam-pump is inactive"}
    case |= {"first": 1_700_000_000.0, "needs": ["iam-a"], "open": True, "told_as": "warning"}
    kept = {"vips": {"VI_1": {"seen_on": "iam-b"}}, "cases": [case], "dampers": [], "hush": None}
    said = message(1_700_000_000.0, AlertKind.VIP_MOVE, Severity.CRITICAL, "lab", "VIP moved")
    with directory.held():
        Outbox(directory.outbox).put([said], ["mail"], kept)
        document = shell.document("status", "--json")
        text = shell.run("status").stdout
    assert document["running"] is True
    assert document["undelivered"] == 1
    assert document["vip"] == {"VI_1": "iam-b"}
    assert document["open"][0]["code"] == "unit-down"
    assert "open         [warning] iam-pump is inactive" in text
    assert "undelivered  1" in text


def test_a_trial_says_for_each_destination_whether_it_accepted(shell: Shell):
    with Webhook() as good, Webhook(status=500) as bad:
        path = shell.urls(good.url, bad.url + "?x=secret-key")
        done = shell.run("--to-file", path, "test")
        lines = done.stdout.splitlines()
        assert done.returncode == 1
        assert lines[0].startswith(f"OK      json://127.0.0.1:{good.port}: accepted in ")
        assert lines[1].startswith(f"FAILED  json://127.0.0.1:{bad.port}: ")
        assert "secret" not in done.stdout + done.stderr
        document = shell.document("test", "--to-file", shell.urls(good.url), "--json")
        assert document["destinations"][0]["accepted"] is True
        good.until(lambda arrived: len(arrived) == 2)
