"""What journals, logs, pushes, files and the ledger tell, as happenings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from iamops.judge.triage.timeline import (
    error_steps,
    merged,
    of_edits,
    of_journal,
    of_ledger,
    of_pushes,
    splits,
    turns,
)
from iamops.model.journal import TimelineEvent, TimelineEventKind
from iamops.model.traffic import Traffic
from iamops.parse.config_files import PushRecord
from iamops.parse.journal import JournalRecord, journal_record
from iamops.parse.systemd import boot_took
from tests.support.profiles import pair

CAPTURE = Path(__file__).parents[3] / "fixtures" / "keepalived" / "journal.jsonl"
PROFILE = pair()


def minute(ok: int, bad: int = 0) -> Traffic:
    return Traffic(statuses=Counter({"200": ok, "502": bad}))


def told(happenings) -> list[str]:
    return [each.text for each in happenings]


def test_a_journal_tells_transitions_and_starts_with_times_of_our_clock() -> None:
    records = [journal_record(line) for line in CAPTURE.read_bytes().splitlines()]
    found = list(of_journal([each for each in records if each], PROFILE, "iam-a", ahead_s=2.0))
    assert told(each for each in found if each.kind is TimelineEventKind.VIP) == [
        "VI_1 entered BACKUP",
        "VI_1 entered MASTER, VIP 10.0.4.99",
    ]
    assert "keepalived started" in told(found)
    started = next(each for each in found if each.text == "keepalived started")
    assert started.at == pytest.approx(1795442293.465570 - 2.0)


def test_an_application_cannot_speak_for_systemd_or_keepalived() -> None:
    fake = [
        JournalRecord(1.0, "nginx", "Started keepalived.service", False),
        JournalRecord(1.0, "iam-pump", "(VI_1) Entering MASTER STATE", False),
    ]
    assert list(of_journal(fake, PROFILE, "iam-a", 0.0)) == []


def test_a_boot_is_told_with_how_long_it_took() -> None:
    message = "Startup finished in 2.7s (kernel) + 11.2s (userspace) = 13.9s."
    assert boot_took(message) == "13.9s"
    (boot,) = of_journal([JournalRecord(9.0, "init.scope", message, False)], PROFILE, "iam-b", 0.0)
    assert (boot.kind, boot.text) == (TimelineEventKind.BOOT, "booted, in 13.9s")


def test_a_step_of_five_points_among_ten_requests_is_told_both_ways() -> None:
    slots = {0: minute(100), 60: minute(94, 6), 120: minute(94, 6), 180: minute(100)}
    assert told(error_steps(slots, "iam-a", 0.0)) == [
        "5xx rise from 0 % to 6 % of 100 requests in 60 s",
        "5xx fall from 6 % to 0 % of 100 requests in 60 s",
    ]


def test_few_requests_or_few_points_are_no_step() -> None:
    assert not list(error_steps({0: minute(100), 60: minute(1, 8)}, "iam-a", 0.0))
    assert not list(error_steps({0: minute(100), 60: minute(96, 4)}, "iam-a", 0.0))
    assert list(error_steps({0: minute(100), 60: minute(1, 9)}, "iam-a", 0.0))


def test_quiet_minutes_are_passed_over_and_lines_without_a_time_say_nothing() -> None:
    slots = {-1: minute(0, 50), 0: minute(100), 60: minute(0, 3), 120: minute(50, 50)}
    (step,) = error_steps(slots, "iam-a", 30.0)
    assert (step.at, step.text) == (150.0, "5xx rise from 0 % to 50 % of 100 requests in 60 s")


def test_a_step_stands_behind_what_happened_in_its_minute_and_never_in_the_future() -> None:
    slots = {0: minute(100), 60: minute(50, 50)}
    assert [each.at for each in error_steps(slots, "iam-a", 0.0)] == [120.0]
    assert [each.at for each in error_steps(slots, "iam-a", 0.0, until=97.0)] == [97.0]


def test_the_first_minute_is_only_compared_with() -> None:
    assert not list(error_steps({0: minute(0, 100)}, "iam-a", 0.0))


def test_pushes_name_who_and_why_in_harmless_words() -> None:
    record = PushRecord("20261124T1", "confirmed", 50.0, {"who": "ada@desk", "reason": "new\x1b cert"})
    (push,) = of_pushes([record], "iam-a", 10.0, now=99.0)
    assert (push.at, push.text) == (40.0, "push 20261124T1 of ada@desk confirmed: new\\x1b cert")
    back = PushRecord("20261124T2", "taken back console", 50.0, {"who": "ada@desk"})
    (taken,) = of_pushes([back], "iam-a", 10.0, now=99.0)
    assert taken.text == "push 20261124T2 of ada@desk taken back by the console"
    (pending,) = of_pushes([PushRecord("p", "pending", None)], "iam-a", 10.0, now=99.0)
    assert pending.at == 99.0


def test_files_changed_in_one_go_are_one_edit() -> None:
    edits = [(100.0, "/etc/nginx/a"), (101.0, "/etc/nginx/b"), (300.0, "/etc/nginx/c")]
    assert told(of_edits(edits, "iam-a", 0.0)) == [
        "changed on disk: /etc/nginx/a, /etc/nginx/b",
        "changed on disk: /etc/nginx/c",
    ]


def test_only_this_profiles_actions_are_told_of_the_ledger() -> None:
    body = {"profile": "lab", "action": "restart nginx on iam-b", "who": "ada@desk", "outcome": "succeeded"}
    records = [
        ("2026-11-24T10:00:00.000Z", "intent", body),
        ("2026-11-24T10:00:05.000Z", "outcome", body),
        ("2026-11-24T10:00:06.000Z", "outcome", {**body, "profile": "other"}),
        ("nonsense", "outcome", body),
    ]
    assert told(of_ledger(records, "lab")) == [
        "restart nginx on iam-b: begun (ada@desk)",
        "restart nginx on iam-b: succeeded (ada@desk)",
    ]


def test_a_timeline_is_in_order_bounded_and_says_what_it_leaves_out() -> None:
    every = [TimelineEvent(float(n), TimelineEventKind.UNIT, str(n), "systemd") for n in (5, 1, 3, 4, 2, 2)]
    found, left_out = merged(every, since=2.0, limit=3)
    assert (told(found), left_out) == (["3", "4", "5"], 1)


K = "keepalived"
UNIT = "keepalived.service - Keepalive Daemon (LVS and VRRP)."


def says(at: float, message: str, *, systemd: bool = False) -> JournalRecord:
    return JournalRecord(at, K, message, systemd)


def split_told(**journals: list[JournalRecord]) -> list[str]:
    found = [turn for node, records in journals.items() for turn in turns(records, PROFILE, node, 0.0)]
    return told(splits(found, PROFILE, now=100.0))


def test_two_masters_at_once_are_a_split_brain_with_its_end() -> None:
    a = [says(1.0, "(VI_1) Entering MASTER STATE")]
    b = [says(10.0, "(VI_1) Entering MASTER STATE"), says(22.0, "(VI_1) Entering BACKUP STATE")]
    begun = "SPLIT BRAIN: a and b are both MASTER of VI_1, VIP 10.0.4.99"
    assert split_told(a=a, b=b) == [
        begun,
        "split brain ended: only a is MASTER of VI_1, VIP 10.0.4.99, lasted 12 s",
    ]
    assert split_told(a=a, b=b[:1]) == [begun]


def test_a_handover_a_stop_a_crash_and_a_boot_are_no_split_brain() -> None:
    b = [says(10.0, "(VI_1) Entering MASTER STATE")]
    for end in (
        says(10.3, "(VI_1) Entering BACKUP STATE"),
        says(11.5, f"Stopped {UNIT}", systemd=True),
        says(9.0, f"{K}.service: Main process exited, code=killed, status=9/KILL", systemd=True),
        says(60.0, "Startup finished in 1.2s.", systemd=True),
    ):
        assert split_told(a=[says(1.0, "(VI_1) Entering MASTER STATE"), end], b=b) == [], end


def test_a_reload_ends_no_mastership() -> None:
    a = [says(1.0, "(VI_1) Entering MASTER STATE"), says(5.0, f"Reloaded {UNIT}", systemd=True)]
    assert len(split_told(a=a, b=[says(10.0, "(VI_1) Entering MASTER STATE")])) == 1
