"""The command line: text to action and argument, completion, history."""

from __future__ import annotations

import re

import pytest

from iamops.tui.app.actions import COMMANDS, ActionContext
from iamops.tui.app.commands import CommandError, History, completions, palette_entries, parse_command

HERE = ActionContext(
    detail="x", rows=1, nodes=("iam-a", "iam-b"), themes=("dark", "light"), units=("nginx iam-a",)
)


def test_a_command_with_its_argument() -> None:
    action, argument = parse_command(" theme light ", HERE)
    assert (action.name, argument) == ("theme", "light")


def test_a_unique_beginning_is_enough() -> None:
    assert parse_command("ref", HERE)[0].name == "refresh"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("themes", "no command 'themes'; did you mean 'theme'?"),
        ("theme", "usage: theme NAME; one of: dark, light"),
        ("theme drak", "no theme named 'drak'; did you mean 'dark'?"),
        ("node c", "no node named 'c'; one of: iam-a, iam-b"),
        ("pause now", "pause takes nothing after it, got 'now'"),
        ("reload nginx", "no UNIT NODE named 'nginx'; did you mean 'nginx iam-a'?"),
        ("drain", "drain is a command of the shell: iamops backend drain SERVICE NODE"),
        ("arm now", "arm takes nothing after it, got 'now'"),
    ],
)
def test_a_line_that_is_not_understood_says_what_would_be(line: str, message: str) -> None:
    with pytest.raises(CommandError, match=f"^{re.escape(message)}$"):
        parse_command(line, HERE)


def test_completion_of_commands_and_of_arguments() -> None:
    assert completions("", HERE)[:2] == ("help", "pause")
    assert completions("th", HERE) == ("theme ",)
    assert completions("node ", HERE) == ("node iam-a", "node iam-b")
    assert completions("theme l", HERE) == ("theme light",)
    assert completions("quit ", HERE) == ()


def test_history_keeps_the_line_in_the_making() -> None:
    history = History()
    for line in ("pause", "theme dark", "pause"):
        history.add(line)
    assert history.earlier("no") == "pause"
    assert history.earlier("") == "theme dark"
    assert history.earlier("") == "theme dark"
    assert history.later("") == "pause"
    assert history.later("") == "no"
    assert history.later("other") == "other"


def test_an_unknown_command_names_them_all() -> None:
    with pytest.raises(CommandError) as caught:
        parse_command("xyz", HERE)
    assert str(caught.value) == f"no command 'xyz'; commands: {', '.join(a.name for a in COMMANDS)}"


def test_the_palette_offers_actions_and_their_choices() -> None:
    offered = {title for title, _, _ in palette_entries(HERE)}
    assert {"Reconnect and poll now", "Change the colour theme: light", "Go to a node: iam-b"} <= offered
    assert "Down" not in offered
