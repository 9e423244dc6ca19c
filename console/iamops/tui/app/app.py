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

from iamops.model.drill import Drill
from iamops.model.events import Event, Noticed
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.model.state import ClusterState
from iamops.model.text import safe_lines
from iamops.redact.clean import fault_of_ours
from iamops.session.signals import on_signal
from iamops.tui.app.actions import BY_NAME, OPENERS, OVERVIEW, PALETTE_KEY, TRIAGE, bindings, context_of
from iamops.tui.app.commands import ActionProvider
from iamops.tui.app.notifier import Notifier
from iamops.tui.app.painting import Repainter, Views
from iamops.tui.app.shutdown import Shutdown, crash_report, export_path, save, self_contained
from iamops.tui.app.terminal import ConsoleDriver, Harmless
from iamops.tui.foot.foot import Foot
from iamops.tui.overview.screen import Overview
from iamops.tui.toolkit.painted import ConsoleMode, ScreenPart
from iamops.tui.toolkit.palette import ThemeChoice, WithoutColor
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import NavigateTo, ViewScreen

if TYPE_CHECKING:
    from textual.worker import WorkType

    from iamops.session.cluster import Cluster
    from iamops.session.operator import Operator
    from iamops.tui.app.controller import ActionController


TICK_S = 1.0
# Not before the first live frame: to load what acting needs would keep it waiting.
CONTROLLER_AFTER_S = 2.0


class ConsoleApp(App[None], inherit_bindings=False):
    """The interactive front, and the `ViewSources` of every view. Paints at once, with nothing known yet."""

    CSS = """
    * {
        scrollbar-color: $rule; scrollbar-color-hover: $rule; scrollbar-color-active: $accent;
        scrollbar-background: $background; scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
    }
    SearchIcon { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings(motions=False)
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ActionProvider}
    COMMAND_PALETTE_BINDING = PALETTE_KEY

    def __init__(
        self,
        cluster: Cluster,
        make_operator: Callable[[], Operator],
        *,
        theme: str | None = None,
        no_color: bool = False,
        leave_on: Sequence[int] = (),
    ) -> None:
        """`make_operator` is called when something that acts is first wanted. `leave_on` are signals."""
        super().__init__(driver_class=ConsoleDriver)
        self.cluster = cluster
        self._make_operator = make_operator
        self._was_acting = False
        self._leave_on = leave_on
        self._without_color, self._harmless = WithoutColor(), Harmless()
        self._themes = ThemeChoice(theme, no_color=self.no_color or no_color)
        for textual_theme in self._themes.textual_themes():
            self.register_theme(textual_theme)
        self.theme = self._themes.name
        self.notifier: Notifier = Notifier(self, cluster.store, cluster.now, os.environ)
        self._views = Views(self, context_of(cluster.store.state.profile, self._themes.names))
        self.repainter: Repainter = Repainter(self, cluster, self._views)
        self.shutdown: Shutdown = Shutdown(self, cluster.now)
        self._unsubscribe: Callable[[], None] = lambda: None
        self.title = f"iamops · {cluster.store.state.profile.name}"

    # --- life ---

    def get_default_screen(self) -> Overview:
        return Overview(self.repainter.view_state(), self._themes.palette, self._views.base)

    def on_mount(self) -> None:
        for signal in self._leave_on:
            on_signal(asyncio.get_running_loop(), signal, self.shutdown.begin)
        self._unsubscribe = self.cluster.store.subscribe(self._store_changed)
        self.set_interval(TICK_S, self._tick)
        self.repainter.repaint_all()
        self.work(self._start, "cluster")
        self.set_timer(CONTROLLER_AFTER_S, lambda: self.work(self._load_controller, "drills"))
        # What was made to start stays for good. Not walking through it again keeps a collection, and
        # with it the way from an event to the screen, under a few milliseconds instead of fifty.
        self.call_after_refresh(_settle_memory)
        for complaint in (*self._themes.complaints, *self.notifier.complaints):
            self.call_after_refresh(self.say, complaint, Severity.WARNING)

    async def _start(self) -> None:
        """The worker's edge: whatever stops the session from starting is shown, not raised."""
        try:
            await self.cluster.start()
        except Exception as error:
            self._note_critical(f"the session could not start: {str(error) or type(error).__name__}")

    def _tick(self) -> None:
        if self.controller_so_far is not None:
            self.controller_so_far.tick()
        self.repainter.repaint_all()

    async def on_unmount(self) -> None:
        if self.controller_so_far is not None:
            await self.controller_so_far.run.end()
        self._unsubscribe()
        await self.cluster.stop()

    def work(self, work: WorkType[object], name: str) -> None:
        """Starts work that waits, beside the screen; a second one of its name takes the place of the first.

        What makes the coroutine is given, not the coroutine: a console that ends first would never await it.
        """
        self.run_worker(work, name=name, group=name, exclusive=True, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Work beside the screen that fails is reported: the screen shows what was there before."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            text = f"{event.worker.name}: {fault_of_ours(event.worker.error)}"
            self._note_critical(text)
            self.say(text, Severity.CRITICAL)

    def _note_critical(self, text: str) -> None:
        self.cluster.store.apply(Noticed(self.cluster.now(), None, Severity.CRITICAL, text))

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Runs a call inside the app's own message pump, also when an event came from elsewhere."""
        if delay_s <= 0:
            self.call_next(call)
        else:
            asyncio.get_running_loop().call_later(delay_s, self.call_next, call)

    # --- acting ---

    @functools.cached_property
    def controller(self) -> ActionController:
        from iamops.tui.app.controller import ActionController

        return ActionController(self.cluster, self._make_operator(), self)

    @property
    def controller_so_far(self) -> ActionController | None:
        """None if nothing was asked of the controller yet: asking for `controller` itself would load it."""
        return self.__dict__.get("controller")

    async def _load_controller(self) -> None:
        await asyncio.to_thread(importlib.import_module, "iamops.tui.app.controller")
        await self.learn_drills()

    @property
    def acting(self) -> bool:
        """Whether an action of ours is under way, which must not be held up."""
        return self.controller_so_far is not None and self.controller_so_far.run.active

    @property
    def mode(self) -> ConsoleMode:
        """What the console may do and is doing, now."""
        controller = self.controller_so_far
        mode = controller.mode if controller is not None else ConsoleMode()
        return replace(mode, moved=self.notifier.waiting)

    def run_changed(self) -> None:
        """Arming or the run is different; and the console may wait for the end of a run in order to close."""
        if not self.is_running:
            return
        self.shutdown.proceed()
        if self._was_acting and not self.acting:
            self._learn_again()
        self._was_acting = self.acting
        self.repainter.repaint_header()

    @property
    def last_words(self) -> str:
        """What became of a run that was under way when the console was asked to close; empty otherwise."""
        controller = self.controller_so_far
        return controller.run.last_words if controller is not None and self.shutdown.waited else ""

    # --- what views read ---

    @property
    def operator(self) -> Operator:
        return self.controller.operator

    def repaint_part(self, part: ScreenPart) -> None:
        self.repainter.repaint_part(part)

    async def examine(self) -> None:
        self.repainter.on_inspection(await self.cluster.examine())

    async def learn_drills(self) -> tuple[tuple[Drill, ...], str]:
        drills, problem = await self.controller.learn_drills()
        self._views.set_drills(drills)
        return drills, problem

    # --- the screen ---

    @property
    def view(self) -> ViewScreen:
        """The view on the screen, under whatever dialogs are open."""
        return self._views.current

    def say(self, text: str, severity: Severity = Severity.INFO) -> None:
        """A run may end when the screen is closed already: then there is nowhere to show it."""
        if self.screen_stack:
            self.view.toast(text, severity)

    def notify_terminal(self, text: str) -> None:
        """For the terminal itself; in one piece, so that it cannot fall into the middle of a frame's sequences."""
        driver = self._driver
        if text and driver is not None and not (isinstance(driver, ConsoleDriver) and driver.behind):
            driver.write(text)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """A frame is left out while the terminal has not read those before it."""
        if isinstance(self._driver, ConsoleDriver) and self._driver.behind:
            self._driver.miss()
        else:
            super()._display(screen, renderable)

    def repaint(self) -> None:
        """Draws everything anew: what is on the terminal is not what was drawn last."""
        if self.is_running and self.screen_stack:
            self.refresh()

    async def on_event(self, event: events.Event) -> None:
        """A key ends a message, which would hide what the key brings. Esc is an action that does just that."""
        if isinstance(event, events.Key) and event.key != "escape" and self.screen_stack:
            self.view.foot.status.clear()
        await super().on_event(event)

    def _store_changed(self, state: ClusterState, event: Event) -> None:
        """The store's subscriber. Only marks: painting waits for the frame."""
        if self.is_running:
            self.notifier.on_state(state)
            if isinstance(event, self.view.LEARNS_AT):
                self._views.learn()
        self.repainter.on_event(event)

    def get_line_filters(self) -> Sequence[LineFilter]:
        colours = [self._without_color] if self._themes.no_color else super().get_line_filters()
        return [*colours, self._harmless]

    def copy_to_clipboard(self, text: str) -> None:
        """What is pasted elsewhere is what was read here."""
        super().copy_to_clipboard(safe_lines(text))

    def _fatal_error(self) -> None:
        """Textual's own prints every local variable; it has no public hook for this."""
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
        action = BY_NAME[name]
        reason = action.denied(self.view.context)
        if reason is not None:
            self.say(f"{action.title}: {reason}", Severity.WARNING)
        else:
            action.handler(self, argument)

    def on_foot_asked(self, event: Foot.Asked) -> None:
        self.action_perform(event.name, event.argument)

    def refresh_cluster(self) -> None:
        self.cluster.refresh()
        self._learn_again()
        self.say("looking at every node now")

    def change_theme(self, name: str) -> None:
        if self._themes.no_color:
            self.say("NO_COLOR is set: themes have no effect", Severity.WARNING)
            return
        failure = self._themes.apply(name)
        self.theme = self._themes.name
        self._views.set_theme(self._themes.palette)
        self.say(failure or f"theme {name}", Severity.WARNING if failure else Severity.INFO)

    def export(self, file: str) -> None:
        def export() -> None:
            profile = self.cluster.store.state.profile
            path = Path(file).expanduser() if file else export_path(profile.name, self.cluster.now())
            failure = save(self.export_screenshot(), path)
            self.say(failure or f"saved {path}", Severity.WARNING if failure else Severity.INFO)

        # Once the command line that asked for it has left the screen.
        self.call_after_refresh(export)

    # --- from view to view ---

    def open_view(self, name: str) -> None:
        if name == OVERVIEW:
            self._views.close()
            self.repainter.repaint_all()
        else:
            self._views.open(name)
            self.call_after_refresh(self._views.learn)

    def on_navigate_to(self, event: NavigateTo) -> None:
        """Another view, at a place in it."""
        if event.view != self.view.NAME:
            self.action_perform(event.view.lower())
        self.call_after_refresh(lambda: self.view.go_to(event.location))

    def clear(self) -> None:
        if self.view.clear():
            return
        if self._views.at_overview:
            self.say("nothing to clear; q quits")
        else:
            self.open_view(OVERVIEW)

    def go_back(self) -> None:
        if self._views.at_overview:
            self.shutdown.quit()
        else:
            self.open_view(OVERVIEW)

    def _learn_again(self) -> None:
        """Reads again what is not in the store; also the inspection's findings, which would only get older."""
        self._views.learn()
        if self.repainter.inspected and self.view.NAME != TRIAGE:
            self.work(self._examine_again, "deep look")

    async def _examine_again(self) -> None:
        """The worker's edge: the view goes on without an inspection that failed."""
        try:
            await self.examine()
        except Exception as error:
            self.say(f"the deep look failed: {str(error) or type(error).__name__}", Severity.WARNING)


def _settle_memory() -> None:
    """The collector is off while the console loads; from here on it has less to walk through."""
    gc.freeze()
    gc.enable()
