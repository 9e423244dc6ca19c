"""The kept lines: in order of time, bounded, and what was lost is counted."""

from __future__ import annotations

from iamops.model.facts import Severity
from iamops.model.journal import LogSource
from iamops.session.logs import MORE_KEPT, SPEAKERS_KEPT, LogRing


def ring(**bounds: int) -> LogRing:
    return LogRing(**bounds)


def add(made: LogRing, at: float, text: str = "x", node: str = "iam-a") -> None:
    made.add(at, node, LogSource.ACCESS, text, Severity.INFO)


def texts(made: LogRing) -> list[str]:
    return [line.text for line in made.page().lines]


def test_lines_of_two_nodes_stand_in_order_of_time():
    made = ring()
    for at in (1.0, 3.0, 5.0):
        add(made, at, f"a{at}")
    for at in (2.0, 4.0, 6.0):
        add(made, at, f"b{at}", "iam-b")
    assert texts(made) == ["a1.0", "b2.0", "a3.0", "b4.0", "a5.0", "b6.0"]


def test_lines_of_one_second_stay_as_they_came():
    made = ring()
    for at, text in ((1.0, "first"), (2.0, "later"), (1.0, "second"), (1.0, "third")):
        add(made, at, text)
    assert texts(made) == ["first", "second", "third", "later"]


def test_a_source_reaches_back_to_its_oldest_line_that_is_kept():
    made = ring(lines=3)
    for source in (LogSource.ACCESS, LogSource.ERROR):
        made.begin("iam-a", source, 9.0)
    for at in (1.0, 2.0, 3.0, 4.0):
        add(made, at)
    assert {each.source: each.at for each in made.page().reaches} == {LogSource.ACCESS: 2.0, LogSource.ERROR: 9.0}


def test_the_oldest_go_when_there_are_too_many():
    made = ring(lines=3)
    for n in range(5):
        add(made, n, str(n))
    assert texts(made) == ["2", "3", "4"]


def test_the_oldest_go_when_they_are_too_long():
    made = ring(chars=25)
    for n in range(5):
        add(made, n, str(n) * 10)
    assert texts(made) == ["3" * 10, "4" * 10]


def test_lines_that_nobody_could_see_count_as_dropped():
    made = ring(lines=3)
    for n in range(3):
        add(made, n)
    made.page()
    for n in range(3, 8):
        add(made, n)
    assert made.page().dropped == 2


def test_lines_that_were_never_kept_count_too():
    made = ring()
    made.drop()
    made.drop()
    assert made.page().dropped == 2


def test_a_mark_goes_on_and_off_and_away_with_its_line():
    made = ring(lines=2)
    add(made, 1)
    number = made.page().lines[0].number
    assert made.mark(number)
    assert made.page().marked == {number}
    assert not made.mark(number)
    made.mark(number)
    add(made, 2)
    add(made, 3)
    assert made.page().marked == frozenset()
    assert not made.mark(number)


def test_further_lines_stay_with_the_record_they_belong_to_as_long_as_it_is_kept():
    made = ring(lines=3)
    assert not made.fold("iam-a api", "nobody has begun")
    made.add(1.0, "iam-a", LogSource.JOURNAL, "POST /login", Severity.INFO, "iam-a api")
    add(made, 2.0)
    for number in range(MORE_KEPT + 5):
        assert made.fold("iam-a api", f"header {number}")
    first = made.page().lines[0]
    assert (first.text, len(first.more), first.left_out) == ("POST /login", MORE_KEPT, 5)
    for _ in range(3):
        add(made, 3.0)
    assert not made.fold("iam-a api", "it is gone")
    assert made._chars == sum(len(line.text) for line in made.page().lines)


def test_neither_further_lines_nor_speakers_without_end_fill_the_memory():
    made = ring(chars=1000)
    for n in range(3):
        made.add(float(n), "iam-a", LogSource.JOURNAL, "x", Severity.INFO, f"iam-a unit{n}")
    for _ in range(40):
        made.fold("iam-a unit2", "y" * 100)
        assert made._chars <= 1000
    for n in range(SPEAKERS_KEPT + 50):
        made.add(9.0, "iam-a", LogSource.JOURNAL, "x", Severity.INFO, f"iam-a made-up{n}")
    assert len(made._open) == SPEAKERS_KEPT
