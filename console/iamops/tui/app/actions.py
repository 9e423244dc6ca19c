"""The one registry of actions: name, keys, text, handler and the reason against it, each action in one place.

Key bindings, palette, help and `:` commands are all made from it. An action that cannot be done now is never
silent: `denied` says why. Handlers name their methods, but load no view and nothing that acts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias, cast

from textual.binding import Binding, BindingType

from iamops.model.profile import Profile
from iamops.tui.app.notifier import AttentionWhen, Means
from iamops.tui.toolkit.painted import ConsoleMode

if TYPE_CHECKING:
    from iamops.plan import action as planned
    from iamops.tui.app.app import ConsoleApp
    from iamops.tui.logs.screen import LogsScreen
    from iamops.tui.overview.screen import Overview
    from iamops.tui.traffic.screen import TrafficScreen
    from iamops.tui.triage import TriageScreen


OVERVIEW, TRAFFIC, LOGS, DRILLS = "Overview", "Traffic", "Logs", "Drills"
CONFIG, TRIAGE, AUDIT = "Config", "Triage", "Audit"
# The views with a text below their list.
STORIES = (TRAFFIC, LOGS, DRILLS, CONFIG, TRIAGE, AUDIT)


@dataclass(frozen=True, slots=True)
class ActionContext:
    """What the operator is doing right now, as far as an action must know it.

    `target` is the unit and node under the cursor, as a command names them; `units` are all there are.
    """

    detail: str = ""
    selection: str = ""
    rows: int = 0
    paused: bool = False
    nodes: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    view: str = ""
    mode: ConsoleMode = field(default_factory=ConsoleMode)
    target: str = ""
    units: tuple[str, ...] = ()
    rolling: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    failover_targets: tuple[str, ...] = ()
    drills: tuple[str, ...] = ()


ROLLING = "--rolling"


def context_of(profile: Profile, themes: tuple[str, ...]) -> ActionContext:
    """What a command can name on this cluster, whatever the operator is doing."""
    on_nodes = [(unit, node) for node in profile.nodes for unit in profile.actionable_units_on(node)]
    units = [unit for unit, _ in on_nodes]
    pairs = [f"{instance} {node}" for instance in profile.vrrp for node in profile.nodes]
    return ActionContext(
        nodes=tuple(profile.nodes),
        themes=themes,
        units=tuple(f"{unit} {node}" for unit, node in on_nodes),
        rolling=tuple(f"{unit} {ROLLING}" for unit in dict.fromkeys(units) if units.count(unit) > 1),
        instances=tuple(profile.vrrp),
        # Only where there are several instances must one be named.
        failover_targets=tuple(profile.nodes) if len(profile.vrrp) == 1 else tuple(pairs),
    )


@dataclass(frozen=True, slots=True)
class Argument:
    """What a `:` command takes. `choices` are for completion; an empty tuple means free text."""

    label: str
    required: bool = False
    choices: Callable[[ActionContext], tuple[str, ...]] = lambda context: ()


Handler: TypeAlias = "Callable[[ConsoleApp, str], None]"
Denied = Callable[[ActionContext], str | None]
Proposal: TypeAlias = "Callable[[str, ActionContext], planned.Action | None]"


class Listed(StrEnum):
    """Where an action is offered beside its keys: nowhere, in the palette, or also as a `:` command.

    The keys of a motion work in the pane that has the focus, all others everywhere on the console.
    """

    MOTION = "motion"
    KEY = "key"
    PALETTE = "palette"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class ConsoleAction:
    """One thing the operator can do. `hint` is its word among the key hints, if it belongs there:
    always, or only while `hint_armed` is what the console is, and only on the view `hint_view`.

    `key_spec` has Textual's names of its keys, with spaces between. `denied` is why it cannot even be asked for;
    what a guard says against it is shown, and argued in its dialog. `handler` is called with the argument or an
    empty text, and only when `denied` gives no reason. `proposal` makes of the same argument what the operator
    is asked about, or None where the argument must be typed first.
    """

    name: str
    key_spec: str
    title: str
    listed: Listed
    handler: Handler
    denied: Denied = lambda context: None
    argument: Argument | None = None
    hint: str = ""
    hint_armed: bool | None = None
    hint_view: str | None = None
    proposal: Proposal | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.key_spec.split())

    def why_not(self, context: ActionContext) -> str | None:
        """What prevents it now: the screen's own reasons first, then the guards'."""
        return self.denied(context) or context.mode.guards.get(self.name)

    def hint_for(self, context: ActionContext) -> str:
        """The word beside its key; while the screen is paused, the key resumes it."""
        return "go on" if self.name == "pause" and context.paused else self.hint

    @property
    def usage(self) -> str:
        """How to type it: `theme NAME`, `export [FILE]`."""
        if self.argument is None:
            return self.name
        label = self.argument.label
        return f"{self.name} {label}" if self.argument.required else f"{self.name} [{label}]"


MOTION, KEY, PALETTE, COMMAND = Listed


# --- reasons against an action ---


def _needs(wanted: Callable[[ActionContext], object], reason: str) -> Denied:
    return lambda context: None if wanted(context) else reason


def _only_on(view: str, key: str) -> Denied:
    return _needs(lambda context: context.view == view, f"press {key} for the {view} first")


def _paused(context: ActionContext) -> str | None:
    return "the screen is paused; press p to go on first" if context.paused else None


def _may_act(context: ActionContext) -> str | None:
    """Looking is always allowed; changing something is not."""
    if context.mode.running:
        return f"{context.mode.running} is under way; `run` shows it"
    if context.mode.armed_s <= 0:
        return "read-only; A arms for ten minutes"
    return _paused(context)


_no_detail = _needs(lambda context: context.detail, "nothing is under the cursor; Tab to a pane first")
_no_selection = _needs(
    lambda context: context.selection, "nothing is selected; drag with the mouse, or press c for the focused line"
)
_no_rows = _needs(lambda context: context.rows, "the focused pane has no rows")
_no_run = _needs(lambda context: context.mode.has_run, "nothing has been run yet")
_no_story = _needs(lambda context: context.view in STORIES, "nothing here goes on below")
_nothing_moved = _needs(lambda context: context.mode.moved, "no VIP move waits for it")
_not_armed = _needs(lambda context: context.mode.armed_s > 0, "it is read-only")


# --- actions of one kind; where a handler names a view, `denied` has made sure that it is open ---


def _motion(name: str, keys: str, title: str) -> ConsoleAction:
    """Moves the cursor of the pane with the focus, which has a motion of the same name."""

    def move(app: ConsoleApp, _: str) -> None:
        if app.view.pane is not None:
            app.view.pane.carry_out(name)

    return ConsoleAction(name, keys, title, MOTION, move, _no_rows)


def _open(view: str, key: str, title: str) -> ConsoleAction:
    """Puts a view in the place of the one on the screen."""
    here = _needs(lambda context: context.view != view, f"this is the {view}")
    return ConsoleAction(view.lower(), key, title, COMMAND, lambda app, _: app.open_view(view), here)


def _in_logs(
    name: str, keys: str, title: str, handler: Callable[[LogsScreen], object], listed: Listed = PALETTE
) -> ConsoleAction:
    def on_view(app: ConsoleApp, _: str) -> None:
        handler(cast("LogsScreen", app.view))

    return ConsoleAction(name, keys, title, listed, on_view, _only_on(LOGS, "3"))


def _in_traffic(
    name: str, keys: str, title: str, handler: Callable[[TrafficScreen], object], listed: Listed = PALETTE
) -> ConsoleAction:
    def on_view(app: ConsoleApp, _: str) -> None:
        handler(cast("TrafficScreen", app.view))

    return ConsoleAction(name, keys, title, listed, on_view, _only_on(TRAFFIC, "2"))


def _change(
    name: str, keys: str, title: str, handler: Handler, argument: Argument | None, view: str | None = None
) -> ConsoleAction:
    """Changes something on the cluster. Its key is among the hints of `view` while the console is armed."""
    hint = name if keys else ""
    return ConsoleAction(
        name, keys, title, COMMAND, handler, _may_act, argument, hint=hint, hint_armed=True, hint_view=view
    )


def _propose(
    name: str, keys: str, title: str, proposal: Proposal, argument: Argument | None, view: str | None = None
) -> ConsoleAction:
    """A change that needs nothing but to be agreed to."""

    def handler(app: ConsoleApp, typed: str) -> None:
        app.controller.propose(name, proposal(typed, app.view.context))

    return replace(_change(name, keys, title, handler, argument, view), proposal=proposal)


def _restart(typed: str, context: ActionContext) -> planned.Action | None:
    from iamops.plan.action import RollingRestart

    target = typed or context.target
    return RollingRestart(target.split()[0]) if target.endswith(ROLLING) else _on_unit("restart")(target, context)


def _switchover(typed: str, context: ActionContext) -> planned.Action | None:
    from iamops.plan.action import Switchover

    if not typed and len(context.instances) > 1:
        return None
    words = typed.split()
    instance = next((word for word in words if word in context.instances), None)
    return Switchover(next((word for word in words if word != instance), None), instance)


def _on_unit(verb: str) -> Proposal:
    def proposal(target: str, _context: ActionContext) -> planned.Action | None:
        from iamops.plan.action import ServiceAction, UnitVerb

        unit, _, node = target.partition(" ")
        return ServiceAction(UnitVerb(verb), unit, node) if node else None

    return proposal


DRILL = Argument("NAME", False, lambda context: context.drills)
FILE = Argument("FILE")
NODE = Argument("NAME", True, lambda context: context.nodes)
RESTART = Argument("UNIT NODE", False, lambda context: (*context.units, *context.rolling))
FAILOVER = Argument("NODE", False, lambda context: context.failover_targets)
THEME = Argument("NAME", True, lambda context: context.themes)
UNIT = Argument("UNIT NODE", True, lambda context: context.units)
WHEN = Argument("WHEN", True, lambda context: tuple(AttentionWhen))

ACTIONS: tuple[ConsoleAction, ...] = (
    ConsoleAction("command", "colon", "Open the command line", KEY, lambda app, _: app.view.ask(), hint="command"),
    ConsoleAction(
        "filter",
        "slash",
        "Filter services, nodes and events",
        PALETTE,
        lambda app, _: app.view.ask_filter(),
        hint="filter",
    ),
    ConsoleAction(
        "help",
        "question_mark",
        "Help for what has the focus",
        COMMAND,
        lambda app, _: app.view.help(),
        hint="help",
    ),
    ConsoleAction("palette", "ctrl+p", "Find an action by name", KEY, lambda app, _: app.action_command_palette()),
    ConsoleAction("next-pane", "tab", "Next pane", KEY, lambda app, _: app.view.next_pane(), hint="pane"),
    ConsoleAction("previous-pane", "shift+tab", "Previous pane", KEY, lambda app, _: app.view.previous_pane()),
    _motion("down", "j down", "Down"),
    _motion("up", "k up", "Up"),
    _motion("left", "h left", "Left"),
    _motion("right", "l right", "Right"),
    _motion("page-down", "pagedown ctrl+d", "A page down"),
    _motion("page-up", "pageup ctrl+u", "A page up"),
    _motion("first", "g home", "First row"),
    _motion("last", "G end", "Last row"),
    ConsoleAction(
        "read-on", "space", "Read on below the list", KEY, lambda app, _: app.view.turn_page(1), _no_story
    ),
    ConsoleAction(
        "read-back", "b", "Read back below the list", KEY, lambda app, _: app.view.turn_page(-1), _no_story
    ),
    ConsoleAction(
        "copy", "c", "Copy the line under the cursor", PALETTE, lambda app, _: app.view.copy_detail(), _no_detail
    ),
    ConsoleAction(
        "copy-selection",
        "ctrl+c",
        "Copy what the mouse selected",
        PALETTE,
        lambda app, _: app.view.copy_selection(),
        _no_selection,
    ),
    ConsoleAction(
        "pause",
        "p",
        "Hold the picture, or go on",
        COMMAND,
        lambda app, _: app.repainter.pause(),
        hint="pause",
        hint_armed=False,
    ),
    ConsoleAction(
        "arm",
        "A",
        "Arm for ten minutes; armed, disarm",
        COMMAND,
        lambda app, _: app.controller.toggle_armed(),
        hint="arm",
        hint_armed=False,
    ),
    _propose("restart", "R", "Restart a unit", _restart, RESTART, OVERVIEW),
    _propose("switchover", "F", "Move the VIP", _switchover, FAILOVER),
    _change("drill", "D", "Run a drill", lambda app, name: app.controller.drill(name), DRILL, DRILLS),
    _change(
        "push", "P", "Put the profile's files on the nodes", lambda app, _: app.controller.push(), None, CONFIG
    ),
    ConsoleAction("disarm", "", "Read-only again", COMMAND, lambda app, _: app.controller.disarm(), _not_armed),
    _propose("reload", "", "Reload a unit", _on_unit("reload"), UNIT),
    _propose("start", "", "Start a unit", _on_unit("start"), UNIT),
    _propose("stop", "", "Stop a unit", _on_unit("stop"), UNIT),
    ConsoleAction(
        "run", "", "The run under way, or the last one", COMMAND, lambda app, _: app.controller.show_run(), _no_run
    ),
    _open(OVERVIEW, "1", "The cluster at a glance"),
    _open(TRAFFIC, "2", "What goes through, and where it fails"),
    _open(LOGS, "3", "The nodes' logs, live, by time"),
    _open(DRILLS, "4", "Failover drills, measured"),
    _open(CONFIG, "5", "The nodes' files against the profile"),
    _open(TRIAGE, "6", "What is wrong, and what is safe to do"),
    _open(AUDIT, "7", "Who did what, and is the record intact"),
    _in_logs("wrap", "w", "Wrap log lines, or cut them", lambda logs: logs.toggle_wrap()),
    _in_logs("mark", "m", "Mark the log line, or unmark it", lambda logs: logs.toggle_mark()),
    _in_logs("next-marker", "n", "Next mark or event among the lines", lambda logs: logs.jump(1)),
    _in_logs("previous-marker", "N", "The mark or event before", lambda logs: logs.jump(-1)),
    _in_logs(
        "whole-line", "", "The log line in full, or no longer", lambda logs: logs.toggle_whole_line(), COMMAND
    ),
    _in_traffic(
        "shorter", "left_square_bracket", "A shorter window of time", lambda traffic: traffic.change_span(-1)
    ),
    _in_traffic(
        "longer", "right_square_bracket", "A longer window of time", lambda traffic: traffic.change_span(1)
    ),
    _in_traffic("next-table", "t", "The next table", lambda traffic: traffic.next_table()),
    _in_traffic("pick", "", "Only what is under the cursor", lambda traffic: traffic.pick(), COMMAND),
    ConsoleAction(
        "evidence",
        "",
        "Where the finding under the cursor is seen",
        COMMAND,
        lambda app, _: cast("TriageScreen", app.view).show_evidence(),
        _only_on(TRIAGE, "6"),
    ),
    ConsoleAction(
        "acknowledge",
        "a",
        "Acknowledge the VIP move",
        COMMAND,
        lambda app, _: app.notifier.acknowledge(),
        _nothing_moved,
    ),
    ConsoleAction(
        "refresh", "ctrl+r", "Reconnect and poll now", COMMAND, lambda app, _: app.refresh_cluster(), _paused
    ),
    ConsoleAction(
        "export", "ctrl+s", "Save the screen as SVG", COMMAND, lambda app, file: app.export(file), argument=FILE
    ),
    ConsoleAction(
        "bell",
        "",
        "Ring on VIP moves and critical findings",
        COMMAND,
        lambda app, when: app.notifier.choose(Means.BELL, when),
        argument=WHEN,
    ),
    ConsoleAction(
        "notifications",
        "",
        "Have the terminal notify you of the same",
        COMMAND,
        lambda app, when: app.notifier.choose(Means.NOTIFICATIONS, when),
        argument=WHEN,
    ),
    ConsoleAction(
        "theme", "", "Change the colour theme", COMMAND, lambda app, name: app.change_theme(name), argument=THEME
    ),
    ConsoleAction(
        "node",
        "",
        "Go to a node",
        COMMAND,
        lambda app, name: cast("Overview", app.view).show_node(name),
        _only_on(OVERVIEW, "1"),
        NODE,
    ),
    ConsoleAction("clear", "escape", "Clear filter or message, then go back", KEY, lambda app, _: app.clear()),
    ConsoleAction("back", "q", "Go back; on the Overview, quit", KEY, lambda app, _: app.go_back(), hint="quit"),
    ConsoleAction("quit", "", "Quit the console", COMMAND, lambda app, _: app.shutdown.quit()),
)

BY_NAME = {action.name: action for action in ACTIONS}
COMMANDS: tuple[ConsoleAction, ...] = tuple(action for action in ACTIONS if action.listed is COMMAND)
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


def key_name(key: str) -> str:
    """A key as it is printed: `^R` for ctrl+r."""
    if key in KEY_NAMES:
        return KEY_NAMES[key]
    return f"^{key.removeprefix('ctrl+').upper()}" if key.startswith("ctrl+") else key


def hints(*, armed: bool = False, view: str = OVERVIEW) -> tuple[ConsoleAction, ...]:
    """What the foot of the screen offers, in the registry's order: at most seven."""
    hinted = [a for a in ACTIONS if a.hint and a.hint_armed in (None, armed) and a.hint_view in (None, view)]
    return tuple(hinted[:HINTS_MAX])


PALETTE_KEY = "ctrl+p"
# What is typed behind these belongs to the prompt, however fast it comes: so they are looked up before a key is
# handed to the pane, where it would have to queue.
OPENERS = ("command", "filter")


def bindings(*, motions: bool) -> list[BindingType]:
    """The keys of a pane, or those of the console. The palette's key is bound by Textual itself."""
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
        if (action.listed is Listed.MOTION) is motions
        for key in action.keys
        if key != PALETTE_KEY
    ]
