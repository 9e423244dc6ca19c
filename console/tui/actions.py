"""The one registry of actions. Key bindings, palette, help and `:` commands are all made from it.

An action that cannot be done now is never silent: `denied` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Scope(StrEnum):
    """Where a key works: everywhere on the console, or in the pane that has the focus."""

    CONSOLE = "console"
    PANE = "pane"


@dataclass(frozen=True, slots=True)
class Situation:
    """What the operator is doing right now, as far as an action must know it."""

    detail: str = ""
    selection: str = ""
    needle: str = ""
    rows: int = 0
    paused: bool = False
    nodes: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Argument:
    """What a `:` command takes. `choices` are for completion; an empty tuple means free text."""

    label: str
    required: bool = False
    choices: Callable[[Situation], tuple[str, ...]] = field(default=lambda situation: ())


def _always(situation: Situation) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Action:
    """One thing the operator can do. `hint` is its word among the key hints, if it belongs there.

    `offered` actions stand in the palette; those that only move about have their keys.
    """

    name: str
    title: str
    keys: tuple[str, ...] = ()
    scope: Scope = Scope.CONSOLE
    command: bool = False
    argument: Argument | None = None
    hint: str = ""
    offered: bool = True
    denied: Callable[[Situation], str | None] = _always

    @property
    def usage(self) -> str:
        """How to type it: `theme NAME`, `export [FILE]`."""
        if self.argument is None:
            return self.name
        label = self.argument.label
        return f"{self.name} {label}" if self.argument.required else f"{self.name} [{label}]"


def _no_detail(situation: Situation) -> str | None:
    return None if situation.detail else "nothing is under the cursor; Tab to a pane first"


def _no_selection(situation: Situation) -> str | None:
    return (
        None
        if situation.selection
        else "nothing is selected; drag with the mouse, or press c for the focused line"
    )


def _no_rows(situation: Situation) -> str | None:
    return None if situation.rows else "the focused pane has no rows"


def _paused(situation: Situation) -> str | None:
    return "the screen is paused; press p to go on first" if situation.paused else None


def _one_node(situation: Situation) -> str | None:
    return None if situation.nodes else "the profile has no nodes"


def _nodes(situation: Situation) -> tuple[str, ...]:
    return situation.nodes


def _themes(situation: Situation) -> tuple[str, ...]:
    return situation.themes


ACTIONS: tuple[Action, ...] = (
    Action("command", "Open the command line", ("colon",), hint="command", offered=False),
    Action("filter", "Filter services, nodes and events", ("slash",), hint="filter"),
    Action("help", "Help for what has the focus", ("question_mark",), command=True, hint="help"),
    Action("palette", "Find an action by name", ("ctrl+p",), offered=False),
    Action("next-pane", "Next pane", ("tab",), hint="pane", offered=False),
    Action("previous-pane", "Previous pane", ("shift+tab",), offered=False),
    Action("down", "Down", ("j", "down"), Scope.PANE, denied=_no_rows),
    Action("up", "Up", ("k", "up"), Scope.PANE, denied=_no_rows),
    Action("left", "Left", ("h", "left"), Scope.PANE, denied=_no_rows),
    Action("right", "Right", ("l", "right"), Scope.PANE, denied=_no_rows),
    Action("page-down", "A page down", ("pagedown", "ctrl+d"), Scope.PANE, denied=_no_rows),
    Action("page-up", "A page up", ("pageup", "ctrl+u"), Scope.PANE, denied=_no_rows),
    Action("first", "First row", ("g", "home"), Scope.PANE, denied=_no_rows),
    Action("last", "Last row", ("G", "end"), Scope.PANE, denied=_no_rows),
    Action("copy", "Copy the line under the cursor", ("c",), denied=_no_detail),
    Action("copy-selection", "Copy what the mouse selected", ("ctrl+c",), denied=_no_selection),
    Action("pause", "Hold the picture, or go on", ("p",), command=True, hint="pause"),
    Action("refresh", "Reconnect and poll now", ("ctrl+r",), command=True, hint="refresh", denied=_paused),
    Action("export", "Save the screen as SVG", ("ctrl+s",), command=True, argument=Argument("FILE")),
    Action("theme", "Change the colour theme", command=True, argument=Argument("NAME", True, _themes)),
    Action("node", "Go to a node", command=True, argument=Argument("NAME", True, _nodes), denied=_one_node),
    Action("clear", "Clear filter or message, then go back", ("escape",), offered=False),
    Action("back", "Go back; on the Overview, quit", ("q",), hint="quit", offered=False),
    Action("quit", "Quit the console", command=True),
)

_BY_NAME = {action.name: action for action in ACTIONS}
COMMANDS: tuple[Action, ...] = tuple(action for action in ACTIONS if action.command)
HINTS_MAX = 7

KEY_NAMES = {
    "colon": ":",
    "slash": "/",
    "question_mark": "?",
    "escape": "Esc",
    "tab": "Tab",
    "shift+tab": "S-Tab",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
}


def action(name: str) -> Action:
    """The action of that name. Raises KeyError: a name that is not here is a fault of ours."""
    return _BY_NAME[name]


def key_name(key: str) -> str:
    """A key as it is printed: `^R` for ctrl+r."""
    if key in KEY_NAMES:
        return KEY_NAMES[key]
    return f"^{key.removeprefix('ctrl+').upper()}" if key.startswith("ctrl+") else key


def hints() -> tuple[tuple[str, str], ...]:
    """The key hints at the foot of the screen, in the registry's order: at most seven."""
    hinted = [(key_name(a.keys[0]), a.hint) for a in ACTIONS if a.hint and a.keys]
    return tuple(hinted[:HINTS_MAX])
