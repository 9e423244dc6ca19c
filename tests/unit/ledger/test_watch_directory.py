"""The watch's directory: one watch at a time, and a silence that ends by itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iamops.judge.alerts.silence import Silence
from iamops.ledger.watch_directory import WatchBusy, WatchDirectory

NOW = 1_700_000_000.0


@pytest.fixture
def directory(tmp_path: Path) -> WatchDirectory:
    return WatchDirectory(tmp_path / "watch" / "lab")


def test_a_second_watch_is_refused_with_the_first_ones_process(directory: WatchDirectory):
    with directory.held():
        assert directory.running() == str(os.getpid())
        with pytest.raises(WatchBusy, match=rf"process {os.getpid()}.*--state-dir"):
            directory.held().__enter__()
    assert directory.running() is None
    with directory.held():
        pass


def test_it_belongs_to_its_owner_alone(directory: WatchDirectory):
    with directory.held():
        assert directory.path.stat().st_mode & 0o777 == 0o700


def test_a_silence_ends_by_itself(directory: WatchDirectory):
    quiet = Silence(NOW, NOW + 60, "disks", "alice@ops")
    directory.keep_silence(quiet)
    assert directory.silence(NOW + 59) == (quiet, "")
    assert directory.silence(NOW + 60) == (None, "")


def test_a_silence_of_a_clock_that_was_set_back_since_holds_nothing_back(directory: WatchDirectory):
    directory.keep_silence(Silence(NOW + 86_400, NOW + 90_000, "disks", "alice@ops"))
    held, trouble = directory.silence(NOW)
    assert held is None
    assert "begins in the future" in trouble
    assert directory.silence(NOW + 86_390)[0] is not None, "two clocks need not agree on the second"


def test_a_silence_is_seen_by_every_watch_when_it_changes(directory: WatchDirectory):
    other = WatchDirectory(directory.path)
    assert other.silence(NOW) == (None, "")
    directory.keep_silence(Silence(NOW, NOW + 60, "disks", "alice@ops"))
    assert other.silence(NOW)[0].reason == "disks"
    directory.keep_silence(Silence(NOW, NOW + 60, "fans", "alice@ops"))
    assert other.silence(NOW)[0].reason == "fans"
    directory.end_silence()
    assert other.silence(NOW) == (None, "")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "{",
            "[]",
            "null",
            '{"since": 0}',
            '{"since": 0, "until": "NaN", "reason": "", "by": ""}',
            "\x00" * 99,
        ),
        f'{{"since": {NOW}, "until": {NOW + 10**9}, "reason": "for ever", "by": "me"}}',
        f'{{"since": {"9" * 400}, "until": 1, "reason": "x", "by": "me"}}',
        "[" * 50_000,
    ],
)
def test_what_is_no_silence_holds_nothing_back_and_says_so(directory: WatchDirectory, text: str):
    directory.make()
    (directory.path / "silence.json").write_text(text)
    silence, trouble = directory.silence(NOW)
    assert silence is None
    assert "nothing is held back" in trouble
