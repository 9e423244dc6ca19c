"""What a drill does, in words, and a client's latency as bars."""

from __future__ import annotations

import pytest

from iamops.model.drill import EACH, DrillStep, DrillVerb, FailedRequests, StateOf
from iamops.model.facts import VrrpState
from iamops.model.outage import ProbeResult, ProbeSample, Samples
from iamops.parse.drill.loader import parse_drill
from iamops.parse.drill.step import parse_bound
from iamops.tui.drills.run import latency_lines
from iamops.tui.drills.screen import drill_story, expected_words, move_words
from iamops.tui.toolkit.text import Tone, text_of
from tests.support import scenes

WORDS = [
    (DrillStep(DrillVerb.STOP, "nginx"), "stop nginx on the owner"),
    (DrillStep(DrillVerb.RELOAD, "nginx", EACH), "reload nginx on every node"),
    (DrillStep(DrillVerb.RESTART, "nginx", "iam-a"), "restart nginx on iam-a"),
    (DrillStep(DrillVerb.POWER_OFF), "power-off the owner"),
    (DrillStep(DrillVerb.SWITCHOVER), "switchover to the standby"),
    (DrillStep(DrillVerb.REQUESTS, count=10), "10 requests per domain"),
    (DrillStep(DrillVerb.WATCH), "watch"),
]


@pytest.mark.parametrize(("move", "words"), WORDS, ids=lambda each: str(each)[:24])
def test_a_role_has_an_article_and_a_node_a_name(move: DrillStep, words: str) -> None:
    assert move_words(move) == words


def test_expectations_say_what_must_follow() -> None:
    state = StateOf("iam-b", VrrpState.BACKUP, parse_bound("2 s"))
    assert expected_words(state) == "iam-b is BACKUP within 2 s"
    assert expected_words(FailedRequests(0)) == "no request fails"
    assert expected_words(FailedRequests(3)) == "at most 3 requests fail"


def test_a_drill_about_a_node_that_is_not_there_can_still_be_read() -> None:
    text = """
name: own
title: a node of somebody else
method:
  - restart: nginx
    node: iam-z
    expect:
      - {state: iam-z BACKUP, within: check.recover}
      - {vip: iam-z, within: vrrp.skew}
  - reload: nginx
    expect: [{outage: vrrp.max}]
"""
    drill = parse_drill(text, "own.yaml")
    lines = drill_story(drill, (), scenes.healthy(), scenes.NOW, 76)
    assert "iam-z is BACKUP within check.recover" in "\n".join(text_of(line).strip() for line in lines)


def _samples(*fates: ProbeResult) -> Samples:
    """One every 100 ms, on a clock that is 1000 s behind."""
    row = (
        ProbeSample(0.1 * n + 0.05, fate, 2.0 if fate is ProbeResult.GOOD else None)
        for n, fate in enumerate(fates)
    )
    return Samples(tuple(row), ahead_s=1000.0)


def test_a_failed_request_is_a_cross_in_its_own_tone_and_place() -> None:
    bars, _ = latency_lines(
        _samples(*[ProbeResult.GOOD] * 10, *[ProbeResult.DARK] * 5, *[ProbeResult.GOOD] * 5), 1000.0, 1002.0, 20, 1
    )
    assert text_of(bars) == "█" * 10 + "✗" * 5 + "█" * 5
    assert [span.tone for span in bars] == [Tone.GRAPH, Tone.DOWN, Tone.GRAPH]


def test_one_failure_among_many_answers_is_not_averaged_away() -> None:
    bars, _ = latency_lines(
        _samples(*[ProbeResult.GOOD] * 199, ProbeResult.REFUSED, *[ProbeResult.GOOD] * 200), 1000.0, 1040.0, 40, 1
    )
    assert text_of(bars).count("✗") == 1


def test_time_in_which_nobody_asked_stays_empty() -> None:
    bars, scale = latency_lines(_samples(*[ProbeResult.GOOD] * 10), 999.0, 1002.0, 30, 1)
    assert text_of(bars) == " " * 10 + "█" * 10 + " " * 10
    assert text_of(scale).endswith("3.0 s")


def test_tall_bars_grow_from_below() -> None:
    samples = Samples(
        (
            ProbeSample(0.0, ProbeResult.GOOD, 10.0),
            ProbeSample(0.5, ProbeResult.GOOD, 2.5),
            ProbeSample(0.95, ProbeResult.DARK),
        )
    )
    rows = [text_of(line) for line in latency_lines(samples, 0.0, 1.0, 20, 4)[:-1]]
    assert [row[0] for row in rows] == ["█", "█", "█", "█"]
    assert [row[10] for row in rows] == [" ", " ", " ", "█"]
    assert [row[19] for row in rows] == ["✗", "✗", "✗", "✗"]


def test_no_samples_no_bars() -> None:
    assert latency_lines(Samples(), 0.0, 1.0, 20, 5) == ()
