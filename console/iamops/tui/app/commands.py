"""The `:` command line: text -> action and argument, completion, history. Pure; the prompt only types."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from iamops.tui.app.actions import ACTIONS, COMMANDS, ActionContext, ConsoleAction, Listed, key_name

if TYPE_CHECKING:
    from iamops.tui.app.app import ConsoleApp


HISTORY_KEPT = 100
# What can only be done in a shell; the nearest command of the console may do the opposite of it.
IN_A_SHELL = {
    "drain": "iamops backend drain SERVICE NODE",
    "enable": "iamops backend enable SERVICE NODE",
    "rollback": "iamops config rollback",
    "silence": "iamops watch silence DURATION --reason TEXT",
}


class CommandError(Exception):
    """The line is not a command; the message says what would be."""


def parse_command(line: str, context: ActionContext) -> tuple[ConsoleAction, str]:
    """The action and the argument. A unique beginning of a command is enough. Raises CommandError."""
    word, _, argument = line.strip().partition(" ")
    argument = argument.strip()
    action = _command(word)
    if action.argument is None:
        if argument:
            raise CommandError(f"{action.name} takes nothing after it, got {argument!r}")
        return action, ""
    choices = action.argument.choices(context)
    if action.argument.required and not argument:
        raise CommandError(f"usage: {action.usage}{_among(choices)}")
    if argument and choices and argument not in choices:
        noun = action.name if action.argument.label == "NAME" else action.argument.label
        raise CommandError(f"no {noun} named {argument!r}{_among(choices, argument)}")
    return action, argument


def _command(word: str) -> ConsoleAction:
    exact = [action for action in COMMANDS if action.name == word]
    found = exact or [action for action in COMMANDS if word and action.name.startswith(word)]
    if len(found) == 1:
        return found[0]
    names = [action.name for action in found or COMMANDS]
    if found:
        raise CommandError(f"{word!r} could be {' or '.join(names)}")
    if word in IN_A_SHELL:
        raise CommandError(f"{word} is a command of the shell: {IN_A_SHELL[word]}")
    near = difflib.get_close_matches(word, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"commands: {', '.join(names)}"
    raise CommandError(f"no command {word!r}; {hint}")


def _among(choices: tuple[str, ...], near_to: str = "") -> str:
    near = difflib.get_close_matches(near_to, choices, n=1) if near_to else []
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; one of: {', '.join(choices)}" if choices else ""


def completions(line: str, context: ActionContext) -> tuple[str, ...]:
    """Whole lines that the text could become, in the registry's order."""
    word, space, argument = line.lstrip().partition(" ")
    if not space:
        found = [action for action in COMMANDS if action.name.startswith(word)]
        return tuple(f"{action.name} " if action.argument else action.name for action in found)
    action = next((action for action in COMMANDS if action.name == word), None)
    if action is None or action.argument is None:
        return ()
    choices = action.argument.choices(context)
    return tuple(f"{word} {choice}" for choice in choices if choice.startswith(argument.lstrip()))


@dataclass(slots=True)
class History:
    """Lines typed before. `earlier` and `later` walk through them; the line in the making is kept."""

    lines: list[str] = field(default_factory=list)
    _at: int | None = None
    _draft: str = ""

    def add(self, line: str) -> None:
        """Remembers a line once; the latest use counts."""
        if line.strip():
            self.lines = [*(old for old in self.lines if old != line), line][-HISTORY_KEPT:]
        self._at = None

    def earlier(self, current: str) -> str:
        if not self.lines:
            return current
        if self._at is None:
            self._at, self._draft = len(self.lines), current
        self._at = max(0, self._at - 1)
        return self.lines[self._at]

    def later(self, current: str) -> str:
        if self._at is None:
            return current
        self._at += 1
        if self._at < len(self.lines):
            return self.lines[self._at]
        self._at = None
        return self._draft


class ActionProvider(Provider):
    """Textual's command palette: every action that makes sense without a pane, and each choice of an argument."""

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, run, about in self._entries():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), run, help=about)

    async def discover(self) -> Hits:
        for title, run, about in self._entries():
            yield DiscoveryHit(title, run, help=about)

    def _entries(self) -> Iterator[tuple[str, Callable[[], None], str]]:
        """Title, what runs it, and its keys or why it cannot be done now."""
        console = cast("ConsoleApp", self.app)
        context = console.view.context
        for title, action, argument in palette_entries(context):
            reason = action.why_not(context)
            about = f"not now: {reason}" if reason else " ".join(key_name(key) for key in action.keys)
            yield title, partial(console.action_perform, action.name, argument), about or f":{action.usage}"


def palette_entries(context: ActionContext) -> Iterator[tuple[str, ConsoleAction, str]]:
    """What the palette offers: title, action and argument."""
    for action in ACTIONS:
        if action.listed in (Listed.MOTION, Listed.KEY):
            continue
        choices = action.argument.choices(context) if action.argument else ()
        if not choices:
            yield (action.title, action, "")
        for choice in choices:
            yield (f"{action.title}: {choice}", action, choice)
