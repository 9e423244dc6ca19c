"""Calls for attention: once for a burst, silent when told to be, and a move that waits until it was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from iamops.judge.findings import Finding
from iamops.model.events import AddressChanged, Noticed
from iamops.model.facts import Severity
from iamops.model.state import ClusterState
from iamops.session.store import Store
from iamops.tui.app.notifier import Attention, AttentionWhen, Means, Notifier
from iamops.tui.toolkit.themes import remember, remembered
from tests.support import scenes
from tests.support.scenes import NO_GRANT, NOW, VIP, A, B

XTERM = {"TERM": "xterm-256color"}
# A split brain is heard of by its event: this one calls by being found.
SPLIT = replace(scenes.SPLIT, code="vip-nowhere")
DARK = replace(SPLIT, code="client-dark", title="a client gets no answer")


class Desk:
    """A console that only notes what is asked of it, and a clock that a test turns."""

    def __init__(self, environ: dict[str, str] | None = None, state: ClusterState | None = None) -> None:
        self.app_focus = True
        self.acting = False
        self.repainter = SimpleNamespace(repaint_header=lambda: None)
        self.time = NOW
        self.said: list[tuple[str, Severity]] = []
        self.told: list[str] = []
        self._later: list[tuple[float, Callable[[], None]]] = []
        self.store = Store(state or scenes.healthy())
        self.notifier = Notifier(self, self.store, lambda: self.time, environ or XTERM)
        self.store.subscribe(lambda state, event: self.notifier.on_state(state))
        self.owner = A

    def say(self, text: str, severity: Severity = Severity.INFO) -> None:
        self.said.append((text, severity))

    def notify_terminal(self, text: str) -> None:
        self.told.append(text)

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        self._later.append((self.time + delay_s, call))

    def run(self, seconds: float = 0.0) -> None:
        """Lets time go on, and does what was put off until then."""
        self.time += seconds
        due = [call for at, call in self._later if at <= self.time]
        self._later = [(at, call) for at, call in self._later if at > self.time]
        for call in due:
            call()

    def move(self) -> None:
        there, self.owner = self.owner, B if self.owner == A else A
        self.store.apply(AddressChanged(self.time, there, VIP, present=False))
        self.store.apply(AddressChanged(self.time, self.owner, VIP, present=True))

    def judge(self, *found: Finding) -> None:
        self.notifier.on_findings(found, self.time)


def test_a_vip_move_is_said_rung_and_notified():
    desk = Desk()
    desk.move()
    desk.run()
    assert desk.said == [("VIP moved 08:53:20 iam-a -> iam-b", Severity.WARNING)]
    assert desk.told == [
        "\x1b]9;iamops lab: VIP moved 08:53:20 iam-a -> iam-b\x07"
        "\x1b]777;notify;iamops lab;VIP moved 08:53:20 iam-a -> iam-b\x07",
        "\x07",
    ]


def test_a_burst_of_moves_is_one_call_and_then_one_with_their_number():
    desk = Desk()
    for _ in range(100):
        desk.move()
        desk.run(0.04)
    assert len(desk.said) == 1
    desk.run(5)
    assert [text for text, _ in desk.said][1:] == ["99 VIP moves, the last 08:53:23 iam-b -> iam-a"]
    desk.run(60)
    assert len(desk.said) == 2


def test_what_moved_before_the_console_was_opened_is_no_news():
    desk = Desk(state=scenes.moved())
    desk.store.apply(Noticed(NOW, None, Severity.INFO, "something"))
    desk.run(10)
    assert desk.said == []
    assert desk.notifier.waiting == ""


def test_a_new_critical_finding_calls_and_a_warning_does_not():
    desk = Desk()
    desk.judge()
    desk.judge(NO_GRANT)
    desk.run()
    assert desk.said == []
    desk.judge(SPLIT, NO_GRANT)
    desk.run()
    assert desk.said == [(f"VIP {VIP} is on both nodes", Severity.CRITICAL)]


def test_what_was_wrong_in_the_first_picture_is_on_the_screen_already():
    desk = Desk()
    desk.judge(SPLIT)
    desk.judge(SPLIT)
    desk.run(10)
    assert desk.said == []


def test_a_finding_that_comes_and_goes_calls_once_in_five_minutes():
    desk = Desk()
    desk.judge()
    for _ in range(20):
        desk.judge(SPLIT)
        desk.run(6)
        desk.judge()
        desk.run(6)
    assert len(desk.said) == 1
    desk.run(301)
    desk.judge(SPLIT)
    desk.run(6)
    assert len(desk.said) == 2


def test_a_move_and_findings_at_once_are_one_call_the_worst_first():
    desk = Desk()
    desk.judge()
    desk.move()
    desk.judge(SPLIT, DARK)
    desk.run()
    assert desk.said == [
        (
            f"VIP {VIP} is on both nodes · 1 more critical · VIP moved 08:53:20 iam-a -> iam-b",
            Severity.CRITICAL,
        )
    ]


def test_a_move_waits_until_it_is_acknowledged():
    desk = Desk()
    desk.move()
    desk.run(3600)
    assert desk.notifier.waiting == "VIP MOVED 08:53:20 iam-a -> iam-b · a acknowledges"
    desk.notifier.acknowledge()
    assert desk.notifier.waiting == ""
    assert desk.store.state.notices[-1].text == "acknowledged: VIP move 08:53:20 iam-a -> iam-b"


def test_several_moves_wait_as_one_with_their_number():
    desk = Desk()
    for _ in range(3):
        desk.move()
    assert desk.notifier.waiting == "VIP MOVED 3x, 08:53:20 iam-a -> iam-b · a acknowledges"
    desk.notifier.acknowledge()
    assert desk.store.state.notices[-1].text == "acknowledged: 3 VIP moves, the last 08:53:20 iam-a -> iam-b"


def test_a_move_acknowledged_before_it_was_called_is_not_called():
    desk = Desk()
    desk.move()
    desk.run()
    desk.run(1)
    desk.move()
    desk.notifier.acknowledge()
    said = list(desk.said)
    desk.run(10)
    assert desk.said == said
    desk.move()
    desk.run()
    assert len(desk.said) == len(said) + 1


@pytest.mark.parametrize(
    ("bell", "notifications", "focused", "told"),
    [
        ("on", "on", True, 2),
        ("off", "on", True, 1),
        ("on", "off", True, 1),
        ("off", "off", False, 0),
        ("unfocused", "unfocused", True, 0),
        ("unfocused", "unfocused", False, 2),
    ],
)
def test_what_is_switched_off_keeps_quiet_and_the_message_is_shown_all_the_same(
    bell, notifications, focused, told
):
    desk = Desk(XTERM | {"IAMOPS_BELL": bell, "IAMOPS_NOTIFICATIONS": notifications})
    desk.app_focus = focused
    desk.move()
    desk.run()
    assert len(desk.told) == told
    assert len(desk.said) == 1


def test_the_environment_wins_over_what_was_remembered():
    assert remember("bell", "off") is None
    assert not Attention({}).wanted(Means.BELL, focused=True)
    assert Attention({"IAMOPS_BELL": "on"}).wanted(Means.BELL, focused=True)
    assert not Attention({"IAMOPS_BELL": ""}).wanted(Means.BELL, focused=True)


def test_a_word_that_is_no_choice_is_told_and_the_next_source_asked():
    remember("bell", "off")
    attention = Attention({"IAMOPS_BELL": "sometimes"})
    assert attention.complaints == ("IAMOPS_BELL: 'sometimes' is none of on, off, unfocused",)
    assert not attention.wanted(Means.BELL, focused=True)


def test_a_choice_is_remembered_beside_the_theme():
    remember("theme", "light")
    assert Attention({}).choose(Means.BELL, AttentionWhen.UNFOCUSED) is None
    assert (remembered("bell"), remembered("theme")) == ("unfocused", "light")
    remember("theme", "dark")
    assert (remembered("bell"), remembered("theme")) == ("unfocused", "dark")


def test_a_cluster_of_several_instances_says_which_vip_moved():
    profile = scenes.profile()
    second = profile.instance.model_copy(update={"name": "VI_2", "vip": "10.0.4.98/24"})
    profile = profile.model_copy(update={"vrrp": {**profile.vrrp, "VI_2": second}})
    desk = Desk(state=replace(scenes.healthy(), profile=profile))
    desk.move()
    assert "VI_1 08:53:20 iam-a -> iam-b" in desk.notifier.waiting


def test_what_an_action_of_ours_brings_about_calls_nobody_unless_it_stays():
    desk = Desk()
    desk.judge()
    desk.acting = True
    desk.move()
    desk.judge(SPLIT)
    desk.run()
    assert (desk.said, desk.notifier.waiting) == ([], "")
    desk.acting = False
    desk.run(2)
    desk.judge(SPLIT)
    assert desk.said == [], "it may still come to rest"
    desk.run(10)
    desk.judge(SPLIT)
    desk.run()
    assert len(desk.said) == 1
