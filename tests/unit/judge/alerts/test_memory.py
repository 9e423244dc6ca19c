"""What a watch remembers: a restart repeats nothing, forgets nothing, and refuses what is no memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from iamops.judge.alerts.memory import missed, recalled, remembered
from iamops.judge.alerts.state import Alerts
from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.ledger.outbox import Outbox
from iamops.model.facts import Severity
from tests.support.watching import DOWN, QUIET, T0, VIPS, Seen, finding, restarted


def test_a_restart_repeats_nothing_and_resolves_what_is_over():
    seen = Seen()
    seen.pass_time(10, DOWN)
    seen.take()
    again = restarted(seen)
    again.pass_time(60, DOWN)
    assert again.take() == []
    once_more = restarted(again)
    once_more.pass_time(11)
    assert once_more.take() == ["[RESOLVED] lab: iam-pump is inactive on iam-a"]


def test_after_a_restart_nothing_is_resolved_before_its_node_was_seen():
    seen = Seen()
    seen.pass_time(10, DOWN)
    again = restarted(seen)
    again.pass_time(60, unseen=frozenset({"iam-a"}))
    assert again.take() == []


def test_a_restart_within_a_silence_still_tells_its_end():
    seen = Seen()
    seen.pass_time(5, silence=QUIET)
    seen.move("iam-a", "iam-b")
    again = restarted(seen)
    again.pass_time(1, owners={"VI_1": "iam-b"}, silence=None)
    assert again.take() == ["[WARNING] lab: the silence is over; 1 VIP move and 0 findings were held back"]


def test_a_restart_does_not_forget_that_it_was_flapping():
    seen = Seen()
    for number in range(10):
        seen.move(*(("iam-a", "iam-b") if number % 2 == 0 else ("iam-b", "iam-a")))
        seen.pass_time(1)
    seen.take()
    again = restarted(seen, 2)
    again.move("iam-a", "iam-b")
    assert again.take() == []


def test_a_clock_that_was_set_back_meanwhile_holds_no_alert_back():
    """A machine that boots with next year's date, and is told the right one later."""
    seen = Seen()
    for _ in range(4):
        seen.pass_time(10, DOWN)
        seen.pass_time(11)
    assert remembered(seen.alerts)["dampers"], "it flaps"
    again = restarted(seen)
    again.alerts = recalled(again.alerts, remembered(seen.alerts), T0 - 31_536_000)
    again.now = T0 - 31_536_000
    again.pass_time(10, DOWN)
    assert all(case.first <= again.now for case in again.alerts.cases.values())
    again.pass_time(1000, DOWN)
    assert not any(damper.flapping for damper in again.alerts.dampers.values())
    assert any("iam-pump" in said for said in again.take())


def test_looking_again_changes_nothing_that_is_kept():
    seen = Seen()
    seen.pass_time(10, DOWN, owners={"VI_1": "iam-a"})
    before = remembered(seen.alerts)
    seen.pass_time(5, DOWN)
    assert remembered(seen.alerts) == before


@pytest.mark.parametrize("raw", [{}, {"cases": 1}, {"cases": [{}], "vips": {}, "dampers": [], "hush": None}])
def test_what_is_no_memory_is_refused(raw):
    with pytest.raises((KeyError, TypeError, ValueError)):
        recalled(Alerts("lab", VIPS), raw, T0)


PUMP = finding(title="pump", about=About(unit="iam-pump"))
API = finding(title="api", about=About(unit="iam-apiserver"))
WORSE = replace(PUMP, severity=Severity.CRITICAL)


class Office:
    """A watch, its outbox, and destinations that come and go. `arrived`: what each has accepted, in order."""

    def __init__(self, path: Path, *destinations: str) -> None:
        self.path = path
        self.seen = Seen()
        self.box = Outbox(path)
        self.to = destinations
        self.down: set[str] = set()
        self.arrived: dict[str, list[str]] = {}
        self.began: float | None = None

    def pass_time(self, seconds: float, *found: Finding, **sight: object) -> None:
        for _ in range(round(seconds * 2)):
            self.seen.pass_time(0.5, *found, **sight)
            self.began = self.began or self.seen.now
            said, self.seen.said = tuple(self.seen.said), []
            kept = remembered(self.seen.alerts)
            if said or kept != self.box.alerts:
                self.box.put(said, self.to, kept)
            knows = {each: self.box.knows(each) for each in self.to}
            looked_s = self.seen.now - self.began
            for to, message in missed(self.seen.alerts, self.seen.now, self.seen.sight, knows, looked_s=looked_s):
                self.box.put((message,), (to,))
            self._deliver(each for each in self.to if each not in self.down)

    def _deliver(self, destinations: Iterable[str]) -> None:
        for each in destinations:
            while (parcel := self.box.first_for(each)) is not None:
                self.arrived.setdefault(each, []).append(parcel.message.subject)
                self.box.accepted(parcel.number, each)

    def restart(self, *destinations: str) -> None:
        self.seen, self.box, self.began = restarted(self.seen, 1.0), Outbox(self.path), None
        self.to = destinations
        self.box.keep_only(destinations)

    def take(self, destination: str) -> list[str]:
        return self.arrived.pop(destination, [])


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "outbox.db", "mail")


def test_a_destination_that_is_added_hears_what_is_still_so_once_and_its_end(office: Office):
    office.pass_time(10, PUMP, API)
    office.restart("mail", "chat")
    office.pass_time(30, PUMP, API)
    assert sorted(office.take("chat")) == ["[WARNING] lab: api", "[WARNING] lab: pump"]
    office.pass_time(15, API)
    assert office.take("chat") == ["[RESOLVED] lab: pump"]
    assert office.take("mail") == ["[WARNING] lab: pump", "[WARNING] lab: api", "[RESOLVED] lab: pump"]


def test_a_destination_that_is_added_is_not_told_the_end_of_what_it_never_heard(office: Office):
    office.pass_time(10, PUMP)
    office.pass_time(5)
    office.restart("mail", "chat")
    office.pass_time(15)
    assert office.take("chat") == []
    assert office.take("mail") == ["[WARNING] lab: pump", "[RESOLVED] lab: pump"]


def test_its_hold_counts_for_a_destination_that_is_added_too(office: Office):
    office.restart("mail", "chat")
    office.pass_time(2.5, PUMP)
    assert office.take("chat") == []


def test_a_destination_that_comes_back_hears_what_it_has_missed_and_nothing_twice(office: Office):
    office.pass_time(10, PUMP, API)
    office.restart("chat")
    office.pass_time(20, API)
    office.restart("mail")
    office.take("mail")
    office.pass_time(20, API, finding(title="new", about=About(unit="nginx")))
    assert sorted(office.take("mail")) == ["[RESOLVED] lab: pump", "[WARNING] lab: new"]


def test_what_was_given_up_is_told_again_while_it_is_so_and_its_end_as_well(office: Office):
    office.down = {"mail"}
    office.pass_time(10, PUMP)
    for parcel in office.box.waiting:
        office.box.give_up(parcel.number, "mail")
    office.down = set()
    office.pass_time(2, PUMP)
    assert office.take("mail") == ["[WARNING] lab: pump"]
    office.down = {"mail"}
    office.pass_time(11)
    for parcel in office.box.waiting:
        office.box.give_up(parcel.number, "mail")
    office.down = set()
    office.pass_time(11)
    assert office.take("mail") == ["[RESOLVED] lab: pump"]


def test_whoever_was_down_gets_each_state_once_and_in_order(office: Office):
    office.down = {"mail"}
    office.pass_time(10, PUMP)
    office.pass_time(10, WORSE)
    office.restart("mail")
    office.down = set()
    office.pass_time(10, WORSE)
    assert office.take("mail") == ["[WARNING] lab: pump", "[CRITICAL] lab: pump"]


def test_one_that_is_added_hears_it_as_severe_as_the_others_know_it(office: Office):
    office.pass_time(10, WORSE)
    office.pass_time(10, PUMP)
    office.restart("mail", "chat")
    office.pass_time(30, PUMP)
    assert office.take("chat") == ["[CRITICAL] lab: pump"]


def test_a_silence_holds_for_whoever_is_added_and_its_end_tells_what_is_still_so(office: Office):
    office.pass_time(10, PUMP)
    office.restart("mail", "chat")
    office.pass_time(10, PUMP, silence=QUIET)
    assert office.take("chat") == []
    office.pass_time(10, PUMP, silence=None)
    assert "[WARNING] lab: pump" in office.take("chat")


def test_a_memory_that_was_lost_ends_nothing_before_it_could_be_seen_again(office: Office):
    office.pass_time(10, PUMP)
    office.take("mail")
    office.restart("mail")
    office.seen.alerts = Seen().alerts
    office.pass_time(60, unseen=frozenset({"iam-a"}))
    office.pass_time(
        60, unseen=frozenset(), not_evaluated=(NotEvaluated("unit-down", "whether it runs", "systemctl", "iam-a"),)
    )
    assert office.take("mail") == []
    office.pass_time(2, not_evaluated=())
    assert office.take("mail") == ["[RESOLVED] lab: pump"]


def test_one_that_flaps_is_told_to_whoever_is_added_when_it_is_calm(office: Office):
    for _ in range(5):
        office.pass_time(5, PUMP)
        office.pass_time(11)
    office.restart("mail", "chat")
    office.pass_time(400, PUMP)
    told = office.take("chat")
    assert told[-1] == "[WARNING] lab: pump"
    assert sum(each == "[WARNING] lab: pump" for each in told) == 1


def test_reading_the_file_again_knows_who_has_heard_what(office: Office):
    office.pass_time(10, PUMP)
    before = office.box.knows("mail")
    assert list(before) == ["unit-down|iam-a|unit=iam-pump"]
    assert Outbox(office.path).knows("mail") == before
    assert Outbox(office.path).knows("mail") == before, "also after it was written anew"
