"""The screen as an edge: whatever a widget is given, neither terminal, picture nor clipboard gets a control."""

from __future__ import annotations

import html
import random

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.widgets import Button, Checkbox, Input, Static

from iamops.plan.action import Switchover
from iamops.tui.app.terminal import Harmless
from iamops.tui.dialogs.confirm import ConfirmScreen, plan_lines
from iamops.tui.toolkit.dialog import plain, toned
from iamops.tui.toolkit.palette import no_color_palette
from iamops.tui.toolkit.text import TextSpan, text_of
from tests.support import scenes
from tests.support.decks import FixedDeck
from tests.support.hostile import SEQUENCES, hostile, poisoned, raw
from tests.support.screens import Watched, console

BLACK = Color(0, 0, 0)


def shown(text: str) -> str:
    return "".join(each.text for each in Harmless().apply([Segment(text)], BLACK))


@pytest.mark.parametrize("text", SEQUENCES)
def test_no_line_of_any_widget_holds_a_control_and_all_keep_their_width(text: str):
    assert raw(shown(text), allowed="") == []
    assert cell_len(shown(text)) == cell_len(text)


def test_text_that_is_harmless_is_the_same_object():
    """Nearly all is: the edge must cost nothing."""
    line = [Segment("┌─ iam-a ● ▁▂▅█ 中文 é", Style(bold=True)), Segment(" ")]
    assert Harmless().apply(line, BLACK) is line


def harmless(seen: Watched) -> None:
    assert raw(seen.text) == []
    assert raw(html.unescape(seen.app.export_screenshot())) == []


@pytest.mark.parametrize("seed", range(8))
async def test_widgets_that_were_given_raw_text(seed: int):
    """As a new caller would who has forgotten everything."""
    chance = random.Random(seed)
    async with console(scenes.healthy()) as seen:
        screen = seen.app.screen
        for widget in (
            Static(hostile(chance), markup=False),
            Static(plain(hostile(chance))),
            Static(toned([(TextSpan(hostile(chance)),)], no_color_palette())),
            Input(hostile(chance)),
            Checkbox(plain(hostile(chance))),
            Button(plain(hostile(chance))),
        ):
            await screen.mount(widget)
            widget.styles.layer = "above"
            widget.styles.offset = (0, 0)
            widget.styles.position = "absolute"
            await seen.pilot.pause()
            harmless(seen)
            await widget.remove()
        seen.app.view.toast(hostile(chance))
        seen.app.copy_to_clipboard(hostile(chance))
        await seen.pilot.pause()
        harmless(seen)
        assert raw(seen.app.clipboard) == []


async def test_what_is_copied_cannot_end_a_line_in_a_shell():
    async with console(scenes.with_notice(scenes.healthy(), "x\nrm -rf /\n\r"), size=(200, 24)) as seen:
        await seen.press("tab", "tab", "c")
        assert "rm -rf /" in seen.app.clipboard
        assert "\n" not in seen.app.clipboard


@pytest.mark.parametrize("seed", range(4))
async def test_the_plan_that_a_person_agrees_to(seed: int, monkeypatch: pytest.MonkeyPatch):
    chance = random.Random(seed)
    kept = frozenset({"name", "node", "unit", "argv", "code", "instance", "action"})
    cluster = scenes.FixedCluster(scenes.healthy())
    deck = FixedDeck(cluster, armed=True)
    plan, denied = deck.consider(deck.order(Switchover()))
    given = poisoned(plan, chance, kept)
    assert raw(" ".join(text_of(line) for line in plan_lines(given, (), (), 80))) != []
    monkeypatch.setattr(deck, "consider", lambda order: (given, denied))
    async with console(cluster.store.state, size=(100, 40), cluster=cluster, deck=deck) as seen:
        await seen.press("F")
        assert isinstance(seen.app.screen, ConfirmScreen)
        for _ in range(5):
            harmless(seen)
            await seen.press("pagedown")


def test_a_name_with_markup_is_a_name():
    assert plain("[@click=app.quit]iam-a[/]").plain == "[@click=app.quit]iam-a[/]"
