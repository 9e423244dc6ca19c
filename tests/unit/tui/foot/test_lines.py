"""The lines of the foot: what stands before what, and for how long."""

from __future__ import annotations

import pytest

from iamops.model.facts import Severity
from iamops.tui.foot import lines
from iamops.tui.foot.lines import KeyHints, StatusLine
from tests.support import scenes
from tests.support.screens import Watched, armed, console


def status(seen: Watched) -> StatusLine:
    return seen.app.screen.query_one(StatusLine)


async def test_a_message_hides_the_detail_and_a_warning_stands_before_it() -> None:
    async with console(scenes.healthy()) as seen:
        status(seen).show_detail("the detail")
        status(seen).warn("a warning")
        await seen.until(lambda: seen.foot == " ▲ a warning │ the detail")
        status(seen).say("a message", Severity.INFO)
        await seen.until(lambda: seen.foot == " ✓ a message")
        assert status(seen).clear()
        await seen.until(lambda: seen.foot == " ▲ a warning │ the detail")
        status(seen).warn("")
        await seen.until(lambda: seen.foot == " the detail")


async def test_a_message_goes_by_itself_and_takes_no_newer_one_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "TOAST_S", 0.2)
    async with console(scenes.healthy()) as seen:
        status(seen).show_detail("the detail")
        status(seen).say("the first", Severity.WARNING)
        await seen.until(lambda: seen.foot == " the detail")
        assert not status(seen).clear()
        status(seen).say("the second", Severity.INFO)
        assert not status(seen).clear(1)
        assert status(seen).clear(2)


async def test_while_something_is_typed_only_its_sign_is_shown() -> None:
    async with console(scenes.healthy()) as seen:
        status(seen).say("a message", Severity.CRITICAL)
        status(seen).show_sign("/")
        await seen.until(lambda: seen.foot == " /")
        status(seen).show_sign("")
        await seen.until(lambda: "a message" in seen.foot)


@pytest.mark.parametrize("width", [40, 80, 120])
async def test_no_key_is_cut_and_the_way_out_goes_last(width: int) -> None:
    async with console(scenes.healthy(), (width, 24)) as seen:
        hints = seen.lines[-1]
        assert len(hints) <= width
        assert hints.rstrip().endswith("q quit")


async def test_completions_stand_where_the_keys_stood_and_give_way_again() -> None:
    async with console(scenes.healthy()) as seen:
        keys = seen.lines[-1]
        hints = seen.app.screen.query_one(KeyHints)
        hints.show_choices(("theme dark ", "theme light "))
        await seen.until(lambda: seen.lines[-1] == " Tab  theme dark  theme light")
        hints.show_choices(())
        await seen.until(lambda: seen.lines[-1] == keys)


async def test_keys_that_act_are_offered_once_armed() -> None:
    async with console(scenes.healthy()) as seen:
        before = seen.lines[-1]
        await armed(seen)
        assert seen.lines[-1] != before


async def test_earlier_lines_come_back_and_what_was_begun_is_not_lost() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.type(":theme light")
        await seen.press("enter")
        await seen.type(":the")
        await seen.press("up")
        assert ":theme light" in seen.foot
        await seen.press("down")
        assert seen.foot.rstrip().endswith(":the")


async def test_deleting_past_the_beginning_leaves_the_prompt() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.type("/x")
        await seen.press("backspace")
        assert seen.foot.startswith(" /")
        await seen.press("backspace")
        assert not seen.foot.startswith(" /")
