"""Even, uneven, or not to be told: the rule that the drill and `iamops balance` share."""

from __future__ import annotations

import pytest

from iamops.judge.balance import SplitVerdict, split_verdict


@pytest.mark.parametrize(
    ("sent", "counts", "others", "expected"),
    [
        (10, {"a": 5, "b": 5}, 0, SplitVerdict(True, "even: 5/5")),
        (7, {"a": 4, "b": 3}, 0, SplitVerdict(True, "even: 4/3")),
        (10, {"a": 4, "b": 3, "c": 3}, 0, SplitVerdict(True, "even: 4/3/3")),
        (1, {"a": 0, "b": 1}, 0, SplitVerdict(True, "even: 0/1")),
        (10, {"a": 6, "b": 4}, 0, SplitVerdict(False, "uneven beyond round robin: a 6, b 4")),
        (7, {"a": 5, "b": 2}, 1, SplitVerdict(False, "uneven beyond round robin: a 5, b 2")),
        (10, {"a": 10, "b": 0}, 1, SplitVerdict(False, "uneven beyond round robin: a 10, b 0")),
        (
            10,
            {"a": 6, "b": 4},
            2,
            SplitVerdict(True, "even: 6/4, with the turns that 2 requests of others took"),
        ),
        (
            10,
            {"a": 10, "b": 0},
            15,
            SplitVerdict(
                None,
                "cannot be told: a 10, b 0, and 15 lines of others stand between in their logs, "
                "more than the test has requests",
            ),
        ),
        (10, {"a": 5, "b": 5}, 9, SplitVerdict(True, "even: 5/5")),
        (10, {"a": 10}, 0, SplitVerdict(True, "even: a is the only one that takes requests")),
    ],
)
def test_round_robin_and_the_turns_of_others_are_allowed_and_no_more(sent, counts, others, expected):
    assert split_verdict(sent, counts, others=others, answered=sent) == expected


def test_a_log_that_was_not_read_makes_the_split_unknown_whatever_the_others_say():
    verdict = split_verdict(10, {"a": 10}, unread={"b": "Permission denied"})
    assert verdict == SplitVerdict(None, "cannot be told: b: Permission denied")


def test_answers_that_are_in_no_log_may_have_come_from_anyone():
    verdict = split_verdict(10, {"a": 2, "b": 2}, answered=10)
    assert verdict == SplitVerdict(None, "cannot be told: the logs have 4 of the 10 requests that were answered")
    assert split_verdict(10, {"a": 0, "b": 0}, answered=10).even is None


def test_nothing_against_nothing_is_not_even():
    assert split_verdict(10, {"a": 0, "b": 0}, answered=0).even is None
    assert split_verdict(10, {}, answered=0).even is None


def test_a_request_that_failed_at_the_client_may_still_be_in_a_log():
    assert split_verdict(10, {"a": 5, "b": 5}, answered=9).even is True


def test_requests_of_others_that_nginx_counts_must_be_even_together_with_ours():
    both = {"a": 10, "b": 0}
    dead = split_verdict(10, both, beside={"a": 150, "b": 0})
    assert (dead.even, dead.text) == (
        False,
        "uneven beyond round robin: a 10, b 0; with the requests of others a 160, b 0",
    )
    assert split_verdict(10, both, beside={"a": 70, "b": 80}).even is True
    assert split_verdict(10, {"a": 6, "b": 4}, beside={"a": 0, "b": 2}).text == (
        "even: 6/4, with the turns that 2 requests of others took"
    )
    assert split_verdict(10, both, beside={"a": 0, "b": 1}).even is False
