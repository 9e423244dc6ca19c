"""Calls for attention: what rings and is notified, how often, and what of it the screen keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from textual import events
from textual.pilot import Pilot

from iamops.judge.findings import Finding
from iamops.model.events import AddressChanged, HostReported, Noticed
from iamops.model.facts import HostReport, Severity
from iamops.model.state import ClusterState
from iamops.session.store import Store
from iamops.tui.app.app import ConsoleApp
from iamops.tui.app.notifier import Attention, AttentionWhen, Means, Notifier, notification
from iamops.tui.toolkit.themes import remember, remembered
from tests.support import scenes
from tests.support.operators import FixedOperator
from tests.support.scenes import NO_GRANT, NOW, SPLIT, VIP, A, B, FixedCluster
from tests.support.screens import VIEW_KEYS, Watched, console

XTERM = {"TERM": "xterm-256color"}

# A split brain is heard of by its event: this one calls by being found.
NOWHERE = replace(scenes.SPLIT, code="vip-nowhere")

DARK = replace(NOWHERE, code="client-dark", title="a client gets no answer")


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
    desk.judge(NOWHERE, NO_GRANT)
    desk.run()
    assert desk.said == [(f"VIP {VIP} is on both nodes", Severity.CRITICAL)]


def test_what_was_wrong_in_the_first_picture_is_on_the_screen_already():
    desk = Desk()
    desk.judge(NOWHERE)
    desk.judge(NOWHERE)
    desk.run(10)
    assert desk.said == []


def test_a_finding_that_comes_and_goes_calls_once_in_five_minutes():
    desk = Desk()
    desk.judge()
    for _ in range(20):
        desk.judge(NOWHERE)
        desk.run(6)
        desk.judge()
        desk.run(6)
    assert len(desk.said) == 1
    desk.run(301)
    desk.judge(NOWHERE)
    desk.run(6)
    assert len(desk.said) == 2


def test_a_move_and_findings_at_once_are_one_call_the_worst_first():
    desk = Desk()
    desk.judge()
    desk.move()
    desk.judge(NOWHERE, DARK)
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
    desk.judge(NOWHERE)
    desk.run()
    assert (desk.said, desk.notifier.waiting) == ([], "")
    desk.acting = False
    desk.run(2)
    desk.judge(NOWHERE)
    assert desk.said == [], "it may still come to rest"
    desk.run(10)
    desk.judge(NOWHERE)
    desk.run()
    assert len(desk.said) == 1


async def moved_in(seen: Watched) -> list[str]:
    """The VIP moves while the console runs; what the terminal was told."""
    told: list[str] = []
    seen.app.notify_terminal = told.append  # type: ignore[method-assign]
    seen.cluster.store.apply(AddressChanged(NOW, A, VIP, present=False))
    seen.cluster.store.apply(AddressChanged(NOW, B, VIP, present=True))
    await seen.pilot.pause()
    await seen.pilot.pause(0.05)
    return told


BANNER = "▲ VIP MOVED 08:53:20 iam-a -> iam-b · a acknowledges"


async def test_the_foot_says_it_first_and_then_keeps_it_beside_the_cursors_line():
    async with console(scenes.healthy()) as seen:
        told = await moved_in(seen)
        assert "▲ VIP moved 08:53:20 iam-a -> iam-b" in seen.foot
        assert told[-1] == "\x07"
        await seen.press("escape", "j")
        assert BANNER in seen.foot
        assert len(seen.foot) <= 80


async def test_every_view_shows_it_until_a_is_pressed_and_the_events_keep_it():
    async with console(scenes.healthy(), size=(120, 40)) as seen:
        await moved_in(seen)
        await seen.press("escape")
        for view, key in VIEW_KEYS.items():
            await seen.press(key)
            assert view == seen.app.view.NAME
            seen.app.view.foot.status.clear()
            await seen.pilot.pause()
            assert BANNER in seen.text, key
        await seen.press("a")
        assert "acknowledged: VIP move 08:53:20 iam-a -> iam-b" in seen.foot
        await seen.press("escape")
        assert BANNER not in seen.text
        assert "acknowledged: VIP move" in seen.text


async def test_it_is_shown_and_called_while_the_picture_is_held():
    async with console(scenes.healthy()) as seen:
        await seen.press("p")
        told = await moved_in(seen)
        await seen.press("escape")
        assert BANNER in seen.foot
        assert told


async def test_a_new_critical_finding_is_called_while_the_picture_is_held():
    async with console(scenes.healthy()) as seen:
        await seen.press("p")
        told: list[str] = []
        seen.app.notify_terminal = told.append  # type: ignore[method-assign]
        seen.cluster.found = (replace(SPLIT, code="client-dark", title="nobody answers"),)
        seen.cluster.time += 1
        seen.app._tick()
        await seen.pilot.pause(0.05)
        assert "✗ nobody answers" in seen.foot
        assert told
        assert "ALERTS 1" in seen.lines[0]


async def test_a_split_brain_rings_stays_in_the_foot_and_its_end_is_told():
    async with console(scenes.healthy(), size=(120, 40)) as seen:
        told: list[str] = []
        seen.app.notify_terminal = told.append  # type: ignore[method-assign]
        apply = seen.cluster.store.apply
        apply(AddressChanged(NOW, B, VIP, present=True))
        apply(HostReported(NOW + 1.2, A, HostReport()))
        await seen.pilot.pause(0.05)
        assert f"✗ SPLIT BRAIN: VIP {VIP} on iam-a and iam-b" in seen.foot
        assert told[-1] == "\x07"
        await seen.press("escape", "j")
        assert "▲ SPLIT BRAIN 08:53:20 iam-a + iam-b · a acknowledges" in seen.foot
        await seen.press("a")
        apply(AddressChanged(NOW + 9, B, VIP, present=False))
        await seen.pilot.pause(0.05)
        await seen.press("escape", "j")
        assert "▲ SPLIT BRAIN of iam-a + iam-b ended 08:53:29: VIP on iam-a · a acknowledges" in seen.foot
        assert "split brain ended: VIP" in seen.text
        assert "moved" not in seen.text.lower()


async def test_a_says_why_there_is_nothing_to_acknowledge():
    async with console(scenes.healthy()) as seen:
        await seen.press("a")
        assert "Acknowledge the VIP move: no VIP move waits for it" in seen.foot


async def test_the_bell_is_switched_from_the_command_line():
    async with console(scenes.healthy()) as seen:
        await seen.type(":bell off")
        await seen.press("enter")
        assert "bell off" in seen.foot
        assert [text for text in await moved_in(seen) if text == "\x07"] == []
    assert remembered("bell") == "off"


async def test_a_terminal_that_lost_the_focus_is_called_where_that_is_wanted(monkeypatch):
    monkeypatch.setenv("IAMOPS_BELL", "unfocused")
    monkeypatch.setenv("IAMOPS_NOTIFICATIONS", "off")
    async with console(scenes.healthy()) as seen:
        seen.app.post_message(events.AppBlur())
        await seen.pilot.pause()
        assert await moved_in(seen) == ["\x07"]


async def test_a_bad_word_in_the_environment_is_said(monkeypatch):
    monkeypatch.setenv("IAMOPS_BELL", "\x1b[31mloud")
    async with console(scenes.healthy()) as seen:
        await seen.pilot.pause(0.05)
        assert "IAMOPS_BELL: '\\x1b[31mloud' is none of on, off, unfocused" in seen.foot


async def test_what_goes_to_the_terminal_goes_through_the_driver_in_one_piece():
    async with console(scenes.healthy(), cluster=FixedCluster(scenes.healthy())) as seen:
        written: list[str] = []
        seen.app._driver.write = written.append  # type: ignore[method-assign, union-attr]
        seen.app.notify_terminal("\x1b]9;x\x07")
        seen.app.notify_terminal("")
        assert written == ["\x1b]9;x\x07"]


async def _moved(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await pilot.pause(0.3)
    for node, present in ((A, False), (B, True)):
        app.cluster.store.apply(AddressChanged(NOW, node, VIP, present=present))
    await pilot.pause(0.3)


async def _moved_and_seen(pilot: Pilot[None]) -> None:
    await _moved(pilot)
    await pilot.press("escape")
    await pilot.pause(0.1)


@pytest.mark.parametrize("theme", ["dark", None], ids=["dark", "no-color"])
@pytest.mark.parametrize("stage", [_moved, _moved_and_seen], ids=["called", "waiting"])
def test_a_moves_picture(snap_compare, stage, theme):
    cluster = FixedCluster(scenes.healthy())
    app = ConsoleApp(cluster, lambda: FixedOperator(cluster), theme=theme, no_color=theme is None)
    assert snap_compare(app, terminal_size=(80, 24), run_before=stage)


def test_an_unknown_terminal_is_told_in_both_ways():
    assert notification("iamops lab", "VIP moved", XTERM) == (
        "\x1b]9;iamops lab: VIP moved\x07\x1b]777;notify;iamops lab;VIP moved\x07"
    )


@pytest.mark.parametrize(
    ("environ", "numbers"),
    [
        (XTERM | {"TERM_PROGRAM": "iTerm.app"}, ["9"]),
        (XTERM | {"TERM_PROGRAM": "WezTerm"}, ["9"]),
        ({"TERM": "xterm-kitty"}, ["777"]),
        ({"TERM": "rxvt-unicode-256color"}, ["777"]),
        (XTERM | {"TERM_PROGRAM": "vscode"}, ["9", "777"]),
    ],
)
def test_a_terminal_that_knows_both_is_told_once(environ, numbers):
    parts = notification("t", "b", environ).split("\x1b]")[1:]
    assert [part.split(";")[0] for part in parts] == numbers


@pytest.mark.parametrize("environ", [{}, {"TERM": "dumb"}, {"TERM": "linux"}])
def test_a_terminal_that_would_print_it_is_not_told(environ):
    assert notification("t", "b", environ) == ""


def test_tmux_is_asked_to_pass_it_on():
    inside = notification("t", "b", {"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0/default,1,0"})
    assert inside == "\x1bPtmux;\x1b\x1b]9;t: b\x07\x1b\x1b]777;notify;t;b\x07\x1b\\"


def test_tmux_hides_which_terminal_it_is():
    environ = {"TERM": "tmux", "TMUX": "x", "TERM_PROGRAM": "WezTerm"}
    assert "]777;" in notification("t", "b", environ)


@pytest.mark.parametrize(
    "text", ["a\x07\x1b]52;c;ZXZpbA==\x07", "a\x1b\\b", "a\x9c\x9d0;b", "a;b;c", "a\nb\rc", "\ud800", "a\u202eb"]
)
def test_no_text_can_end_the_sequence_or_begin_a_field(text):
    made = notification(text, text, XTERM | {"TERM_PROGRAM": "iTerm.app"})
    body = made.removeprefix("\x1b]9;").removesuffix("\x07")
    assert len(body) == len(made) - 5
    assert body.isprintable()
    assert ";" not in body
    double = notification(text, text, {"TERM": "xterm-kitty"})
    assert double.count(";") == 3


def test_a_long_text_is_cut():
    assert len(notification("t", "x" * 5000, {"TERM": "xterm-kitty"})) < 300
