"""What the operator asks the cluster for: arming, the dialog before an action, and its run, one at a time."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from iamops.engine.ports import Order
from iamops.judge.drill.report import DrillProgress, DrillVerdict
from iamops.judge.run import Outcome, RunReport
from iamops.model.drill import Drill
from iamops.model.events import Noticed
from iamops.model.exit_code import ExitCode
from iamops.model.facts import LinkState, Severity
from iamops.model.observed import Unknown
from iamops.plan.action import (
    Action,
    DrillAction,
    NoSuchTarget,
)
from iamops.plan.denial import Denial
from iamops.tui.app.actions import ACTIONS
from iamops.tui.dialogs.confirm import ConfirmScreen
from iamops.tui.dialogs.progress import run_summary
from iamops.tui.dialogs.run import RunScreen
from iamops.tui.drills.run import drill_summary
from iamops.tui.toolkit.painted import ConsoleMode

if TYPE_CHECKING:
    from iamops.session.cluster import Cluster
    from iamops.session.operator import Operator
    from iamops.tui.app.app import ConsoleApp


# Every other end is critical.
OUTCOME_SEVERITIES = {Outcome.SUCCEEDED: Severity.INFO, Outcome.REFUSED: Severity.WARNING}
VERDICT_SEVERITIES = {DrillVerdict.PASS: Severity.INFO, DrillVerdict.REFUSED: Severity.WARNING}


class CurrentRun:
    """The run under way, or the last one. `on_progress()` is called at every report, `on_end()` at its end.

    `began` is when it was asked for, in session time: the zero of a drill's timeline.
    """

    def __init__(self, operator: Operator, on_progress: Callable[[], None], on_end: Callable[[], None]) -> None:
        self.order: Order | None = None
        self.report: RunReport | None = None
        self.drill: DrillProgress | None = None
        self.failure = ""
        self.began = 0.0
        self.stopping = False
        self._operator = operator
        self._on_progress = on_progress
        self._on_end = on_end
        self._task: asyncio.Task[None] | None = None

    @property
    def active(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def running(self) -> str:
        """The action under way in words, or an empty text."""
        return self.order.action.sentence if self.active and self.order is not None else ""

    def begin(self, order: Order, now: float) -> None:
        """Starts a run. There must be none under way."""
        assert not self.active  # noqa: S101 - the front asks first
        self.order, self.report, self.drill, self.failure = order, None, None, ""
        self.began, self.stopping = now, False
        self._task = asyncio.get_running_loop().create_task(self._run(order), name=f"run {order.run}")
        self._task.add_done_callback(lambda task: self._on_end())

    def stop(self) -> None:
        """Has the run undone; it goes on until that is done. Asking again must not cut the undoing short."""
        if self._task is not None and self.active and not self.stopping:
            self.stopping = True
            self._task.cancel()

    async def end(self) -> None:
        """Has the run undone, and waits for it."""
        self.stop()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, order: Order) -> None:
        """A worker's edge: what goes wrong in a run is shown, not raised. The engine has undone it by then."""
        try:
            if isinstance(order.action, DrillAction):
                judged = await self._operator.drills.run(order, self._drill_progressed)
                # The final report may say more than the last progress did.
                if self.drill is not None:
                    self.drill = replace(self.drill, report=judged)
            else:
                self.report = await self._operator.run(order, self._progressed)
        except NoSuchTarget as error:
            self.failure = str(error)
        except Exception as error:
            self.failure = f"{order.action.sentence}: {str(error) or type(error).__name__}"

    def _drill_progressed(self, progress: DrillProgress) -> None:
        self.drill = progress
        self._progressed(progress.run)

    def _progressed(self, report: RunReport) -> None:
        self.report = report
        self._on_progress()

    # --- how the last run ended ---

    @property
    def exit_code(self) -> int:
        """What a shell command would have returned for the last run."""
        if self.failure:
            return ExitCode.UNKNOWN
        if self.drill is not None and self.drill.report is not None:
            return self.drill.report.exit_code
        return self.report.exit_code if self.report is not None else ExitCode.INTERRUPTED

    @property
    def summary(self) -> str:
        if self.failure:
            return self.failure
        if self.drill is not None and self.drill.report is not None:
            return drill_summary(self.drill.report)
        return run_summary(self.report) if self.report is not None else "the run was stopped before it began"

    @property
    def last_words(self) -> str:
        """The summary for the terminal, once the screen is closed."""
        return f"{self.summary} (audit {self.report.run})" if self.report is not None else self.summary

    @property
    def severity(self) -> Severity:
        """How loudly the end of the last run is reported."""
        judged, report = self.drill.report if self.drill is not None else None, self.report
        if judged is not None and not self.failure:
            by_verdict = VERDICT_SEVERITIES.get(judged.verdict, Severity.CRITICAL)
            return Severity.WARNING if judged.put_back else by_verdict
        if report is None or report.outcome is None or report.put_back:
            return Severity.WARNING
        return OUTCOME_SEVERITIES.get(report.outcome, Severity.CRITICAL)


class ActionController:
    """The actions of the registry that change the cluster, and those that arm for them."""

    def __init__(self, cluster: Cluster, operator: Operator, app: ConsoleApp) -> None:
        self._cluster, self._app = cluster, app
        self.operator = operator
        self.drills: tuple[Drill, ...] = ()
        self.run = CurrentRun(operator, app.run_changed, self._ended)
        self._was_armed = False
        self._profile_changed = ""
        self._guards: Mapping[str, str] = {}

    @property
    def mode(self) -> ConsoleMode:
        """What the console may do and is doing, now."""
        steps = self.run.report.steps if self.run.report else ()
        return ConsoleMode(
            armed_s=self.operator.armed_s,
            running=self.run.running,
            done=sum(step.over for step in steps),
            steps=len(steps),
            has_run=self.run.order is not None,
            guards=self._guards,
        )

    def tick(self) -> None:
        """Once a second: asks the guards again, says when the ten minutes are over, and looks at the profile."""
        armed = self.operator.armed_s > 0
        self._guards = self._asked_guards() if armed and not self.run.active else {}
        if self._was_armed and not armed:
            self._app.say("ten minutes are over: read-only again", Severity.WARNING)
        self._was_armed = armed
        changed = self.operator.profile_changed()
        if changed == self._profile_changed:
            return
        self._profile_changed = changed
        if changed:
            self._report(f"{changed}: open the console again to use it", Severity.WARNING)
        else:
            self._report("the profile on disk is the one in use", Severity.INFO)

    def _asked_guards(self) -> Mapping[str, str]:
        """What a guard would say now to the actions that have a key."""
        context = self._app.view.context
        proposed = {entry.name: entry.proposal("", context) for entry in ACTIONS if entry.keys and entry.proposal}
        if (drill := self._drill_named(context.target)) is not None:
            proposed["drill"] = DrillAction(drill)
        guards: dict[str, str] = {}
        for name, action in proposed.items():
            if action is None:
                continue
            try:
                _, denied = self.operator.consider(self.operator.order(action))
            except NoSuchTarget:
                continue
            if denied:
                guards[name] = "; ".join(denial.sentence for denial in denied)
        return guards

    # --- arming ---

    def toggle_armed(self) -> None:
        if self.operator.armed_s > 0:
            self.disarm()
            return
        self.operator.arm()
        self.operator.refresh_nodes()
        self._was_armed = True
        self._app.say("armed for ten minutes: every action still asks; A disarms", Severity.WARNING)
        self.tick()
        self._app.run_changed()

    def disarm(self) -> None:
        self.operator.disarm()
        self._was_armed = False
        self._app.say("read-only again")
        self._app.run_changed()

    # --- actions: `name` is as typed, or empty for what is under the cursor ---

    def drill(self, name: str) -> None:
        """What the nodes run with is asked first: the budgets of the dialog are theirs."""
        drill = self._drill_named(name or self._app.view.context.target)
        if drill is not None:
            doing = "asking the nodes what they run with"
            self._prepare(f"drill {drill.name}", doing, lambda: self.operator.drills.action(drill))
        elif name:
            near = difflib.get_close_matches(name, [drill.name for drill in self.drills], n=1)
            hint = f"did you mean {near[0]!r}?" if near else "4 shows those there are"
            self._app.say(f"no drill named {name!r}; {hint}", Severity.WARNING)
        else:
            self._app.view.ask("drill ")

    def push(self) -> None:
        """The nodes' files are read first: the dialog shows exactly what would change."""
        self._prepare("push", "reading the nodes' files", self.operator.push_action)

    async def learn_drills(self) -> tuple[tuple[Drill, ...], str]:
        """Reads the drills; returns them and what is wrong with them. Those that were known stay known."""
        problem = ""
        try:
            self.drills = await asyncio.to_thread(lambda: self.operator.drills.available())
        except Exception as error:
            problem = "; ".join(str(error).splitlines()) or type(error).__name__
            self._app.say(problem, Severity.WARNING)
        return self.drills, problem

    def _drill_named(self, name: str) -> Drill | None:
        return next((drill for drill in self.drills if drill.name == name), None)

    def _prepare(self, what: str, doing: str, ask: Callable[[], Coroutine[Any, Any, Action]]) -> None:
        """Asks the nodes for what the action needs, beside the screen, and then shows its dialog."""

        async def prepare() -> None:
            """A worker's edge. A dialog is never put over another one, which may be typed into."""
            view = self._app.view
            self._app.say(f"{what}: {doing}")
            try:
                action = await ask()
            except Exception as error:
                self._app.say(f"{what}: {str(error) or type(error).__name__}", Severity.WARNING)
                return
            if self._app.screen is not view or self.run.active:
                reason = "not shown, because something else was opened meanwhile"
                self._app.say(f"{what}: {reason}", Severity.WARNING)
                return
            self._show_dialog(action)

        self._app.work(prepare, what.partition(" ")[0])

    def propose(self, name: str, action: Action | None) -> None:
        """Shows what would happen, or asks for what must be typed first. Nothing changes before it is agreed to.

        A refusal that goes away a moment later would change the dialog while the operator types into it: where
        the nodes' files are not known, they are read first.
        """
        if action is None:
            self._app.view.ask(f"{name} ")
            return

        async def informed() -> Action:
            await self._cluster.refresh_files()
            return action

        nodes = self._cluster.store.state.nodes.values()
        if any(isinstance(node.files, Unknown) for node in nodes if node.link.state is LinkState.UP):
            self._prepare(action.sentence, "reading the nodes' files", informed)
        else:
            self._show_dialog(action)

    def _show_dialog(self, action: Action) -> None:
        self.operator.refresh_nodes()
        try:
            plan, denied = self.operator.consider(self.operator.order(action))
        except NoSuchTarget as error:
            self._app.say(str(error), Severity.WARNING)
            return
        if not plan.steps and not denied:
            self._app.say(plan.prediction)
            return
        # What a step refused when the same was tried last: no guard can say it in the dialog.
        refused: tuple[Denial, ...] = ()
        last, report = self.run.order, self.run.report
        if last is not None and report is not None and last.action.sentence == action.sentence:
            refused = tuple(denial for denial in report.denials if denial.by_step and denial.overridable)
        dialog = ConfirmScreen(self.operator, self._cluster, action, self._app.view.palette, refused)
        self._app.push_screen(dialog, self._answered)

    def _answered(self, order: Order | None) -> None:
        if order is None:
            self._app.say("cancelled: nothing was changed")
            return
        self.run.begin(order, self._cluster.now())
        self._note(f"{order.action.sentence} begins", Severity.INFO)
        self.show_run()

    # --- the run ---

    def show_run(self) -> None:
        """Opens the run's screen, unless it is open already."""
        if self.run.order is not None and not isinstance(self._app.screen, RunScreen):
            self._app.push_screen(RunScreen(self.run, self._cluster.now, self._app.view.palette))

    def _ended(self) -> None:
        self._report(self.run.summary, self.run.severity)
        self._app.run_changed()

    def _report(self, text: str, severity: Severity) -> None:
        self._note(text, severity)
        self._app.say(text, severity)

    def _note(self, text: str, severity: Severity) -> None:
        """A line in the event list: what we did belongs beside what the cluster did."""
        self._cluster.store.apply(Noticed(self._cluster.now(), None, severity, text))
