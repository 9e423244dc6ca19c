"""A silence holds alerts back, and tells afterwards what is still so."""

from __future__ import annotations

from tests.support.watching import DOWN, QUIET, Seen


def test_a_silence_holds_back_and_tells_afterwards_what_is_still_so():
    seen = Seen()
    seen.pass_time(5, silence=QUIET)
    seen.move("iam-a", "iam-b")
    seen.pass_time(60, DOWN)
    assert seen.take() == []
    seen.pass_time(5, DOWN, silence=None)
    assert seen.take() == [
        "[WARNING] lab: the silence is over; 1 VIP move and 1 finding were held back",
        "[WARNING] lab: iam-pump is inactive on iam-a",
    ]


def test_the_summary_says_who_asked_for_silence_and_where_the_vip_is():
    seen = Seen()
    seen.pass_time(5, silence=QUIET)
    seen.move("iam-a", "iam-b")
    seen.pass_time(1, silence=None)
    body = " / ".join(seen.said[0].body)
    assert "alice@ops: disks are being changed" in body
    assert "VIP 10.0.4.99 is on iam-b" in body


def test_what_came_and_went_in_a_silence_is_only_counted():
    seen = Seen()
    seen.pass_time(30, DOWN, silence=QUIET)
    seen.pass_time(30)
    seen.pass_time(5, silence=None)
    assert seen.take() == ["[WARNING] lab: the silence is over; 0 VIP moves and 1 finding were held back"]


def test_what_was_told_before_a_silence_and_ended_in_it_is_resolved_after_it():
    seen = Seen()
    seen.pass_time(5, DOWN)
    seen.take()
    seen.pass_time(60, silence=QUIET)
    assert seen.take() == []
    seen.pass_time(2, silence=None)
    assert seen.take()[-1] == "[RESOLVED] lab: iam-pump is inactive on iam-a"
