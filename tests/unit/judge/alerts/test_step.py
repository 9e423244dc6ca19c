"""What a watch says and when: told once, told late enough, told to be over, and never a hundred times."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.alerts.message import AlertKind
from iamops.judge.alerts.state import Policy
from iamops.judge.findings import About, NotEvaluated
from iamops.model.facts import Severity
from tests.support.watching import DOWN, Seen, finding, restarted

CRITICAL = finding("client-dark", None, Severity.CRITICAL, "a client gets no good answer from VIP 10.0.4.99")
UNREACHABLE = finding("node-unreachable", "iam-a", Severity.WARNING, "iam-a cannot be seen")


def test_a_move_is_told_at_once_with_its_evidence_and_the_next_step():
    seen = Seen()
    seen.move("iam-a", "iam-b")
    (said,) = seen.said
    assert said.subject == "[CRITICAL] lab: VIP 10.0.4.99 moved iam-a -> iam-b"
    assert said.kind is AlertKind.VIP_MOVE
    assert said.node == "iam-b"
    assert said.body == ("at 2023-11-14 22:13:20.0 UTC", "iam-b: has it", "more: iamops --profile lab triage")


def test_a_hundred_moves_in_a_minute_are_a_handful_of_messages():
    seen = Seen()
    for number in range(100):
        seen.move(*(("iam-a", "iam-b") if number % 2 == 0 else ("iam-b", "iam-a")))
        seen.pass_time(0.6, every_s=0.3)
    seen.pass_time(30)
    told = seen.take()
    assert len(told) == 4
    assert told[:3] == [
        "[CRITICAL] lab: VIP 10.0.4.99 moved iam-a -> iam-b",
        "[CRITICAL] lab: VIP 10.0.4.99 moved iam-b -> iam-a",
        "[CRITICAL] lab: VIP 10.0.4.99 moved iam-a -> iam-b",
    ]
    assert told[3] == "[CRITICAL] lab: VIP 10.0.4.99 moved 100 times in 60 s between iam-a and iam-b"


def test_flapping_for_an_hour_is_told_ever_more_seldom_and_its_end_is_told():
    seen = Seen()
    for number in range(720):
        seen.move(*(("iam-a", "iam-b") if number % 2 == 0 else ("iam-b", "iam-a")))
        seen.pass_time(5, every_s=2.5)
    told = seen.take()
    assert len(told) <= 3 + 7
    seen.pass_time(2000, every_s=10)
    last = seen.take()
    assert last[-1] == "[RESOLVED] lab: VIP 10.0.4.99 has not moved for 15 min; it is on iam-a"
    seen.move("iam-a", "iam-b")
    assert len(seen.take()) == 1


def test_a_first_start_and_a_restart_without_news_say_nothing():
    seen = Seen()
    seen.pass_time(5, owners={"VI_1": "iam-a"})
    again = restarted(seen)
    again.pass_time(5, owners={"VI_1": "iam-a"})
    assert [seen.take(), again.take()] == [[], []]


def test_a_move_during_an_action_says_so_and_is_told_all_the_same():
    seen = Seen()
    seen.sight = replace(seen.sight, during="drill keepalived-stop by alice@ops")
    seen.move("iam-a", "iam-b")
    assert "during drill keepalived-stop by alice@ops" in seen.said[0].body


SPLIT = finding(
    "split-brain",
    None,
    Severity.CRITICAL,
    "SPLIT BRAIN: VIP 10.0.4.99 on iam-a and iam-b",
    about=About(instance="VI_1"),
)
VI_1 = frozenset({"VI_1"})


def test_a_split_brain_is_told_with_its_end_and_who_has_the_vip_then_and_never_as_a_move():
    seen = Seen()
    seen.pass_time(2, owners={"VI_1": "iam-a"})
    seen.pass_time(12, SPLIT, owners={}, split=VI_1)
    seen.pass_time(20, owners={"VI_1": "iam-b"}, split=frozenset())
    assert seen.take() == [
        "[CRITICAL] lab: SPLIT BRAIN: VIP 10.0.4.99 on iam-a and iam-b",
        "[RESOLVED] lab: split brain ended: VIP 10.0.4.99 on iam-b only",
    ]
    seen.pass_time(5, owners={"VI_1": "iam-a"})
    assert seen.take() == ["[CRITICAL] lab: VIP 10.0.4.99 is on iam-a; it was on iam-b when last seen"]


def test_a_split_brain_is_told_although_something_explains_it():
    astray = finding("address-without-master", "iam-b", Severity.CRITICAL, "astray", explains=(SPLIT,))
    seen = Seen()
    seen.pass_time(3, astray, split=VI_1)
    assert seen.take() == [
        "[CRITICAL] lab: astray",
        "[CRITICAL] lab: SPLIT BRAIN: VIP 10.0.4.99 on iam-a and iam-b",
    ]


def test_a_split_brain_over_a_restart_of_the_watch_is_no_move_either():
    seen = Seen()
    seen.pass_time(2, owners={"VI_1": "iam-a"})
    seen.pass_time(5, SPLIT, owners={}, split=VI_1)
    again = restarted(seen)
    again.pass_time(20, owners={"VI_1": "iam-b"}, split=frozenset())
    assert again.take() == ["[RESOLVED] lab: split brain ended: VIP 10.0.4.99 on iam-b only"]


def test_two_owners_for_less_than_the_hold_are_told_by_where_the_vip_is_then():
    seen = Seen()
    seen.pass_time(2, owners={"VI_1": "iam-a"})
    seen.pass_time(0.5, SPLIT, owners={}, split=VI_1)
    seen.pass_time(20, owners={"VI_1": "iam-b"}, split=frozenset())
    (said,) = seen.said
    assert said.subject == "[CRITICAL] lab: VIP 10.0.4.99 is on iam-b; it was on iam-a when last seen"
    assert said.body[0] == "for a moment several nodes held it"


def test_a_warning_must_last_before_it_is_told_and_is_told_once():
    seen = Seen()
    seen.pass_time(3, DOWN)
    assert seen.take() == []
    seen.pass_time(600, DOWN)
    assert seen.take() == ["[WARNING] lab: iam-pump is inactive on iam-a"]


def test_a_critical_finding_is_told_after_a_second():
    seen = Seen()
    seen.pass_time(1.5, CRITICAL)
    assert len(seen.take()) == 1


def test_a_blip_is_not_told():
    seen = Seen()
    for _ in range(3):
        seen.pass_time(1, DOWN)
        seen.pass_time(20)
    assert seen.take() == []


def test_a_finding_that_is_there_every_other_moment_is_told_once_it_adds_up():
    seen = Seen()
    for _ in range(10):
        seen.pass_time(1, DOWN)
        seen.pass_time(1)
    assert len(seen.take()) == 1


def test_it_is_resolved_after_it_has_been_gone_for_ten_seconds():
    seen = Seen()
    seen.pass_time(10, DOWN)
    seen.take()
    seen.pass_time(9.5)
    assert seen.take() == []
    seen.pass_time(1)
    (said,) = seen.said
    assert said.subject == "[RESOLVED] lab: iam-pump is inactive on iam-a"
    assert said.code == "unit-down"
    assert "lasted" in said.body[0]


def test_unknown_is_not_resolved():
    seen = Seen()
    seen.pass_time(10, DOWN)
    seen.take()
    seen.pass_time(600, UNREACHABLE, unseen=frozenset({"iam-a"}))
    assert "the state of iam-a is unknown, not down" in seen.said[0].body
    assert seen.take() == ["[WARNING] lab: iam-a cannot be seen"]
    seen.pass_time(9.5, DOWN, unseen=frozenset())
    assert seen.take() == []


def test_what_only_a_node_out_of_sight_could_tell_is_not_resolved_either():
    split = finding("split-brain", None, Severity.CRITICAL, "VIP 10.0.4.99 is on iam-a and iam-b at once")
    split = replace(split, evidence=tuple(replace(split.evidence[0], node=node) for node in ("iam-a", "iam-b")))
    seen = Seen()
    seen.pass_time(5, split)
    seen.take()
    seen.pass_time(60, unseen=frozenset({"iam-b"}))
    assert seen.take() == []
    seen.pass_time(11, unseen=frozenset())
    assert len(seen.take()) == 1


def test_a_question_that_cannot_be_answered_is_not_an_answer():
    seen = Seen()
    seen.pass_time(10, DOWN)
    seen.take()
    seen.pass_time(60, not_evaluated=(NotEvaluated("unit-down", "units", "systemctl: timed out", "iam-a"),))
    assert seen.take() == []
    seen.pass_time(11, not_evaluated=(NotEvaluated("unit-down", "units", "systemctl: timed out", "iam-b"),))
    assert seen.take() == ["[RESOLVED] lab: iam-pump is inactive on iam-a"]


def test_a_node_out_of_sight_that_is_found_to_be_serving_is_one_finding_and_is_resolved_when_it_is_back():
    serving = finding("serving-unseen", "iam-a", Severity.WARNING, "iam-a cannot be reached, but it is serving")
    seen = Seen()
    seen.pass_time(10, UNREACHABLE, unseen=frozenset({"iam-a"}))
    seen.pass_time(10, serving)
    assert len(seen.take()) == 1
    seen.pass_time(11, unseen=frozenset())
    assert len(seen.take()) == 1


def test_what_another_finding_explains_is_told_with_it():
    dark = finding("client-dark", None, Severity.CRITICAL, "a client gets no good answer")
    seen = Seen()
    seen.pass_time(5, finding("nginx-hung", "iam-a", Severity.CRITICAL, "nginx hangs", explains=(dark,)))
    (said,) = seen.said
    assert "explains: a client gets no good answer" in said.body


def test_a_finding_that_gets_an_explanation_is_not_resolved_by_that():
    dark = finding("client-dark", None, Severity.CRITICAL, "a client gets no good answer")
    seen = Seen()
    seen.pass_time(5, dark)
    seen.take()
    seen.pass_time(30, finding("nginx-hung", "iam-a", Severity.CRITICAL, "nginx hangs", explains=(dark,)))
    assert seen.take() == ["[CRITICAL] lab: nginx hangs"]
    seen.pass_time(11)
    assert len(seen.take()) == 2


def test_what_gets_worse_is_told_again():
    seen = Seen()
    seen.pass_time(5, DOWN)
    seen.take()
    seen.pass_time(5, replace(DOWN, severity=Severity.CRITICAL))
    assert seen.take() == ["[CRITICAL] lab: iam-pump is inactive on iam-a"]


def test_a_flapping_finding_becomes_a_sum_and_its_state_is_told_when_it_is_calm():
    seen = Seen()
    for _ in range(20):
        seen.pass_time(5, DOWN)
        seen.pass_time(15)
    told = seen.take()
    assert len(told) < 10
    assert any("came or went" in each for each in told)
    seen.pass_time(2000, DOWN, every_s=2)
    assert seen.take()[-1] == "[WARNING] lab: iam-pump is inactive on iam-a"
    assert [case.code for case in seen.alerts.reported] == ["unit-down"]


def test_a_flapping_finding_that_stays_away_is_resolved():
    seen = Seen()
    for _ in range(20):
        seen.pass_time(5, DOWN)
        seen.pass_time(15)
    seen.take()
    seen.pass_time(2000, every_s=2)
    assert seen.take()[-1] == "[RESOLVED] lab: iam-pump is inactive on iam-a"
    assert not seen.alerts.cases
    assert not seen.alerts.dampers


def test_a_reminder_only_when_asked_for():
    seen = Seen(Policy(remind_every_s=600))
    seen.pass_time(1300, DOWN, every_s=1)
    assert seen.take() == [
        "[WARNING] lab: iam-pump is inactive on iam-a",
        "[WARNING] lab: still so: iam-pump is inactive on iam-a",
        "[WARNING] lab: still so: iam-pump is inactive on iam-a",
    ]
