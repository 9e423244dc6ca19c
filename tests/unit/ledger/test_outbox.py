"""The outbox: what was put is delivered whatever happens to the process, the file or the disk."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from iamops.judge.alerts.memory import DeliveredToAll
from iamops.judge.alerts.message import AlertKind, Message, message
from iamops.ledger import outbox as module
from iamops.ledger.outbox import Outbox
from iamops.model.facts import Severity
from iamops.report.watch import alert_document

NOW = 1_700_000_000.0


def said(title: str = "VIP moved") -> Message:
    return message(NOW, AlertKind.VIP_MOVE, Severity.CRITICAL, "lab", title, ("line",), node="iam-b")


def closed(box: Outbox) -> None:
    box._database.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def waiting(box: Outbox) -> list[tuple[str, tuple[str, ...]]]:
    return [(parcel.message.title, parcel.to) for parcel in box.waiting]


def test_a_message_waits_for_each_destination_until_that_one_has_accepted_it(path: Path):
    box = Outbox(path)
    (parcel,) = box.put([said()], ["mail", "chat"], {"vips": {}})
    box.accepted(parcel.number, "mail")
    again = Outbox(path)
    assert waiting(again) == [("VIP moved", ("chat",))]
    assert again.first_for("mail") is None
    assert again.first_for("chat").message == said()
    again.accepted(parcel.number, "chat")
    assert waiting(Outbox(path)) == []


def test_what_the_alerts_remember_is_kept_with_the_message(path: Path):
    Outbox(path).put([said()], ["mail"], {"vips": {"VI_1": {"seen_on": "iam-b"}}})
    again = Outbox(path)
    assert again.alerts == {"vips": {"VI_1": {"seen_on": "iam-b"}}}
    again.put([], ["mail"])
    assert Outbox(path).alerts == again.alerts


def test_a_number_is_never_given_twice(path: Path):
    numbers = set()
    for _ in range(5):
        box = Outbox(path)
        (parcel,) = box.put([said()], ["mail"])
        box.accepted(parcel.number, "mail")
        numbers.add(parcel.number)
    assert len(numbers) == 5


def test_a_changed_byte_anywhere_is_never_a_crash_and_what_cannot_be_read_is_kept_aside(path: Path):
    box = Outbox(path)
    box.put([said("one"), said("two")], ["mail"], {"vips": {}})
    box.put([said("three")], ["mail"])
    closed(box)
    content, aside = path.read_bytes(), path.with_suffix(".bad")
    for place in range(0, len(content), 97):
        changed = bytearray(content)
        changed[place] ^= 0x15
        path.write_bytes(changed)
        again = Outbox(path)
        assert again.unreadable or len(again.waiting) == 3
        assert aside.exists() is bool(again.unreadable)
        aside.unlink(missing_ok=True)
        again.put([said("four")], ["mail"])
        closed(again)
        assert waiting(Outbox(path, read_only=True))[-1] == ("four", ("mail",))


@pytest.mark.parametrize("cut", [1, 500, 4096, 9000])
def test_a_file_that_was_cut_costs_no_more_than_what_stood_there(path: Path, cut: int):
    box = Outbox(path)
    box.put([said("one")], ["mail"])
    closed(box)
    path.write_bytes(path.read_bytes()[:-cut])
    again = Outbox(path)
    assert again.unreadable or len(again.waiting) == 1
    again.put([said("two")], ["mail"])
    closed(again)
    assert waiting(Outbox(path, read_only=True))[-1] == ("two", ("mail",))


@pytest.mark.parametrize("junk", [b"\0" * 4096, b"{}\n", b"\xff\xfe\n\n", b"[" * 100_000, b"SQLite format 3\0"])
def test_a_file_of_something_else_is_an_empty_outbox(path: Path, junk: bytes):
    path.write_bytes(junk)
    box = Outbox(path)
    assert box.unreadable == 1
    assert waiting(box) == []
    assert path.with_suffix(".bad").read_bytes() == junk
    box.put([said()], ["mail"])
    closed(box)
    assert len(Outbox(path).waiting) == 1


@pytest.mark.parametrize("value", ["", "[", "7", "null", '{"to": 7}', '{"message": {}, "to": ["mail"]}'])
def test_a_record_that_is_none_of_ours_costs_itself(path: Path, value: str):
    box = Outbox(path)
    box.put([said()], ["mail"])
    closed(box)
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO records VALUES ('000009-1', ?)", (value,))
    database.close()
    again = Outbox(path)
    assert (again.unreadable, len(again.waiting)) == (1, 1)


ONE, TWO = (alert_document(number, said(title)) for number, title in (("000004-1", "one"), ("000005-1", "two")))
OLD = (
    {"put": [], "alerts": {"vips": {"VI_1": {}}}, "next": 4, "lost": {"chat": 2}, "heard": {"chat": {}}},
    {"put": [{"message": ONE, "to": ["mail", "chat"]}], "alerts": None, "next": 5},
    {"put": [{"message": TWO, "to": ["mail"]}], "alerts": {"vips": {}}, "next": 6},
    {"accepted": "000004-1", "by": "mail"},
    {"accepted": "000005-1", "by": "mail"},
)


def old_lines(*entries: object) -> bytes:
    texts = [json.dumps(entry).encode() for entry in entries]
    return b"".join(b"%08x %s\n" % (zlib.crc32(text), text) for text in texts)


def test_the_outbox_of_an_older_version_is_taken_over_once(path: Path):
    older = path.with_suffix(".jsonl")
    older.write_bytes(old_lines(*OLD))
    seen = Outbox(path, read_only=True)
    assert waiting(seen) == [("one", ("chat",))]
    assert not path.exists()
    box = Outbox(path)
    assert waiting(box) == [("one", ("chat",))]
    assert (box.alerts, box.lost("chat"), box.lost("mail")) == ({"vips": {}}, 2, 0)
    assert not older.exists()
    (next_one,) = box.put([said("three")], ["mail"])
    assert next_one.number.startswith("000006-")
    box.accepted("000004-1", "chat")
    closed(box)
    older.write_bytes(old_lines(*OLD))
    assert [title for title, _ in waiting(Outbox(path))] == ["three"]
    assert not older.exists()


def test_bad_lines_of_an_older_version_cost_themselves_and_are_kept_aside(path: Path):
    older = path.with_suffix(".jsonl")
    content = old_lines(*OLD[:3], {}, {"put": 1, "next": 2, "alerts": None}) + b"half a li"
    older.write_bytes(content)
    box = Outbox(path)
    assert (box.unreadable, len(box.waiting)) == (3, 2)
    assert path.with_suffix(".bad").read_bytes() == content


def test_what_was_heard_in_a_state_that_nobody_knows_is_kept_aside():
    with pytest.raises(ValueError, match="dire"):
        DeliveredToAll().recall({"mail": {"unit-down|iam-a|": ["dire", "pump", "unit-down", "iam-a"]}})


def test_it_stays_small_when_nothing_is_delivered_and_says_what_was_given_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "WAITING_KEPT", 20)
    box = Outbox(path)
    for number in range(50):
        box.put([said(str(number))], ["mail"])
    assert [title for title, _ in waiting(box)] == [str(number) for number in range(30, 50)]
    again = Outbox(path)
    assert again.lost("mail") == 30
    again.accepted(again.first_for("mail").number, "mail")
    assert Outbox(path).lost("mail") == 0


def test_the_file_does_not_grow_for_ever(path: Path):
    box = Outbox(path)
    for _ in range(600):
        (parcel,) = box.put([said()], ["mail"], {"vips": {}})
        box.accepted(parcel.number, "mail")
    assert sum(file.stat().st_size for file in path.parent.iterdir()) < 6_000_000
    closed(box)
    assert path.stat().st_size < 100_000
    assert waiting(Outbox(path)) == []


def test_a_disk_that_takes_nothing_keeps_no_message_from_being_sent(path: Path):
    box = Outbox(path)
    pages = box._database.execute("PRAGMA page_count").fetchone()[0]
    box._database.execute(f"PRAGMA max_page_count = {pages}")
    box.put([message(NOW, AlertKind.VIP_MOVE, Severity.CRITICAL, "lab", "one", ("x" * 300,) * 40)], ["mail"])
    assert "full" in box.trouble
    assert box.first_for("mail").message.title == "one"
    box._database.execute("PRAGMA max_page_count = 1000")
    box.put([said("two")], ["mail"])
    assert box.trouble == ""
    closed(box)
    assert [title for title, _ in waiting(Outbox(path))] == ["one", "two"]


def test_destinations_that_are_gone_are_forgotten(path: Path):
    box = Outbox(path)
    box.put([said()], ["mail", "chat"])
    assert box.keep_only(["chat"]) == 1
    assert waiting(Outbox(path)) == [("VIP moved", ("chat",))]


@pytest.mark.parametrize("running", [True, False])
def test_who_only_reads_writes_nothing_whether_a_watch_runs_or_not(path: Path, running: bool):
    box = Outbox(path)
    box.put([said()], ["mail"])
    if not running:
        closed(box)
    before = {file.name: file.stat().st_size for file in path.parent.iterdir()}
    assert waiting(Outbox(path, read_only=True)) == [("VIP moved", ("mail",))]
    assert {file.name: file.stat().st_size for file in path.parent.iterdir()} == before
    assert ("outbox.db-wal" in before) is running


def test_where_there_is_no_outbox_a_reader_makes_none(path: Path):
    assert Outbox(path, read_only=True).waiting == ()
    assert not list(path.parent.iterdir())


def test_through_a_link_it_is_not_opened(path: Path):
    path.symlink_to(path.with_name("elsewhere"))
    with pytest.raises(OSError, match="symbolic link"):
        Outbox(path)


def test_only_the_owner_can_read_it(path: Path):
    box = Outbox(path)
    box.put([said()], ["mail"])
    assert path.stat().st_mode & 0o777 == 0o600
    Outbox(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_put_survives_a_kill(path: Path):
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from iamops.ledger.outbox import Outbox\n"
        "from tests.unit.ledger.test_outbox import said\n"
        f"Outbox(Path({str(path)!r})).put([said()], ['mail'], {{'vips': {{}}}})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == -9
    assert waiting(Outbox(path)) == [("VIP moved", ("mail",))]
