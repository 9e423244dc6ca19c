"""The console: paints what the store says, and carries out what the operator asks of the screen itself."""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.command import Provider
from textual.filter import LineFilter
from textual.screen import Screen

from console.judge.findings import Finding
from console.model.events import Event, Noticed
from console.model.facts import Severity
from console.model.state import ClusterState
from console.tui.actions import AUDIT, CONFIG, DRILLS, LOGS, TRAFFIC, TRIAGE, Scope, Situation, action
from console.tui.bindings import OPENERS, PALETTE_KEY, console_bindings
from console.tui.cluster import Cluster, LogTap, TrafficFeed
from console.tui.export import export_path, self_contained
from console.tui.frames import Frames
from console.tui.looks import Looks
from console.tui.no_color import WithoutColor
from console.tui.notify import Notifier
from console.tui.palette import Palette
from console.tui.palette_commands import ActionProvider
from console.tui.screens.overview import Overview
from console.tui.screens.view import View
from console.tui.spot import Sought
from console.tui.targets import rolling_targets, takers, targets
from console.tui.view.dirty import ALL, Part, touched, urgent
from console.tui.view.moment import Moment, Stance
from console.tui.widgets.foot import Foot
from console.tui.widgets.pane import Pane

if TYPE_CHECKING:
    from console.judge.diagnosis import Diagnosis
    from console.model.drill import Drill
    from console.tui.deck import Deck
    from console.tui.orders import Orders

TICK_S = 1.0
# Not before the first live frame: what acting needs, and eleven files, would keep it waiting.
ORDERS_AFTER_S = 2.0
JUDGE_GAP_S = 0.25
HELP_WIDTH = 76
QUIT_AGAIN_S = 5.0
INTERRUPTED = 130
# The views above the Overview, loaded when they are first opened.
VIEWS: Mapping[str, tuple[str, str]] = {
    TRAFFIC: ("traffic", "TrafficScreen"),
    LOGS: ("logs", "LogsScreen"),
    AUDIT: ("audit", "AuditScreen"),
    DRILLS: ("drills", "DrillsScreen"),
    CONFIG: ("config", "ConfigScreen"),
    TRIAGE: ("triage", "TriageScreen"),
}


class ConsoleApp(App[None], inherit_bindings=False):
    """The interactive front. Paints at once with nothing known; values appear as they arrive."""

    CSS = """
    * {
        scrollbar-color: $rule; scrollbar-color-hover: $rule; scrollbar-color-active: $accent;
        scrollbar-background: $background; scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
    }
    SearchIcon { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = console_bindings()
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ActionProvider}
    COMMAND_PALETTE_BINDING = PALETTE_KEY

    def __init__(
        self,
        cluster: Cluster,
        deck: Callable[[], Deck],
        *,
        theme: str | None = None,
        no_color: bool = False,
        leave_on: Sequence[int] = (),
    ) -> None:
        """`deck` makes the way to act, when it is first wanted."""
        super().__init__()
        self._cluster = cluster
        self._make_deck = deck
        self._quit_asked_at = float("-inf")
        self._leaving = False
        self._was_acting = False
        self._leave_on = leave_on
        self._without_color = WithoutColor()
        self._looks = Looks(theme, no_color=self.no_color or no_color)
        for each in self._looks.textual_themes():
            self.register_theme(each)
        self.theme = self._looks.name
        self._held: Moment | None = None
        self._findings: tuple[Finding, ...] = ()
        self._judged_at = float("-inf")
        self._frames = Frames(self._paint, self.later)
        self._notifier = Notifier(self, cluster.store.state, cluster.store.apply, cluster.now, os.environ)
        self._unsubscribe: Callable[[], None] = lambda: None
        self.title = f"iamops · {cluster.store.state.profile.name}"

    # --- life ---

    def get_default_screen(self) -> Overview:
        profile = self._cluster.store.state.profile
        self._base = Situation(
            nodes=tuple(profile.nodes),
            themes=self._looks.names,
            units=targets(profile),
            rolling=rolling_targets(profile),
            takers=takers(profile),
        )
        return Overview(self._moment(), self._looks.palette, self._base)

    def on_mount(self) -> None:
        for signal in self._leave_on:
            asyncio.get_running_loop().add_signal_handler(signal, self.leave)
        self._unsubscribe = self._cluster.store.subscribe(self._heard)
        self.set_interval(TICK_S, self._tick)
        self._frames.mark(ALL, urgent=True)
        self.run_worker(self._start(), name="cluster", exit_on_error=False)
        self.set_timer(ORDERS_AFTER_S, lambda: self.work(self._prepare_to_act(), "drills"))
        # What was made to start stays for good. Not walking through it again keeps a collection, and
        # with it the way from an event to the screen, under a few milliseconds instead of fifty.
        self.call_after_refresh(_settle_memory)
        for complaint in (*self._looks.complaints, *self._notifier.complaints):
            self.call_after_refresh(self.say, complaint, Severity.WARNING)

    @functools.cached_property
    def _orders(self) -> Orders:
        from console.tui.orders import Orders

        return Orders(self._cluster, self._make_deck(), self)

    @property
    def _can_act(self) -> bool:
        """Whether anything was asked of the orders yet, or could have been."""
        return "_orders" in self.__dict__

    async def _prepare_to_act(self) -> None:
        await asyncio.to_thread(importlib.import_module, "console.tui.orders")
        await self.learn_drills()

    def _tick(self) -> None:
        if self._can_act:
            self._orders.tick()
        self._frames.mark(ALL, urgent=True)

    async def on_unmount(self) -> None:
        if self._can_act:
            await self._orders.acting.end()
        self._unsubscribe()
        await self._cluster.stop()

    def leave(self) -> None:
        """Ends the console as soon as a run under way has been undone. Safe to call from a signal."""
        if not (self._can_act and self._orders.acting.active):
            self.exit(return_code=INTERRUPTED if self._leaving else 0)
            return
        self._leaving = True
        self._orders.acting.stop()
        self._orders.show_run()

    async def _start(self) -> None:
        """The worker's edge: whatever stops the session from starting is told, not thrown."""
        try:
            await self._cluster.start()
        except Exception as error:
            text = f"the session could not start: {error or type(error).__name__}"
            self._cluster.store.apply(Noticed(self._cluster.now(), None, Severity.CRITICAL, text))

    @property
    def view(self) -> View:
        """The full screen in sight, under whatever dialogs are open."""
        return next(screen for screen in reversed(self.screen_stack) if isinstance(screen, View))

    @property
    def situation(self) -> Situation:
        return self.view.situation

    # --- what orders need of the screen ---

    @property
    def colours(self) -> Palette:
        return self._looks.palette

    @property
    def aim(self) -> str:
        return self.situation.aim

    def say(self, text: str, severity: Severity = Severity.INFO) -> None:
        """A run may end when the screen is gone already: then nobody is told here."""
        if self.screen_stack:
            self.view.toast(text, severity)

    def tell_terminal(self, text: str) -> None:
        """For the terminal itself; in one piece, so that it cannot fall into the middle of a frame's sequences."""
        if text and self._driver is not None:
            self._driver.write(text)

    def stance_changed(self) -> None:
        self._frames.mark(frozenset({Part.HEADER}), urgent=True)

    def prompt(self, text: str) -> None:
        self.view.ask(text)

    def show(self, screen: Screen[Any], answered: Callable[[Any], None] | None = None) -> None:
        self.push_screen(screen, answered)

    def work(self, work: Coroutine[Any, Any, object], name: str) -> None:
        self.run_worker(work, name=name, exclusive=True, group=name, exit_on_error=False)

    def changed(self) -> None:
        """The stance is another one; and whoever asked us to leave may be waiting for the end of a run."""
        if not self.is_running:
            return
        if self._leaving and not self._orders.acting.active:
            self.leave()
        if self._was_acting and not self._orders.acting.active:
            self._learn()
        self._was_acting = self._orders.acting.active
        self.stance_changed()

    # --- from event to pixel ---

    def _heard(self, state: ClusterState, event: Event) -> None:
        """The store's subscriber. Only marks: painting waits for the frame."""
        if self.is_running:
            self._notifier.heard(state)
            if isinstance(event, self.view.LEARNS_AT):
                self._learn()
        if self._held is None:
            self._frames.mark(touched(event), urgent=urgent(event))
            self._frames.mark(frozenset({Part.FINDING}), urgent=False)

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Runs a call inside the app's own message pump, also when an event came from elsewhere."""
        if delay_s <= 0:
            self.call_next(call)
        else:
            asyncio.get_running_loop().call_later(delay_s, self.call_next, call)

    def _paint(self, parts: frozenset[Part]) -> None:
        if not self.is_running:
            return
        if Part.FINDING in parts and self._judge():
            parts |= {Part.HEADER}
        self.view.paint(self._moment(), parts)

    def _judge(self) -> bool:
        """Asks the rules, but not at every frame; True if their answer changed."""
        now = self._cluster.now()
        if abs(now - self._judged_at) < JUDGE_GAP_S:
            self._frames.mark(frozenset({Part.FINDING}), urgent=False)
            return False
        self._judged_at = now
        before, self._findings = self._findings, self._cluster.findings(self._cluster.store.state, now)
        self._notifier.judged(self._findings, now)
        return before != self._findings

    def _moment(self) -> Moment:
        """The picture to paint: the present, or the one that is held."""
        now = self._cluster.now()
        needle = self.view.moment.needle if self._is_mounted else ""
        stance = replace(self._orders.stance if self._can_act else Stance(), moved=self._notifier.waiting)
        if self._held is not None:
            return replace(self._held, needle=needle, paused_s=now - self._held.now, stance=stance)
        return Moment(self._cluster.store.state, now, self._findings, needle, stance=stance)

    # --- colours ---

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [self._without_color] if self._looks.no_color else super().get_line_filters()

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        return self_contained(super().export_screenshot(title=title, simplify=simplify))

    # --- what the operator asks for ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a prompt or a dialog the signs that open the prompt are text like any other."""
        if action == "perform" and parameters[:1] in [(name,) for name in OPENERS]:
            return isinstance(self.focused, Pane)
        return super().check_action(action, parameters)

    def action_perform(self, name: str, argument: str = "") -> None:
        """Carries out an action of the registry, or says why not."""
        reason = action(name).denied(self.situation)
        if reason is not None:
            self.say(f"{action(name).title}: {reason}", Severity.WARNING)
            return
        pane = self.view.pane
        if action(name).scope is Scope.PANE and pane is not None:
            pane.carry_out(name)
            return
        if name.capitalize() in VIEWS:
            self._open(name.capitalize())
            return
        method = f"do_{name.replace('-', '_')}"
        owners = (self, self.view, self._notifier)
        owner = next((each for each in owners if hasattr(each, method)), None) or self._orders
        getattr(owner, method)(argument)

    def on_foot_asked(self, event: Foot.Asked) -> None:
        self.action_perform(event.name, event.argument)

    def do_palette(self, argument: str) -> None:
        self.action_command_palette()

    def do_help(self, argument: str) -> None:
        from console.tui.screens.help import HelpScreen
        from console.tui.view.help import help_lines

        about = self.view.pane or self.view
        width = min(HELP_WIDTH, self.size.width - 5)
        self.push_screen(
            HelpScreen(help_lines(about.NAME, about.ABOUT, self.situation, width), self._looks.palette)
        )

    def do_pause(self, argument: str) -> None:
        self._held = None if self._held is not None else self._moment()
        self._frames.mark(ALL, urgent=True)

    def do_refresh(self, argument: str) -> None:
        self._cluster.refresh()
        self._learn()
        self.say("looking at every node now")

    def do_theme(self, name: str) -> None:
        if self._looks.no_color:
            self.say("NO_COLOR is set: themes have no effect", Severity.WARNING)
            return
        failure = self._looks.wear(name)
        self.theme = self._looks.name
        for screen in self.screen_stack:
            if isinstance(screen, View):
                screen.dress(self._looks.palette)
        self.say(failure or f"theme {name}", Severity.WARNING if failure else Severity.INFO)

    def do_copy(self, argument: str) -> None:
        self._copy(self.situation.detail)

    def do_copy_selection(self, argument: str) -> None:
        self._copy(self.situation.selection)

    def _copy(self, text: str) -> None:
        self.copy_to_clipboard(text)
        self.say(f"copied {len(text)} characters")

    def do_export(self, argument: str) -> None:
        # Once the command line that asked for it has left the screen.
        self.call_after_refresh(self._export, argument)

    def _export(self, argument: str) -> None:
        try:
            path = self.export_svg(Path(argument).expanduser() if argument else None)
        except OSError as error:
            self.say(f"not saved: {error.filename}: {error.strerror}", Severity.WARNING)
        else:
            self.say(f"saved {path}")

    def export_svg(self, path: Path | None = None) -> Path:
        """Writes the screen as SVG and says where. Raises OSError."""
        path = path or export_path(self._cluster.store.state.profile.name, self._cluster.now())
        path.write_text(self.export_screenshot(), encoding="utf-8")
        return path

    # --- from view to view ---

    def do_overview(self, argument: str) -> None:
        self.pop_screen()
        self._frames.mark(ALL, urgent=True)

    def on_sought(self, event: Sought) -> None:
        """Another view, at a place in it."""
        if event.view != self.view.NAME:
            self.action_perform(event.view.lower())
        self.call_after_refresh(lambda: self.view.go_to(event.spot))

    def _open(self, name: str) -> None:
        """Views stand beside each other above the Overview, never on top of one another."""
        module, screen = VIEWS[name]
        made = getattr(importlib.import_module(f"console.tui.screens.{module}"), screen)
        view: View = made(self._moment(), self._looks.palette, self._base)
        if isinstance(self.view, Overview):
            self.push_screen(view)
        else:
            self.switch_screen(view)
        self.call_after_refresh(self._learn)

    def _learn(self) -> None:
        """Has the view in sight read what is not in the store."""
        view = self.view
        self.work(self._turn(view), f"learn {view.NAME}")

    async def _turn(self, view: View) -> None:
        show = await view.learn(self)
        if self.is_running and self.view is view:
            show()

    @property
    def deck(self) -> Deck:
        return self._orders.deck

    def log_tap(self) -> LogTap:
        return self._cluster.log_tap()

    def traffic(self) -> TrafficFeed:
        return self._cluster.traffic()

    async def examine(self) -> Diagnosis:
        return await self._cluster.examine()

    def stir(self, part: Part) -> None:
        """A part has news that did not come through the store."""
        if self._held is None:
            self._frames.mark(frozenset({part}), urgent=False)

    async def learn_drills(self) -> tuple[tuple[Drill, ...], str]:
        """The drills, and what is wrong with them in words; drills that were known stay known."""
        problem = ""
        try:
            self._orders.drills = await asyncio.to_thread(self._orders.deck.drills)
        except Exception as error:
            problem = "; ".join(str(error).splitlines()) or type(error).__name__
            self.say(problem, Severity.WARNING)
        self._base = replace(self._base, drills=tuple(drill.name for drill in self._orders.drills))
        for screen in self.screen_stack:
            if isinstance(screen, View):
                screen.base = self._base
        return self._orders.drills, problem

    def do_clear(self, argument: str) -> None:
        if self.view.clear():
            return
        if isinstance(self.view, Overview):
            self.say("nothing to clear; q quits")
        else:
            self.do_overview("")

    def do_back(self, argument: str) -> None:
        if isinstance(self.view, Overview):
            self.do_quit(argument)
        else:
            self.do_overview("")

    def do_quit(self, argument: str) -> None:
        """At once, unless that would undo something: then it takes a second time."""
        now = self._cluster.now()
        if self._can_act and self._orders.acting.active and now - self._quit_asked_at > QUIT_AGAIN_S:
            self._quit_asked_at = now
            self.say(f"{self._orders.acting.running} is under way: again to undo it and quit", Severity.WARNING)
            return
        self.leave()


def _settle_memory() -> None:
    """The collector is off while the console loads; from here on it has less to walk through."""
    gc.freeze()
    gc.enable()
