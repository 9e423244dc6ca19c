"""A finding over time: the same one whatever its numbers and words, and two of two units."""

from __future__ import annotations

from iamops.judge.findings import About
from tests.support.watching import Seen, finding


def test_the_same_words_with_another_number_are_the_same_finding():
    seen = Seen()
    for percent in range(90, 100):
        seen.pass_time(5, finding("disk-full", title=f"disk of iam-a is {percent} % full"))
    assert seen.take() == ["[WARNING] lab: disk of iam-a is 90 % full"]


def test_two_units_of_one_node_are_two_findings():
    seen = Seen()
    pump, api = (finding(title="", about=About(unit=unit)) for unit in ("iam-pump", "iam-apiserver"))
    seen.pass_time(5, pump, api)
    assert len(seen.take()) == 2


def test_words_that_change_make_no_other_finding():
    seen, openresty = Seen(), About(unit="openresty")
    for word in ("failed", "inactive", "activating"):
        seen.pass_time(5, finding(title=f"openresty is {word} on iam-a", about=openresty))
    assert seen.take() == ["[WARNING] lab: openresty is failed on iam-a"]
