"""The journal of keepalived and of systemd about it, captured on the lab."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iamops.model.facts import VrrpState
from iamops.parse.journal import JournalExtent, is_echo, journal_extent, journal_record, transition
from tests.support.journal_extents import WELL, entry, said

CAPTURE = Path(__file__).parents[2] / "fixtures" / "keepalived" / "journal.jsonl"


def test_the_capture_tells_every_transition_in_order():
    records = [journal_record(line) for line in CAPTURE.read_bytes().splitlines()]
    assert all(record is not None and record.unit == "keepalived" for record in records)
    entered = [transition(record.message) for record in records if record]
    assert [found for found in entered if found] == [("VI_1", VrrpState.BACKUP), ("VI_1", VrrpState.MASTER)]


def test_systemds_own_lines_are_told_from_the_units():
    records = [journal_record(line) for line in CAPTURE.read_bytes().splitlines()]
    by_systemd = [record.message for record in records if record and record.by_systemd]
    assert any(message.startswith("Started keepalived.service") for message in by_systemd)
    assert not any("Entering" in message for message in by_systemd)


def line(**fields: object) -> bytes:
    return json.dumps({"_SYSTEMD_UNIT": "keepalived.service", **fields}).encode()


def test_a_message_that_is_not_utf8_comes_as_numbers_and_is_made_safe():
    record = journal_record(line(MESSAGE=[27, 91, 51, 49, 74, 255]))
    assert record is not None
    assert record.message == "\\x1b[31J\\xff"


def test_escape_sequences_in_a_message_are_made_safe():
    record = journal_record(line(MESSAGE="\x1b]0;owned\x07"))
    assert record is not None
    assert "\x1b" not in record.message


@pytest.mark.parametrize("raw", [b"", b"-- Boot 1 --", b"[1]", b"{}", b"\xff\xfe", b'{"_SYSTEMD_UNIT": 3}'])
def test_what_is_no_record_is_none(raw):
    assert journal_record(raw) is None


@pytest.mark.parametrize(
    "message",
    [
        "keepalived.service: Sent signal SIGRTMIN+2 to main process 41 (keepalived) on client request.",
        "keepalived.service: Sent signal SIGUSR1 to main process 41 (keepalived) on client request.",
        "Printing VRRP as json for process(42) on signal",
        "Printing VRRP data for process(42) on signal",
    ],
)
def test_the_echo_of_our_own_question_is_no_news(message):
    """It was once: each dump announced the next, four times a second."""
    assert is_echo(message)


@pytest.mark.parametrize(
    "message",
    [
        "keepalived.service: Sent signal SIGKILL to main process 41 (keepalived) on client request.",
        "(VI_1) Entering MASTER STATE",
        "Started keepalived.service - Keepalive Daemon (LVS and VRRP).",
    ],
)
def test_real_news_is_no_echo(message):
    assert not is_echo(message)


def test_an_entry_is_dated_by_its_sender_where_the_journal_knows_and_else_by_its_arrival():
    sent = journal_record(
        line(__REALTIME_TIMESTAMP="1795442297995813", _SOURCE_REALTIME_TIMESTAMP="1795442297095813")
    )
    arrived = journal_record(line(__REALTIME_TIMESTAMP="1795442297995813"))
    assert sent is not None
    assert arrived is not None
    assert (sent.at, arrived.at) == (1795442297.095813, 1795442297.995813)


def test_what_is_no_name_of_a_unit_is_no_entry_of_one():
    """It would stand before the entry's text wherever that is shown."""
    for unit in ("\x1b]0;x\x07.service", "a b.service", "x" * 300, "", "\u202eunit", "token=hunter2hunter2"):
        assert journal_record(json.dumps({"_SYSTEMD_UNIT": unit, "MESSAGE": "x"}).encode()) is None, unit
    for unit in ("getty@tty1.service", "iam-pump.service", r"dev-disk-by\x2duuid.device", "a:b_c.mount"):
        assert journal_record(json.dumps({"_SYSTEMD_UNIT": unit, "MESSAGE": "x"}).encode()) is not None, unit


def test_what_a_run_of_ours_left_counts_though_its_writer_was_gone_when_the_journal_looked():
    """journald asks the kernel whose a line is when it reads it; a busy node's logger has ended by then."""
    entry = {
        "MESSAGE": "run=1 switchover begins by root@vm from local",
        "__REALTIME_TIMESTAMP": "1795442297995813",
    }
    (ours, others) = (
        journal_record(json.dumps({**entry, "SYSLOG_IDENTIFIER": name}).encode()) for name in ("iamops", "cron")
    )
    assert ours is not None
    assert (ours.unit, ours.by_systemd) == ("iamops", False)
    assert others is None


NOW = 1_700_000_000


def test_a_journal_that_is_kept_tells_of_the_whole_hour():
    found = journal_extent(said(**WELL))
    assert found == JournalExtent(NOW, NOW - 86400, NOW - 2, NOW - 90000)
    assert found.unavailable == ""
    assert found.since(3600) == NOW - 3600


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"storage": "none"}, "keeps no journal (Storage=none)"),
        ({"storage": "None"}, "keeps no journal (Storage=none)"),
        ({"newest": "", "oldest": ""}, "no entry at all"),
        ({"newest": "No journal files were found."}, "no entry at all"),
        ({"newest": entry(NOW - 1200)}, "nothing was written to the journal for 20 min"),
    ],
)
def test_silence_of_a_journal_that_is_not_kept_is_no_peace(changed: dict[str, str], why: str):
    found = journal_extent(said(**(WELL | changed)))
    assert found is not None
    assert why in found.unavailable


def test_what_was_logged_before_its_beginning_is_not_known_but_a_boot_is_a_beginning():
    rotated = journal_extent(said(**(WELL | {"oldest": entry(NOW - 300)})))
    booted = journal_extent(said(**(WELL | {"init": "301", "oldest": entry(NOW - 300)})))
    volatile = journal_extent(said(**(WELL | {"init": "301", "oldest": entry(NOW - 300), "storage": "volatile"})))
    assert [found.since(3600) if found else None for found in (rotated, booted, volatile)] == [
        NOW - 300,
        NOW - 3600,
        NOW - 301,
    ]


def test_what_does_not_even_tell_the_time_tells_nothing():
    assert journal_extent("") is None
    assert journal_extent(said(now="soon")) is None
    odd = journal_extent(
        said(now=f"{NOW}", init="x", newest="[]", oldest='{"__REALTIME_TIMESTAMP":7}', storage="\x1b[2J")
    )
    assert odd is not None
    assert (odd.oldest, odd.newest, odd.booted) == (None, None, None)
