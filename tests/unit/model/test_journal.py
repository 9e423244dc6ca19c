"""Anchors in journal lines: what a run writes is read back, and chosen words cannot pass for one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iamops.model.journal import AnchorLine, anchor_of, noted
from iamops.parse.journal import anchor_line

ANCHOR = anchor_of("1" * 64, 12, "2" * 64, "3" * 12)
TEXT = "switchover begins by alice@laptop from local reason='kernel update'"


def entry(message: object, **fields: Any) -> bytes:
    said = {"MESSAGE": message, "_UID": "1000", "_SOURCE_REALTIME_TIMESTAMP": "1700000000500000", **fields}
    return json.dumps(said).encode()


def test_what_a_run_writes_is_read_back():
    assert noted("cafe0001", ANCHOR, TEXT) == (
        "run=cafe0001 ledger=1111111111111111 n=12 head=22222222222222222222222222222222 "
        f"place=333333333333 {TEXT}"
    )
    found = anchor_line(entry(noted("cafe0001", ANCHOR, TEXT)))
    assert found == AnchorLine(ANCHOR, 1_700_000_000.5, "cafe0001", 1000, "alice@laptop")


def test_a_line_that_was_cut_behind_the_anchor_is_read_too():
    found = anchor_line(entry(noted("cafe0001", ANCHOR, TEXT)[:120]))
    assert found is not None
    assert (found.anchor, found.by) == (ANCHOR, "")


def test_the_words_of_a_run_cannot_pass_for_an_anchor():
    forged = ANCHOR.words.replace("n=12", "n=99")
    assert anchor_line(entry(noted("cafe0001", None, f"x reason='{forged}'"))) is None
    found = anchor_line(entry(noted("cafe0001", ANCHOR, f"x reason='run=1 {forged}'")))
    assert found is not None
    assert found.anchor == ANCHOR


ODD = (
    b"",
    b"-- No entries --",
    b"[" * 100_000,
    b'{"MESSAGE":',
    b"[1]",
    b"\xff\xfe",
    entry(None),
    entry([114, 117, 110]),
    entry({"run": 1}),
    entry(f"run=cafe {ANCHOR.words.replace('n=12', 'n=0')} x"),
    entry(f"run=cafe {ANCHOR.words.replace('n=12', 'n=' + '9' * 5000)} x"),
    entry(f"run=cafe {ANCHOR.words.replace('n=12', 'n=²')} x"),
    entry(f"run=cafe {ANCHOR.words}x"),
    entry(f"run=cafe {ANCHOR.words.upper()} x"),
)


@pytest.mark.parametrize("line", ODD, ids=lambda line: repr(line[:30]))
def test_what_is_no_anchor_is_none(line: bytes):
    assert anchor_line(line) is None


def test_an_odd_time_and_user_leave_the_anchor_readable():
    odd = {"_UID": "²", "_SOURCE_REALTIME_TIMESTAMP": [], "__REALTIME_TIMESTAMP": "9" * 30}
    found = anchor_line(entry(noted("c", ANCHOR, "x by \x1b[2Jeve from local"), **odd))
    assert found is not None
    assert (found.at, found.uid, found.by) == (0.0, None, "\\x1b[2Jeve")
    far = anchor_line(entry(noted("c", ANCHOR, ""), _SOURCE_REALTIME_TIMESTAMP="9" * 17))
    assert far is not None
    assert far.at == 99_999_999_999.999999
