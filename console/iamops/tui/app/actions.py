"""The one registry of actions. Key bindings, palette, help and `:` commands are all made from it.

An action that cannot be done now is never silent: `denied` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from iamops.model.profile import Profile
from iamops.tui.app.notifier import AttentionWhen


class KeyScope(StrEnum):
    """Where a key works: everywhere on the console, or in the pane that has the focus."""

    CONSOLE = "console"
    PANE = "pane"


@dataclass(frozen=True, slots=True)
class ActionContext:
    """What the operator is doing right now, as far as an action must know it.

    `aim` is the unit and node under the cursor, as a command names them; `units` are all there are.
    `running` is the run under way, in words. `guards` say what a guard would answer now, by action.
    """

    detail: str = ""
    selection: str = ""
    filter_text: str = ""
    rows: int = 0
    paused: bool = False
    nodes: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    view: str = ""
    armed_s: float = 0.0
    running: str = ""
    has_run: bool = False
    moved: str = ""
    target: str = ""
    units: tuple[str, ...] = ()
    rolling: tuple[str, ...] = ()
    failover_targets: tuple[str, ...] = ()
    drills: tuple[str, ...] = ()
    guards: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Argument:
    """What a `:` command takes. `choices` are for completion; an empty tuple means free text."""

    label: str
    required: bool = False
    choices: Callable[[ActionContext], tuple[str, ...]] = field(default=lambda situation: ())


def _always(situation: ActionContext) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Action:
    """One thing the operator can do. `hint` is its word among the key hints, if it belongs there:
    always, or only while `hint_armed` is what the console is, and only on the view `hint_view`.

    `offered` actions stand in the palette; those that only move about have their keys. `denied` is why
    it cannot even be asked for; what a guard says against it is shown, and argued in its dialog.
    """

    name: str
    title: str
    keys: tuple[str, ...] = ()
    scope: KeyScope = KeyScope.CONSOLE
    command: bool = False
    argument: Argument | None = None
    hint: str = ""
    hint_armed: bool | None = None
    hint_view: str | None = None
    offered: bool = True
    denied: Callable[[ActionContext], str | None] = _always

    def why_not(self, situation: ActionContext) -> str | None:
        """What stands in its way now: the screen's own reasons first, then the guards'."""
        return self.denied(situation) or situation.guards.get(self.name)

    def hint_for(self, situation: ActionContext) -> str:
        """The word beside its key; while the picture is held, the key lets go of it."""
        return "go on" if self.name == "pause" and situation.paused else self.hint

    @property
    def usage(self) -> str:
        """How to type it: `theme NAME`, `export [FILE]`."""
        if self.argument is None:
            return self.name
        label = self.argument.label
        return f"{self.name} {label}" if self.argument.required else f"{self.name} [{label}]"


OVERVIEW, TRAFFIC, LOGS, DRILLS = "Overview", "Traffic", "Logs", "Drills"
CONFIG, TRIAGE, AUDIT = "Config", "Triage", "Audit"


def _no_detail(situation: ActionContext) -> str | None:
    return None if situation.detail else "nothing is under the cursor; Tab to a pane first"


def _no_selection(situation: ActionContext) -> str | None:
    return (
        None
        if situation.selection
        else "nothing is selected; drag with the mouse, or press c for the focused line"
    )


def _nothing_moved(situation: ActionContext) -> str | None:
    return None if situation.moved else "no VIP move waits for it"


def _no_rows(situation: ActionContext) -> str | None:
    return None if situation.rows else "the focused pane has no rows"


def _paused(situation: ActionContext) -> str | None:
    return "the screen is paused; press p to go on first" if situation.paused else None


def _may_act(situation: ActionContext) -> str | None:
    """Looking is always allowed; changing something is not."""
    if situation.running:
        return f"{situation.running} is under way; `run` shows it"
    if situation.armed_s <= 0:
        return "read-only; A arms for ten minutes"
    return _paused(situation)


def _disarmed(situation: ActionContext) -> str | None:
    return None if situation.armed_s > 0 else "it is read-only"


def _no_run(situation: ActionContext) -> str | None:
    return None if situation.has_run else "nothing has been run yet"


def _here(view: str) -> Callable[[ActionContext], str | None]:
    return lambda situation: f"this is the {view}" if situation.view == view else None


def _has_story(situation: ActionContext) -> str | None:
    return (
        None if situation.view in (TRAFFIC, LOGS, DRILLS, CONFIG, TRIAGE, AUDIT) else "nothing here goes on below"
    )


def _only_on_overview(situation: ActionContext) -> str | None:
    return None if situation.view == OVERVIEW else "press 1 for the Overview first"


def _only_in_logs(situation: ActionContext) -> str | None:
    return None if situation.view == LOGS else "press 3 for the Logs first"


def _only_in_triage(situation: ActionContext) -> str | None:
    return None if situation.view == TRIAGE else "press 6 for the Triage first"


def _only_in_traffic(situation: ActionContext) -> str | None:
    return None if situation.view == TRAFFIC else "press 2 for the Traffic first"


def _units(situation: ActionContext) -> tuple[str, ...]:
    return situation.units


def _restarts(situation: ActionContext) -> tuple[str, ...]:
    return (*situation.units, *situation.rolling)


def _drills(situation: ActionContext) -> tuple[str, ...]:
    return situation.drills


def _takers(situation: ActionContext) -> tuple[str, ...]:
    return situation.failover_targets


def _nodes(situation: ActionContext) -> tuple[str, ...]:
    return situation.nodes


def _whens(situation: ActionContext) -> tuple[str, ...]:
    return tuple(AttentionWhen)


def _themes(situation: ActionContext) -> tuple[str, ...]:
    return situation.themes


WHEN = Argument("WHEN", True, _whens)
UNIT = Argument("UNIT NODE", True, _units)
RESTART = Argument("UNIT NODE", False, _restarts)
TAKER = Argument("NODE", False, _takers)
DRILL = Argument("NAME", False, _drills)

ACTIONS: tuple[Action, ...] = (
    Action("command", "Open the command line", ("colon",), hint="command", offered=False),
    Action("filter", "Filter services, nodes and events", ("slash",), hint="filter"),
    Action("help", "Help for what has the focus", ("question_mark",), command=True, hint="help"),
    Action("palette", "Find an action by name", ("ctrl+p",), offered=False),
    Action("next-pane", "Next pane", ("tab",), hint="pane", offered=False),
    Action("previous-pane", "Previous pane", ("shift+tab",), offered=False),
    Action("down", "Down", ("j", "down"), KeyScope.PANE, denied=_no_rows),
    Action("up", "Up", ("k", "up"), KeyScope.PANE, denied=_no_rows),
    Action("left", "Left", ("h", "left"), KeyScope.PANE, denied=_no_rows),
    Action("right", "Right", ("l", "right"), KeyScope.PANE, denied=_no_rows),
    Action("page-down", "A page down", ("pagedown", "ctrl+d"), KeyScope.PANE, denied=_no_rows),
    Action("page-up", "A page up", ("pageup", "ctrl+u"), KeyScope.PANE, denied=_no_rows),
    Action("first", "First row", ("g", "home"), KeyScope.PANE, denied=_no_rows),
    Action("last", "Last row", ("G", "end"), KeyScope.PANE, denied=_no_rows),
    Action("read-on", "Read on below the list", ("space",), offered=False, denied=_has_story),
    Action("read-back", "Read back below the list", ("b",), offered=False, denied=_has_story),
    Action("copy", "Copy the line under the cursor", ("c",), denied=_no_detail),
    Action("copy-selection", "Copy what the mouse selected", ("ctrl+c",), denied=_no_selection),
    Action("pause", "Hold the picture, or go on", ("p",), command=True, hint="pause", hint_armed=False),
    Action("arm", "Arm for ten minutes; armed, disarm", ("A",), command=True, hint="arm", hint_armed=False),
    Action(
        "restart",
        "Restart a unit",
        ("R",),
        command=True,
        argument=RESTART,
        hint="restart",
        hint_armed=True,
        hint_view=OVERVIEW,
        denied=_may_act,
    ),
    Action(
        "switchover",
        "Move the VIP",
        ("F",),
        command=True,
        argument=TAKER,
        hint="switchover",
        hint_armed=True,
        denied=_may_act,
    ),
    Action(
        "drill",
        "Run a drill",
        ("D",),
        command=True,
        argument=DRILL,
        hint="drill",
        hint_armed=True,
        hint_view=DRILLS,
        denied=_may_act,
    ),
    Action(
        "push",
        "Put the profile's files on the nodes",
        ("P",),
        command=True,
        hint="push",
        hint_armed=True,
        hint_view=CONFIG,
        denied=_may_act,
    ),
    Action("disarm", "Read-only again", command=True, denied=_disarmed),
    Action("reload", "Reload a unit", command=True, argument=UNIT, denied=_may_act),
    Action("start", "Start a unit", command=True, argument=UNIT, denied=_may_act),
    Action("stop", "Stop a unit", command=True, argument=UNIT, denied=_may_act),
    Action("run", "The run under way, or the last one", command=True, denied=_no_run),
    Action("overview", "The cluster at a glance", ("1",), command=True, denied=_here(OVERVIEW)),
    Action("traffic", "What goes through, and where it fails", ("2",), command=True, denied=_here(TRAFFIC)),
    Action("logs", "The nodes' logs, live, by time", ("3",), command=True, denied=_here(LOGS)),
    Action("drills", "Failover drills, measured", ("4",), command=True, denied=_here(DRILLS)),
    Action("config", "The nodes' files against the profile", ("5",), command=True, denied=_here(CONFIG)),
    Action("triage", "What is wrong, and what is safe to do", ("6",), command=True, denied=_here(TRIAGE)),
    Action("audit", "Who did what, and is the record intact", ("7",), command=True, denied=_here(AUDIT)),
    Action("wrap", "Wrap log lines, or cut them", ("w",), denied=_only_in_logs),
    Action("mark", "Mark the log line, or unmark it", ("m",), denied=_only_in_logs),
    Action("next-marker", "Next mark or event among the lines", ("n",), denied=_only_in_logs),
    Action("previous-marker", "The mark or event before", ("N",), denied=_only_in_logs),
    Action("whole-line", "The log line in full, or no longer", command=True, denied=_only_in_logs),
    Action("shorter", "A shorter window of time", ("left_square_bracket",), denied=_only_in_traffic),
    Action("longer", "A longer window of time", ("right_square_bracket",), denied=_only_in_traffic),
    Action("next-table", "The next table", ("t",), denied=_only_in_traffic),
    Action("pick", "Only what is under the cursor", command=True, denied=_only_in_traffic),
    Action("evidence", "Where the finding under the cursor is seen", command=True, denied=_only_in_triage),
    Action("acknowledge", "Acknowledge the VIP move", ("a",), command=True, denied=_nothing_moved),
    Action("refresh", "Reconnect and poll now", ("ctrl+r",), command=True, denied=_paused),
    Action("export", "Save the screen as SVG", ("ctrl+s",), command=True, argument=Argument("FILE")),
    Action("bell", "Ring on VIP moves and critical findings", command=True, argument=WHEN),
    Action("notifications", "Have the terminal notify you of the same", command=True, argument=WHEN),
    Action("theme", "Change the colour theme", command=True, argument=Argument("NAME", True, _themes)),
    Action(
        "node", "Go to a node", command=True, argument=Argument("NAME", True, _nodes), denied=_only_on_overview
    ),
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
    "left_square_bracket": "[",
    "right_square_bracket": "]",
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


def hints(*, armed: bool = False, view: str = OVERVIEW) -> tuple[Action, ...]:
    """What the foot of the screen offers, in the registry's order: at most seven."""
    hinted = [a for a in ACTIONS if a.hint and a.hint_armed in (None, armed) and a.hint_view in (None, view)]
    return tuple(hinted[:HINTS_MAX])


# What actions can be aimed at, in the words of the command line.

ROLLING = "--rolling"


def targets(profile: Profile) -> tuple[str, ...]:
    """Every unit of every node, as a command names them."""
    return tuple(f"{unit} {node}" for node in profile.nodes for unit in profile.actionable_units_on(node))


def rolling_targets(profile: Profile) -> tuple[str, ...]:
    """Every unit that runs on more than one node."""
    units = [unit for node in profile.nodes for unit in profile.actionable_units_on(node)]
    return tuple(f"{unit} {ROLLING}" for unit in dict.fromkeys(units) if units.count(unit) > 1)


def takers(profile: Profile) -> tuple[str, ...]:
    """Where a VIP can go: a node, or with several instances an instance and a node."""
    if len(profile.vrrp) == 1:
        return tuple(profile.nodes)
    return tuple(f"{instance} {node}" for instance in profile.vrrp for node in profile.nodes)


def named(profile: Profile, themes: tuple[str, ...]) -> ActionContext:
    """What can be named on the command line of this cluster, whatever the operator is doing."""
    return ActionContext(
        nodes=tuple(profile.nodes),
        themes=themes,
        units=targets(profile),
        rolling=rolling_targets(profile),
        failover_targets=takers(profile),
    )
