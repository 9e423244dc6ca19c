"""The console: its parts put together, its keys, its life, and what the operator asks of the screen itself."""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import RenderableType
from textual import events
from textual.app import App
from textual.binding import BindingType
from textual.command import Provider
from textual.filter import LineFilter
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from iamops.model.events import Event, Noticed
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.model.safe_text import safe_lines
from iamops.model.state import ClusterState
from iamops.redact.clean import fault_of_ours
from iamops.session.signals import hear
from iamops.tui.app.actions import TRIAGE, ActionContext, KeyScope, action, named
from iamops.tui.app.commands import OPENERS, PALETTE_KEY, ActionProvider, console_bindings
from iamops.tui.app.notifier import Notifier
from iamops.tui.app.painting import Repainter
from iamops.tui.app.ports import ClusterPort
from iamops.tui.app.shutdown import Shutdown, crash_report, export_path, save, self_contained
from iamops.tui.app.terminal import ConsoleDriver, Harmless
from iamops.tui.app.views import VIEWS, SessionSources, Views, Work, begin
from iamops.tui.foot.foot import Foot
from iamops.tui.overview.screen import Overview
from iamops.tui.toolkit.frame_state import ConsoleMode
from iamops.tui.toolkit.palette import ThemeChoice, WithoutColor
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import NavigateTo, ViewScreen

if TYPE_CHECKING:
    from iamops.tui.app.current_run import OperatorPort
    from iamops.tui.app.orders import ActionController


TICK_S = 1.0
# Not before the first live frame: what acting needs, and eleven files, would keep it waiting.
ORDERS_AFTER_S = 2.0


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
        cluster: ClusterPort,
        deck: Callable[[], OperatorPort],
        *,
        theme: str | None = None,
        no_color: bool = False,
        leave_on: Sequence[int] = (),
    ) -> None:
        """`deck` makes the way to act, when it is first wanted."""
        super().__init__(driver_class=ConsoleDriver)
        self._cluster = cluster
        self._make_deck = deck
        self._was_acting = False
        self._leave_on = leave_on
        self._without_color, self._harmless = WithoutColor(), Harmless()
        self._looks = ThemeChoice(theme, no_color=self.no_color or no_color)
        for each in self._looks.textual_themes():
            self.register_theme(each)
        self.theme = self._looks.name
        self._notifier = Notifier(self, cluster.store.state, cluster.store.apply, cluster.now, os.environ)
        self._views = Views(self, named(cluster.store.state.profile, self._looks.names))
        self._painting = Repainter(self, cluster, self._views, self._notifier.judged)
        self._sources = SessionSources(
            cluster,
            lambda: self._orders,
            self._painting.stir,
            self._painting.on_inspection,
            self._views.know_drills,
        )
        self._ending = Shutdown(self, lambda: self._orders_so_far, cluster.now)
        self._unsubscribe: Callable[[], None] = lambda: None
        self.title = f"iamops · {cluster.store.state.profile.name}"

    # --- life ---

    def get_default_screen(self) -> Overview:
        return self._views.overview(self._painting.view_state(), self._looks.palette)

    def on_mount(self) -> None:
        for signal in self._leave_on:
            hear(asyncio.get_running_loop(), signal, self._ending.begin)
        self._unsubscribe = self._cluster.store.subscribe(self._heard)
        self.set_interval(TICK_S, self._tick)
        self._painting.everything()
        self.work(self._start, "cluster")
        self.set_timer(ORDERS_AFTER_S, lambda: self.work(self._prepare_to_act, "drills"))
        # What was made to start stays for good. Not walking through it again keeps a collection, and
        # with it the way from an event to the screen, under a few milliseconds instead of fifty.
        self.call_after_refresh(_settle_memory)
        for complaint in (*self._looks.complaints, *self._notifier.complaints):
            self.call_after_refresh(self.say, complaint, Severity.WARNING)

    @functools.cached_property
    def _orders(self) -> ActionController:
        from iamops.tui.app.orders import ActionController

        return ActionController(self._cluster, self._make_deck(), self)

    @property
    def _orders_so_far(self) -> ActionController | None:
        """None if nothing was asked of the orders yet: asking for `_orders` itself would load them."""
        return self.__dict__.get("_orders")

    async def _prepare_to_act(self) -> None:
        await asyncio.to_thread(importlib.import_module, "iamops.tui.app.orders")
        await self._sources.learn_drills()

    def _tick(self) -> None:
        if self._orders_so_far is not None:
            self._orders_so_far.tick()
        self._painting.everything()

    async def on_unmount(self) -> None:
        if self._orders_so_far is not None:
            await self._orders_so_far.acting.end()
        self._unsubscribe()
        await self._cluster.stop()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Work beside the screen that fails is told: the screen shows what was there before."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            text = f"{event.worker.name}: {fault_of_ours(event.worker.error)}"
            self._cluster.store.apply(Noticed(self._cluster.now(), None, Severity.CRITICAL, text))
            self.say(text, Severity.CRITICAL)

    async def _start(self) -> None:
        """The worker's edge: whatever stops the session from starting is told, not thrown."""
        try:
            await self._cluster.start()
        except Exception as error:
            text = f"the session could not start: {str(error) or type(error).__name__}"
            self._cluster.store.apply(Noticed(self._cluster.now(), None, Severity.CRITICAL, text))

    @property
    def view(self) -> ViewScreen:
        """The full screen in sight, under whatever dialogs are open."""
        return self._views.current

    @property
    def situation(self) -> ActionContext:
        return self.view.situation

    @property
    def operator(self) -> OperatorPort:
        return self._orders.deck

    @property
    def mode(self) -> ConsoleMode:
        """What the console may do and is doing, now."""
        orders = self._orders_so_far
        return replace(orders.mode if orders is not None else ConsoleMode(), moved=self._notifier.waiting)

    # --- what orders and the notifier need of the screen ---

    def say(self, text: str, severity: Severity = Severity.INFO) -> None:
        """A run may end when the screen is gone already: then nobody is told here."""
        if self.screen_stack:
            self.view.toast(text, severity)

    def notify_terminal(self, text: str) -> None:
        """For the terminal itself; in one piece, so that it cannot fall into the middle of a frame's sequences."""
        if text and self._driver is not None and not self._behind:
            self._driver.write(text)

    # --- what the terminal needs of the screen ---

    @property
    def acting(self) -> bool:
        return self._orders_so_far is not None and self._orders_so_far.acting.active

    @property
    def _behind(self) -> bool:
        return isinstance(self._driver, ConsoleDriver) and self._driver.behind

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """A frame is left out while the terminal has not read those before it."""
        if isinstance(self._driver, ConsoleDriver) and self._driver.behind:
            self._driver.miss()
        else:
            super()._display(screen, renderable)

    def repaint(self) -> None:
        if self.is_running and self.screen_stack:
            self.refresh()

    def not_suspended(self) -> None:
        self.say("not suspended while an action is under way; x in its panel undoes it", Severity.WARNING)

    def terminal_gone(self) -> None:
        """Nobody is left who could say what to do next: as SIGHUP, which may come too, or not."""
        self._ending.begin()

    @property
    def last_words(self) -> str:
        """What became of a run that was under way when the console was told to end; empty otherwise."""
        orders = self._orders_so_far
        return orders.last_words if orders is not None and self._ending.waited else ""

    def mode_changed(self) -> None:
        self._painting.header()

    def work(self, work: Work, name: str) -> None:
        begin(self, work, name)

    def changed(self) -> None:
        """The stance is another one; and whoever asked us to leave may be waiting for the end of a run."""
        if not self.is_running:
            return
        self._ending.proceed()
        if self._was_acting and not self._orders.acting.active:
            self._look_again()
        self._was_acting = self._orders.acting.active
        self.mode_changed()

    async def on_event(self, event: events.Event) -> None:
        """A key that is typed ends a message, which would hide what the key brings. Esc does that by itself."""
        if isinstance(event, events.Key) and event.key != "escape" and self.screen_stack:
            self.view.foot.clear()
        await super().on_event(event)

    # --- from event to pixel ---

    def _heard(self, state: ClusterState, event: Event) -> None:
        """The store's subscriber. Only marks: painting waits for the frame."""
        if self.is_running:
            self._notifier.on_state(state)
            if isinstance(event, self.view.LEARNS_AT):
                self._learn()
        self._painting.on_event(event)

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Runs a call inside the app's own message pump, also when an event came from elsewhere."""
        if delay_s <= 0:
            self.call_next(call)
        else:
            asyncio.get_running_loop().call_later(delay_s, self.call_next, call)

    # --- colours ---

    def get_line_filters(self) -> Sequence[LineFilter]:
        colours = [self._without_color] if self._looks.no_color else super().get_line_filters()
        return [*colours, self._harmless]

    def copy_to_clipboard(self, text: str) -> None:
        """What is pasted elsewhere is what was read here."""
        super().copy_to_clipboard(safe_lines(text))

    def _fatal_error(self) -> None:
        """Textual's own prints every local variable; it has no public place to say otherwise."""
        self.bell()
        self._exit_renderables.append(crash_report(self._exception))
        self._return_code = ExitCode.UNKNOWN
        self._close_messages_no_wait()

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
        if action(name).scope is KeyScope.PANE and pane is not None:
            pane.carry_out(name)
            return
        if name.capitalize() in VIEWS:
            self._views.open(name.capitalize(), self._painting.view_state(), self._looks.palette)
            self.call_after_refresh(self._learn)
            return
        method = f"do_{name.replace('-', '_')}"
        owners = (self, self.view, self._notifier)
        owner = next((each for each in owners if hasattr(each, method)), None) or self._orders
        getattr(owner, method)(argument)

    def on_foot_asked(self, event: Foot.Asked) -> None:
        self.action_perform(event.name, event.argument)

    def do_palette(self, argument: str) -> None:
        self.action_command_palette()

    def do_pause(self, argument: str) -> None:
        self._painting.pause()

    def do_refresh(self, argument: str) -> None:
        self._cluster.refresh()
        self._look_again()
        self.say("looking at every node now")

    def do_theme(self, name: str) -> None:
        if self._looks.no_color:
            self.say("NO_COLOR is set: themes have no effect", Severity.WARNING)
            return
        failure = self._looks.apply(name)
        self.theme = self._looks.name
        self._views.set_theme(self._looks.palette)
        self.say(failure or f"theme {name}", Severity.WARNING if failure else Severity.INFO)

    def do_export(self, argument: str) -> None:
        # Once the command line that asked for it has left the screen.
        self.call_after_refresh(self._export, argument)

    def _export(self, argument: str) -> None:
        profile = self._cluster.store.state.profile
        path = Path(argument).expanduser() if argument else export_path(profile.name, self._cluster.now())
        failure = save(self.export_screenshot(), path)
        self.say(failure or f"saved {path}", Severity.WARNING if failure else Severity.INFO)

    # --- from view to view ---

    def do_overview(self, argument: str) -> None:
        self._views.close()
        self._painting.everything()

    def on_navigate_to(self, event: NavigateTo) -> None:
        """Another view, at a place in it."""
        if event.view != self.view.NAME:
            self.action_perform(event.view.lower())
        self.call_after_refresh(lambda: self.view.go_to(event.spot))

    def _learn(self) -> None:
        self._views.learn(self._sources)

    def _look_again(self) -> None:
        """Also deeper, where a deep look's findings stand: they would only get older."""
        self._learn()
        if self._painting.inspected and self.view.NAME != TRIAGE:
            self.work(self._examine, "deep look")

    async def _examine(self) -> None:
        """The worker's edge: the view goes on without a look that failed."""
        try:
            await self._sources.examine()
        except Exception as error:
            self.say(f"the deep look failed: {str(error) or type(error).__name__}", Severity.WARNING)

    def do_clear(self, argument: str) -> None:
        if self.view.clear():
            return
        if self._views.at_overview:
            self.say("nothing to clear; q quits")
        else:
            self.do_overview("")

    def do_back(self, argument: str) -> None:
        if self._views.at_overview:
            self.do_quit(argument)
        else:
            self.do_overview("")

    def do_quit(self, argument: str) -> None:
        self._ending.quit()


def _settle_memory() -> None:
    """The collector is off while the console loads; from here on it has less to walk through."""
    gc.freeze()
    gc.enable()
