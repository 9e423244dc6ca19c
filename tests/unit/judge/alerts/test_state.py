"""What is seen at one time: severities as asked, causes as loud as what follows, moves found by comparing."""

from __future__ import annotations

from iamops.judge.alerts.state import Policy
from iamops.model.facts import Severity
from tests.support.watching import DOWN, Seen, finding, restarted

CRITICAL = finding("client-dark", None, Severity.CRITICAL, "a client gets no good answer from VIP 10.0.4.99")


def test_a_move_that_nobody_saw_is_told_by_comparing():
    seen = Seen()
    seen.pass_time(1, owners={"VI_1": "iam-a"})
    again = restarted(seen)
    again.pass_time(3, owners={"VI_1": "iam-b"})
    assert again.take() == ["[CRITICAL] lab: VIP 10.0.4.99 is on iam-b; it was on iam-a when last seen"]


def test_only_as_severe_as_asked():
    seen = Seen(Policy(floor=Severity.CRITICAL))
    seen.pass_time(60, DOWN, CRITICAL)
    assert seen.take() == ["[CRITICAL] lab: a client gets no good answer from VIP 10.0.4.99"]


def test_a_cause_is_as_severe_as_what_follows_from_it():
    seen = Seen(Policy(floor=Severity.CRITICAL))
    seen.pass_time(1.5, finding(severity=Severity.WARNING, explains=(CRITICAL,)))
    assert seen.take() == ["[CRITICAL] lab: iam-pump is inactive on iam-a"]
