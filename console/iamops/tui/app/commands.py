"""The `:` command line: text -> action and argument, completion, history. Pure; the prompt only types."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.binding import Binding, BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider

from iamops.tui.app.actions import ACTIONS, COMMANDS, Action, ActionContext, KeyScope, key_name

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


@dataclass(frozen=True, slots=True)
class TypedCommand:
    """A line that was understood."""

    action: Action
    argument: str = ""


def parse_command(line: str, situation: ActionContext) -> TypedCommand:
    """Understands a line. A unique beginning of a command is enough. Raises CommandError."""
    word, _, argument = line.strip().partition(" ")
    argument = argument.strip()
    action = _command(word)
    if action.argument is None:
        if argument:
            raise CommandError(f"{action.name} takes nothing after it, got {argument!r}")
        return TypedCommand(action)
    choices = action.argument.choices(situation)
    if action.argument.required and not argument:
        raise CommandError(f"usage: {action.usage}{_among(choices)}")
    if argument and choices and argument not in choices:
        noun = action.name if action.argument.label == "NAME" else action.argument.label
        raise CommandError(f"no {noun} named {argument!r}{_among(choices, argument)}")
    return TypedCommand(action, argument)


def _command(word: str) -> Action:
    named = [action for action in COMMANDS if action.name == word]
    begun = named or [action for action in COMMANDS if word and action.name.startswith(word)]
    if len(begun) == 1:
        return begun[0]
    names = [action.name for action in begun or COMMANDS]
    if begun:
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


def completions(line: str, situation: ActionContext) -> tuple[str, ...]:
    """Whole lines that the text could become, in the registry's order."""
    word, space, argument = line.lstrip().partition(" ")
    if not space:
        begun = [action for action in COMMANDS if action.name.startswith(word)]
        return tuple(f"{action.name} " if action.argument else action.name for action in begun)
    action = next((a for a in COMMANDS if a.name == word), None)
    if action is None or action.argument is None:
        return ()
    choices = action.argument.choices(situation)
    return tuple(f"{word} {choice}" for choice in choices if choice.startswith(argument.lstrip()))


@dataclass(slots=True)
class History:
    """Lines typed before. `earlier` and `later` walk through them; the line in the making is kept."""

    lines: list[str] = field(default_factory=list)
    _place: int | None = None
    _draft: str = ""

    def add(self, line: str) -> None:
        """Remembers a line once; the latest use counts."""
        if line.strip():
            self.lines = [*(old for old in self.lines if old != line), line][-HISTORY_KEPT:]
        self._place = None

    def earlier(self, current: str) -> str:
        if not self.lines:
            return current
        if self._place is None:
            self._place, self._draft = len(self.lines), current
        self._place = max(0, self._place - 1)
        return self.lines[self._place]

    def later(self, current: str) -> str:
        if self._place is None:
            return current
        self._place += 1
        if self._place < len(self.lines):
            return self.lines[self._place]
        self._place = None
        return self._draft


# Textual bindings made from the registry of actions.

PALETTE_KEY = "ctrl+p"
# What is typed behind these belongs to the prompt, however fast it comes: so they are looked up before a key is
# handed to the pane, where it would have to queue.
OPENERS = ("command", "filter")


def console_bindings() -> list[BindingType]:
    """Keys that work everywhere. The palette's key is bound by Textual itself."""
    return _bindings(KeyScope.CONSOLE)


def pane_bindings() -> list[BindingType]:
    """Keys of the pane that has the focus."""
    return _bindings(KeyScope.PANE)


def _bindings(scope: KeyScope) -> list[BindingType]:
    return [
        Binding(
            key,
            f"app.perform('{action.name}')",
            action.title,
            show=False,
            key_display=key_name(key),
            priority=action.name in OPENERS,
        )
        for action in ACTIONS
        if action.scope is scope
        for key in action.keys
        if key != PALETTE_KEY
    ]


# Feeds Textual's command palette from the registry of actions.

Entry = tuple[str, Action, str]
"""Title, action, argument."""


class ActionProvider(Provider):
    """Every action that makes sense without a pane, and each choice of those that take one."""

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, action, argument in self._entries():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), self._run(action, argument), help=self._about(action))

    async def discover(self) -> Hits:
        for title, action, argument in self._entries():
            yield DiscoveryHit(title, self._run(action, argument), help=self._about(action))

    @property
    def _console(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    def _entries(self) -> Iterator[Entry]:
        return entries(self._console.situation)

    def _about(self, action: Action) -> str:
        reason = action.why_not(self._console.situation)
        if reason:
            return f"not now: {reason}"
        return " ".join(key_name(key) for key in action.keys) or f":{action.usage}"

    def _run(self, action: Action, argument: str) -> partial[None]:
        return partial(self._console.action_perform, action.name, argument)


def entries(situation: ActionContext) -> Iterator[Entry]:
    """What the palette offers."""
    for action in ACTIONS:
        if action.scope is KeyScope.PANE or not action.offered:
            continue
        choices = action.argument.choices(situation) if action.argument else ()
        if not choices:
            yield (action.title, action, "")
        for choice in choices:
            yield (f"{action.title}: {choice}", action, choice)
