"""The outbox: what was put is delivered whatever happens to the process, the file or the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iamops.judge.alerts.memory import DeliveredToAll
from iamops.judge.alerts.message import AlertKind, Message, message
from iamops.ledger import outbox as module
from iamops.ledger.outbox import Outbox
from iamops.model.facts import Severity

NOW = 1_700_000_000.0


def said(title: str = "VIP moved") -> Message:
    return message(NOW, AlertKind.VIP_MOVE, Severity.CRITICAL, "lab", title, ("line",), node="iam-b")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.jsonl"


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


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_was_cut_off_costs_nothing_but_itself(path: Path, cut: int):
    box = Outbox(path)
    box.put([said("one")], ["mail"])
    box.put([said("two")], ["mail"])
    path.write_bytes(path.read_bytes()[:-cut])
    again = Outbox(path)
    assert waiting(again) == ([("one", ("mail",)), ("two", ("mail",))] if cut == 1 else [("one", ("mail",))])
    assert again.unread == (0 if cut == 1 else 1)
    again.put([said("three")], ["mail"])
    assert [title for title, _ in waiting(Outbox(path))][-1] == "three"


def test_a_changed_byte_anywhere_is_kept_aside_and_never_a_crash(path: Path):
    box = Outbox(path)
    box.put([said("one"), said("two")], ["mail"], {"vips": {}})
    box.put([said("three")], ["mail"])
    content = path.read_bytes()
    for place in (*range(0, len(content), 5), len(content) - 1):
        changed = bytearray(content)
        changed[place] ^= 0x15
        path.write_bytes(changed)
        again = Outbox(path)
        assert again.unread >= 1
        assert len(again.waiting) < 3
    assert path.with_suffix(".bad").stat().st_size > 0


@pytest.mark.parametrize("junk", [b"\0" * 4096, b"{}\n", b"\xff\xfe\n\n", b"[" * 100_000, b"00000000 null\n"])
def test_a_file_of_something_else_is_an_empty_outbox(path: Path, junk: bytes):
    path.write_bytes(junk)
    box = Outbox(path)
    assert box.unread >= 1
    assert waiting(box) == []
    box.put([said()], ["mail"])
    assert len(Outbox(path).waiting) == 1


def test_a_line_with_a_right_checksum_and_wrong_content_is_kept_aside(path: Path):
    from iamops.ledger.outbox import line_of

    path.write_bytes(b"".join(line_of(e) for e in ({}, {"put": 1, "next": 2, "alerts": None}, {"put": [{}]})))
    assert Outbox(path).unread == 3


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
    assert path.stat().st_size < 300_000
    assert waiting(Outbox(path)) == []


def test_a_disk_that_takes_nothing_keeps_no_message_from_being_sent(path: Path, monkeypatch: pytest.MonkeyPatch):
    box = Outbox(path)
    real = os.write
    monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    box.put([said("one")], ["mail"])
    assert "No space left" in box.trouble
    assert box.first_for("mail").message.title == "one"
    monkeypatch.setattr(os, "write", real)
    box.put([said("two")], ["mail"])
    assert box.trouble == ""
    assert [title for title, _ in waiting(Outbox(path))] == ["one", "two"]


def test_destinations_that_are_gone_are_forgotten(path: Path):
    box = Outbox(path)
    box.put([said()], ["mail", "chat"])
    assert box.keep_only(["chat"]) == 1
    assert waiting(Outbox(path)) == [("VIP moved", ("chat",))]


def test_a_look_from_outside_writes_nothing(path: Path):
    Outbox(path).put([said()], ["mail"])
    before = path.read_bytes() + b"0000"
    path.write_bytes(before)
    seen = Outbox(path, looking=True)
    assert len(seen.waiting) == 1
    assert seen.unread == 0
    assert path.read_bytes() == before


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
