"""The prompt in the foot: commands, filters, and the signs that open them."""

from __future__ import annotations

from textual import events

from iamops.tui.toolkit.themes import remembered
from tests.support import scenes
from tests.support.screens import console


async def test_the_command_line_completes_and_remembers() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.type(":th")
        assert "theme" in seen.lines[-1]
        await seen.press("tab")
        assert "theme dark" in seen.lines[-1]
        await seen.press("tab", "tab", "tab")
        assert ":theme light" in seen.foot
        await seen.press("enter")
        assert "theme light" in seen.foot
        assert seen.app.theme == "light"
        assert remembered("theme") == "light"
        await seen.press("colon", "up")
        assert ":theme light" in seen.foot
        await seen.press("escape")
        assert "▸SERVICES" in seen.text


async def test_a_wrong_command_says_what_would_be_right() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.type(":pauze")
        await seen.press("enter")
        assert "no command 'pauze'; did you mean 'pause'?" in seen.foot


async def test_deleting_the_sign_leaves_the_prompt() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("colon", "x", "backspace", "backspace")
        assert "▸SERVICES" in seen.text


async def test_the_filter_narrows_while_typing_and_escape_clears_it() -> None:
    async with console(scenes.moved()) as seen:
        await seen.type("/mongo")
        assert "mariadb" not in seen.text
        assert "mongodb" in seen.text
        await seen.press("enter")
        assert "▸SERVICES /mongo" in seen.text
        assert "nothing matches the filter" in seen.text
        await seen.press("escape")
        assert "mariadb" in seen.text


async def test_escape_in_the_filter_takes_it_back() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.type("/redis")
        await seen.press("escape")
        assert "mariadb" in seen.text


async def test_keys_typed_into_the_prompt_are_text() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.type("/qpcg")
        assert "/qpcg" in seen.foot
        assert seen.app.is_running


async def test_what_is_typed_at_once_behind_the_colon_belongs_to_the_command() -> None:
    """A pasted or quickly typed command comes as one burst of keys."""
    async with console(scenes.healthy()) as seen:
        for character in ":audit":
            seen.app.post_message(events.Key("colon" if character == ":" else character, character))
        seen.app.post_message(events.Key("enter", "\r"))
        await seen.pilot.pause(0.5)
        assert "AUDIT" in seen.text


async def test_in_the_prompt_the_signs_that_open_it_are_text() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("slash", "a", "slash", "colon", "b")
        await seen.pilot.pause(0.2)
        assert "/a/:b" in seen.text


async def test_a_wrong_word_is_told_as_wrong():
    async with console(scenes.healthy(), size=(100, 40)) as seen:
        await seen.type(":arm")
        await seen.press("enter")
        await seen.type(":switchover")
        await seen.press("enter")
        assert "the VIP moves; type lab here: " in seen.text
        assert "type lab first" in seen.text
        field = seen.app.screen.query_one("#typed")
        field.value = "mine"  # type: ignore[attr-defined]
        await seen.pilot.pause()
        assert "that is not lab" in seen.text
