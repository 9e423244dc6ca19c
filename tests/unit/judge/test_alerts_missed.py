"""Alerts reach whoever has not had them: each destination hears each finding once in a state, and its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from iamops.judge.alerts.memory import missed, remembered
from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.ledger.outbox import Outbox
from iamops.model.facts import Severity
from tests.unit.judge.watching import QUIET, Seen, finding, restarted

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
