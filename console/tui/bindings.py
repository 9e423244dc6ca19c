"""Textual bindings made from the registry of actions."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from console.tui.actions import ACTIONS, Scope, key_name

PALETTE_KEY = "ctrl+p"
# What is typed behind these belongs to the prompt, however fast it comes: so they are looked up before a key is
# handed to the pane, where it would have to queue.
OPENERS = ("command", "filter")


def console_bindings() -> list[BindingType]:
    """Keys that work everywhere. The palette's key is bound by Textual itself."""
    return _bindings(Scope.CONSOLE)


def pane_bindings() -> list[BindingType]:
    """Keys of the pane that has the focus."""
    return _bindings(Scope.PANE)


def _bindings(scope: Scope) -> list[BindingType]:
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
