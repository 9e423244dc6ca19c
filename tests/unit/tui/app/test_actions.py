"""The registry of actions: each is one thing, with one key, and says why it is denied."""

from __future__ import annotations

import importlib
import subprocess
import sys
from functools import cache
from unittest.mock import Mock, create_autospec

import pytest

from iamops.tui.app.actions import (
    ACTIONS,
    HINTS_MAX,
    OVERVIEW,
    STORIES,
    ActionContext,
    ConsoleAction,
    Listed,
    hints,
    key_name,
)
from iamops.tui.app.app import ConsoleApp
from iamops.tui.app.controller import ActionController
from iamops.tui.app.notifier import Notifier
from iamops.tui.app.painting import VIEWS, Repainter
from iamops.tui.app.shutdown import Shutdown
from iamops.tui.overview.screen import Overview
from iamops.tui.toolkit.painted import ConsoleMode
from iamops.tui.toolkit.pane import MOTIONS, Pane
from iamops.tui.toolkit.screen import ViewScreen

PARTS = {"controller": ActionController, "notifier": Notifier, "repainter": Repainter, "shutdown": Shutdown}

VIEW_CLASSES: dict[str, type[ViewScreen]] = {OVERVIEW: Overview} | {
    name: getattr(importlib.import_module(f"iamops.tui.{module}"), screen)
    for name, (module, screen) in VIEWS.items()
}


@cache
def console_on(view: type[ViewScreen]) -> Mock:
    """A console of which nothing works, but whose parts have exactly the methods that the real ones have."""
    console = create_autospec(ConsoleApp, instance=True)
    for name, part in PARTS.items():
        setattr(console, name, create_autospec(part, instance=True))
    console.view = create_autospec(view, instance=True)
    console.view.pane = create_autospec(Pane, instance=True)
    return console


def context_on(view: str) -> ActionContext:
    """Everything is there that an action could ask for."""
    return ActionContext(
        detail="a cell",
        selection="a word",
        rows=1,
        view=view,
        mode=ConsoleMode(armed_s=600.0, has_run=True, moved="VIP moved"),
    )


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_each_action_calls_one_thing_that_exists_on_every_view_where_it_is_allowed(action: ConsoleAction) -> None:
    allowed = [name for name in VIEW_CLASSES if action.denied(context_on(name)) is None]
    assert allowed, "there is a place where it can be done"
    for name in allowed:
        console = console_on(VIEW_CLASSES[name])
        console.view.context = context_on(name)
        console.reset_mock()
        action.handler(console, "on")
        assert len(console.mock_calls) == 1, console.mock_calls


def test_a_pane_has_a_motion_for_each_of_its_keys_and_no_other() -> None:
    assert {action.name for action in ACTIONS if action.listed is Listed.MOTION} == set(MOTIONS)


def test_the_registry_opens_every_view() -> None:
    assert {name.lower() for name in VIEW_CLASSES} <= {action.name for action in ACTIONS}


def test_the_handlers_load_no_view_and_nothing_that_acts_before_a_key_is_pressed() -> None:
    later = [f"iamops.tui.{module}" for module, _ in VIEWS.values()]
    later += [
        "iamops.tui.app.controller",
        "iamops.tui.dialogs.confirm",
        "iamops.session.operator",
        "iamops.engine",
    ]
    code = f"import sys, iamops.tui.app.app; print([name for name in {later!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_no_key_means_two_things() -> None:
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))


def test_at_most_seven_hints_and_the_way_out_is_one_of_them() -> None:
    for armed in (False, True):
        offered = hints(armed=armed)
        assert len(offered) <= HINTS_MAX
        assert "quit" in [action.hint for action in offered]
        assert ("switchover" in [action.hint for action in offered]) is armed
    assert key_name("ctrl+r") == "^R"


def test_a_denied_action_says_why() -> None:
    denied = {action.name: action.denied(ActionContext()) for action in ACTIONS}
    assert denied["copy"] == "nothing is under the cursor; Tab to a pane first"
    assert denied["down"] == "the focused pane has no rows"
    assert next(a for a in ACTIONS if a.name == "refresh").denied(ActionContext(paused=True)) == (
        "the screen is paused; press p to go on first"
    )


@pytest.mark.parametrize("armed", [False, True])
@pytest.mark.parametrize("view", [*STORIES, OVERVIEW])
def test_no_hint_is_cut_off(view, armed):
    """The last hint is how to leave: an eighth would push it off the foot."""
    hinted = [each for each in ACTIONS if each.hint]
    shown = [each for each in hinted if each.hint_armed in (None, armed) and each.hint_view in (None, view)]
    assert hints(armed=armed, view=view) == tuple(shown)
