"""Feeds Textual's command palette from the registry of actions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from console.tui.actions import ACTIONS, Action, Scope, Situation, key_name

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

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


def entries(situation: Situation) -> Iterator[Entry]:
    """What the palette offers."""
    for action in ACTIONS:
        if action.scope is Scope.PANE or not action.offered:
            continue
        choices = action.argument.choices(situation) if action.argument else ()
        if not choices:
            yield (action.title, action, "")
        for choice in choices:
            yield (f"{action.title}: {choice}", action, choice)
