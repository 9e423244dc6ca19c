"""Gaps as a client feels them, from segments of attempts."""

from __future__ import annotations

from iamops.model.outage import (
    GAPS_KEPT,
    AnsweringNodeChange,
    Gap,
    Hole,
    ProbeResult,
    ProbeRow,
    Segment,
    gap_report,
    not_measured,
)


def segment(fate: ProbeResult, first: float, last: float, count: int, node: str | None = None) -> Segment:
    return Segment(fate, node, first, last, count)


def test_a_service_that_always_answers_has_no_gap():
    report = gap_report([ProbeRow((segment(ProbeResult.GOOD, 0.0, 1.0, 101, "iam-a"),), 0.0101)])
    assert (report.gaps, report.longest_ms, report.total_ms) == ((), None, 0.0)
    assert (report.attempts, report.good, report.last_node, report.resolution_ms) == (101, 101, "iam-a", 10.1)


def test_a_gap_lasts_from_the_first_failure_to_the_next_answer_whatever_kinds_it_has():
    row = [
        segment(ProbeResult.GOOD, 0.00, 1.00, 101, "iam-a"),
        segment(ProbeResult.REFUSED, 1.01, 1.50, 50),
        segment(ProbeResult.DARK, 1.51, 2.30, 80),
        segment(ProbeResult.GOOD, 2.32, 3.00, 69, "iam-b"),
    ]
    report = gap_report([ProbeRow(tuple(row), 0.02)])
    spent_ms = {ProbeResult.REFUSED: 500.0, ProbeResult.DARK: 810.0}
    assert report.gaps == (Gap(1.01, 2.32, 1310.0, 50, 80, 0, "iam-a", "iam-b", 20.0, spent_ms),)
    assert report.moves == (AnsweringNodeChange(2.32, "iam-a", "iam-b"),)


def test_a_gap_that_still_lasts_has_no_end():
    row = [segment(ProbeResult.GOOD, 0.0, 0.5, 51, "iam-a"), segment(ProbeResult.WRONG, 0.51, 0.61, 11)]
    (gap,) = gap_report([ProbeRow(tuple(row), 0.01)]).gaps
    assert (gap.ended, gap.duration_ms, gap.wrong) == (None, 100.0, 11)


def test_a_move_without_a_failure_is_still_a_move():
    row = [segment(ProbeResult.GOOD, 0.0, 0.5, 51, "iam-a"), segment(ProbeResult.GOOD, 0.51, 1.0, 50, "iam-b")]
    report = gap_report([ProbeRow(tuple(row), 0.01)])
    assert report.longest_ms is None
    assert report.moves == (AnsweringNodeChange(0.51, "iam-a", "iam-b"),)


def test_of_many_gaps_the_longest_are_kept_in_the_order_of_time():
    row = []
    for number in range(50):
        row.append(segment(ProbeResult.GOOD, number, number + 0.1, 10, "iam-a"))
        row.append(segment(ProbeResult.DARK, number + 0.11, number + 0.2 + number / 1000, 9))
    row.append(segment(ProbeResult.GOOD, 50, 51, 10, "iam-a"))
    report = gap_report([ProbeRow(tuple(row), 0.01)])
    assert len(report.gaps) == GAPS_KEPT
    assert [gap.began for gap in report.gaps] == sorted(gap.began for gap in report.gaps)
    assert report.no_answer == 450


def test_a_gap_is_counted_up_to_the_hole_in_the_measuring_and_no_further():
    """The console was stopped for half a minute in the middle of a failover."""
    row = [
        segment(ProbeResult.GOOD, 0.00, 1.00, 101, "iam-a"),
        segment(ProbeResult.REFUSED, 1.01, 1.20, 20),
        segment(ProbeResult.GOOD, 31.3, 32.0, 70, "iam-b"),
    ]
    report = gap_report([ProbeRow(tuple(row), 0.01)], holes=(Hole(1.21, 31.29, 30.08),))
    (gap,) = report.gaps
    assert (gap.began, gap.ended, gap.duration_ms, gap.to_node) == (1.01, 1.20, 190.0, None)
    assert (gap.uncertainty_ms, report.not_measured_ms) == (30100.0, 30080.0)
    assert report.moves == (AnsweringNodeChange(31.3, "iam-a", "iam-b"),)


def test_what_fails_after_a_hole_is_a_gap_of_its_own():
    row = [
        segment(ProbeResult.REFUSED, 1.00, 1.10, 11),
        segment(ProbeResult.REFUSED, 31.3, 31.4, 11),
        segment(ProbeResult.GOOD, 31.41, 32.0, 60, "iam-b"),
    ]
    first, second = gap_report([ProbeRow(tuple(row), 0.01)], holes=(Hole(1.11, 31.29, 30.18),)).gaps
    assert (first.duration_ms, second.duration_ms, second.from_node) == (100.0, 110.0, None)


def test_a_hole_in_good_times_is_no_gap():
    row = [segment(ProbeResult.GOOD, 0.0, 1.0, 101, "iam-a"), segment(ProbeResult.GOOD, 31.0, 32.0, 101, "iam-a")]
    report = gap_report([ProbeRow(tuple(row), 0.01)], holes=(Hole(1.0, 31.0, 30.0),))
    assert (report.gaps, report.not_measured_ms) == ((), 30000.0)


def test_the_sleep_of_the_machine_counts_though_its_clock_stood_still():
    row = [segment(ProbeResult.DARK, 0.0, 1.0, 101), segment(ProbeResult.GOOD, 1.02, 2.0, 98, "iam-a")]
    report = gap_report([ProbeRow(tuple(row), 0.01)], holes=(Hole(1.0, 1.01, 3600.0),))
    assert (report.longest_ms, report.not_measured_ms) == (1000.0, 3600000.0)


def test_what_was_not_measured_is_a_sentence_only_where_there_is_something_to_say():
    assert not_measured(30080.0) == "not measured for 30.1 s"
    assert not_measured(0.0) == ""


def often(*failed: Segment) -> ProbeRow:
    """Asked every 10 ms from 0 to 2, with these failures in between."""
    row, at = list[Segment](), 0.0
    for each in (*failed, segment(ProbeResult.GOOD, 2.0, 2.0, 1, "iam-a")):
        if each.first > at:
            row.append(segment(ProbeResult.GOOD, at, round(each.first - 0.01, 3), 1, "iam-a"))
        row.append(each)
        at = round(each.last + 0.01, 3)
    return ProbeRow(tuple(row), 0.01)


def seldom(*failed: float) -> ProbeRow:
    """Asked every 200 ms."""
    row = [
        segment(ProbeResult.WRONG if at in failed else ProbeResult.GOOD, at, at, 1)
        for at in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2)
    ]
    return ProbeRow(tuple(row), 0.2)


def test_a_single_failure_in_a_gap_of_the_row_that_asks_more_often_does_not_make_it_longer():
    report = gap_report((often(segment(ProbeResult.DARK, 0.395, 0.405, 2)), seldom(0.4)))
    (gap,) = report.gaps
    assert (gap.duration_ms, gap.no_answer, gap.wrong) == (20.0, 2, 1)
    assert (report.longest_ms, report.total_ms) == (20.0, 20.0)
    assert (report.resolution_ms, report.last_node) == (10.0, "iam-a")


def test_a_row_that_asks_seldom_and_failed_first_does_not_make_the_gap_as_long_as_its_own_spacing():
    report = gap_report((often(segment(ProbeResult.DARK, 0.403, 0.413, 2)), seldom(0.4)))
    (gap,) = report.gaps
    assert (gap.began, gap.ended, gap.duration_ms) == (0.4, 0.423, 23.0)


def test_what_only_the_row_that_asks_seldom_has_lost_is_lost():
    report = gap_report((often(), seldom(0.4, 0.6)))
    (gap,) = report.gaps
    assert (gap.began, gap.ended, gap.duration_ms, gap.uncertainty_ms) == (0.4, 0.8, 400.0, 200.0)
    assert report.wrong == 2


def test_gaps_that_overlap_are_one():
    report = gap_report((often(segment(ProbeResult.REFUSED, 0.35, 0.45, 11)), seldom(0.4, 0.6)))
    (gap,) = report.gaps
    assert (gap.began, gap.ended, gap.duration_ms) == (0.35, 0.8, 450.0)
    assert (gap.refused, gap.wrong) == (11, 2)


def test_a_gap_that_still_lasts_in_one_row_still_lasts():
    lasting = ProbeRow((segment(ProbeResult.GOOD, 0.0, 0.2, 2), segment(ProbeResult.WRONG, 0.4, 1.4, 50)), 0.2)
    report = gap_report((often(segment(ProbeResult.REFUSED, 0.5, 0.6, 11)), lasting))
    (gap,) = report.gaps
    assert (gap.began, gap.ended, gap.duration_ms) == (0.4, None, 1000.0)


def test_many_gaps_of_a_row_that_asks_seldom_all_count():
    """Every second request of a service fails for six seconds: more gaps than are kept."""
    row = tuple(segment(ProbeResult.WRONG if n % 2 else ProbeResult.GOOD, n / 10, n / 10, 1) for n in range(60))
    report = gap_report([ProbeRow((segment(ProbeResult.GOOD, 0.0, 6.0, 600),), 0.01), ProbeRow(row, 0.1)])
    assert len(report.gaps) == GAPS_KEPT
    assert report.total_ms >= 2900
    assert (report.resolution_ms, report.services_resolution_ms) == (10.0, 100.0)


def test_a_gap_that_overlaps_two_others_is_counted_once():
    one = often(segment(ProbeResult.DARK, 0.5, 0.69, 20), segment(ProbeResult.DARK, 0.9, 1.09, 20))
    other = ProbeRow(
        (
            segment(ProbeResult.GOOD, 0.0, 0.59, 3),
            segment(ProbeResult.WRONG, 0.6, 0.9, 3),
            segment(ProbeResult.GOOD, 1.0, 2.0, 5),
        ),
        0.2,
    )
    report = gap_report([one, other])
    assert report.total_ms == 600.0
