"""What the operator asks the cluster for: arming, the dialog before an action, and its run."""

from __future__ import annotations

import asyncio
import difflib
import functools
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from textual.screen import Screen

from iamops.engine.order import Order
from iamops.judge.drill.report import DrillVerdict
from iamops.judge.run import Outcome
from iamops.model.drill import Drill
from iamops.model.events import Noticed
from iamops.model.exit_code import ExitCode
from iamops.model.facts import LinkState, Severity
from iamops.model.observed import Unknown
from iamops.plan.action import (
    Action,
    DrillAction,
    NoSuchTarget,
    RollingRestart,
    ServiceAction,
    Switchover,
    UnitVerb,
)
from iamops.plan.denial import Denial
from iamops.report.run import exit_code
from iamops.tui.app.actions import ROLLING
from iamops.tui.app.current_run import CurrentRun, OperatorPort
from iamops.tui.app.ports import ClusterPort
from iamops.tui.app.views import Work
from iamops.tui.dialogs.confirm import ConfirmScreen
from iamops.tui.dialogs.run import RunScreen
from iamops.tui.dialogs.run_text import run_summary
from iamops.tui.drills.run import drill_summary
from iamops.tui.toolkit.frame_state import ConsoleMode
from iamops.tui.toolkit.screen import ViewScreen

SEVERITIES = {
    Outcome.SUCCEEDED: Severity.INFO,
    Outcome.REFUSED: Severity.WARNING,
    Outcome.FAILED: Severity.CRITICAL,
    Outcome.UNKNOWN: Severity.CRITICAL,
}

VERDICTS = {
    DrillVerdict.PASS: Severity.INFO,
    DrillVerdict.REFUSED: Severity.WARNING,
    DrillVerdict.FAIL: Severity.CRITICAL,
    DrillVerdict.UNKNOWN: Severity.CRITICAL,
}


class Front(Protocol):
    """The screen, as far as an order needs it."""

    @property
    def view(self) -> ViewScreen:
        """The full screen in sight, under whatever dialogs are open."""
        ...

    @property
    def screen(self) -> Screen[Any]:
        """What has the keys: that view, or a dialog over it."""
        ...

    def say(self, text: str, severity: Severity = Severity.INFO) -> None: ...

    def push_screen(self, screen: Screen[Any], callback: Callable[[Any], None] | None = None) -> Any: ...

    def work(self, work: Work, name: str) -> None:
        """Runs something that waits, without holding up the screen."""
        ...

    def changed(self) -> None:
        """Something about arming or the run is different now."""
        ...


class ActionController:
    """The actions of the registry that change the cluster, and those that arm for them."""

    def __init__(self, cluster: ClusterPort, deck: OperatorPort, front: Front) -> None:
        self._cluster = cluster
        self.deck = deck
        self._front = front
        self._was_armed = False
        self._profile_changed = ""
        self._guards: Mapping[str, str] = {}
        self.drills: tuple[Drill, ...] = ()
        self.acting = CurrentRun(deck, front.changed, self._over)

    @property
    def mode(self) -> ConsoleMode:
        """What the console may do and is doing, now."""
        acting, armed_s = self.acting, self.deck.armed_s
        steps = acting.report.steps if acting.report else ()
        return ConsoleMode(
            armed_s=armed_s,
            running=acting.running,
            done=sum(step.over for step in steps),
            steps=len(steps),
            has_run=acting.order is not None,
            guards=self._guards,
        )

    @property
    def _aim(self) -> str:
        """The unit and node under the cursor, or the drill."""
        return self._front.view.situation.target

    def tick(self) -> None:
        """Once a second: asks the guards again, and says when the ten minutes are over."""
        armed = self.deck.armed_s > 0
        self._guards = self._asked() if armed and not self.acting.active else {}
        if self._was_armed and not armed:
            self._front.say("ten minutes are over: read-only again", Severity.WARNING)
        self._was_armed = armed
        self._look_at_profile()

    def _look_at_profile(self) -> None:
        """Says it once when the profile's file was edited, and once when it is again what is in use."""
        changed = self.deck.profile_changed()
        if changed == self._profile_changed:
            return
        self._profile_changed = changed
        text = (
            f"{changed}: open the console again to use it" if changed else "the profile on disk is the one in use"
        )
        severity = Severity.WARNING if changed else Severity.INFO
        self._front.say(text, severity)
        self._note(text, severity)

    def _asked(self) -> Mapping[str, str]:
        """What a guard would say now to the actions that have a key."""
        offered: dict[str, Action | None] = {
            "switchover": Switchover(),
            "restart": _service(UnitVerb.RESTART, self._aim) if " " in self._aim else None,
            "drill": DrillAction(drill) if (drill := self._drill(self._aim)) else None,
        }
        return {name: why for name, action in offered.items() if action and (why := self._why_not(action))}

    def _why_not(self, action: Action) -> str:
        try:
            _, denied = self.deck.consider(self.deck.order(action))
        except NoSuchTarget:
            return ""
        return "; ".join(denial.sentence for denial in denied)

    # --- arming ---

    def do_arm(self, argument: str) -> None:
        if self.deck.armed_s > 0:
            self.do_disarm(argument)
            return
        self.deck.arm()
        self.deck.refresh_nodes()
        self._was_armed = True
        self._front.say("armed for ten minutes: every action still asks; A disarms", Severity.WARNING)
        self.tick()
        self._front.changed()

    def do_disarm(self, argument: str) -> None:
        self.deck.disarm()
        self._was_armed = False
        self._front.say("read-only again")
        self._front.changed()

    # --- actions ---

    def do_restart(self, target: str) -> None:
        target = target or self._aim
        if " " not in target:
            self._front.view.ask("restart ")
        elif target.endswith(ROLLING):
            self._propose(RollingRestart(target.split()[0]))
        else:
            self._propose(_service(UnitVerb.RESTART, target))

    def do_reload(self, target: str) -> None:
        self._propose(_service(UnitVerb.RELOAD, target))

    def do_start(self, target: str) -> None:
        self._propose(_service(UnitVerb.START, target))

    def do_stop(self, target: str) -> None:
        self._propose(_service(UnitVerb.STOP, target))

    def do_switchover(self, target: str) -> None:
        profile = self._cluster.store.state.profile
        if not target and len(profile.vrrp) > 1:
            self._front.view.ask("switchover ")
            return
        words = target.split()
        instance = next((word for word in words if word in profile.vrrp), None)
        self._propose(Switchover(next((word for word in words if word != instance), None), instance))

    def do_drill(self, name: str) -> None:
        """What the nodes run with is asked first: the budgets of the dialog are theirs."""
        chosen = self._drill(name or self._aim)
        if chosen is not None:
            asked = functools.partial(self.deck.drill_action, chosen)
            doing = "asking the nodes what they run with"
            self._work(f"drill {chosen.name}", asked, doing)
        elif name:
            near = difflib.get_close_matches(name, [drill.name for drill in self.drills], n=1)
            hint = f"did you mean {near[0]!r}?" if near else "4 shows those there are"
            self._front.say(f"no drill named {name!r}; {hint}", Severity.WARNING)
        else:
            self._front.view.ask("drill ")

    def do_push(self, argument: str) -> None:
        """The nodes' files are read first: the dialog shows exactly what would change."""
        self._work("push", self.deck.push_action, "reading the nodes' files")

    async def learn_drills(self) -> tuple[tuple[Drill, ...], str]:
        """Reads the drills; returns them and what is wrong with them. Those that were known stay known."""
        problem = ""
        try:
            self.drills = await asyncio.to_thread(self.deck.drills)
        except Exception as error:
            problem = "; ".join(str(error).splitlines()) or type(error).__name__
            self._front.say(problem, Severity.WARNING)
        return self.drills, problem

    def _drill(self, name: str) -> Drill | None:
        return next((drill for drill in self.drills if drill.name == name), None)

    def _work(self, what: str, ask: Callable[[], Coroutine[Any, Any, Action]], doing: str) -> None:
        self._front.work(functools.partial(self._prepare, what, ask, doing), what.partition(" ")[0])

    async def _prepare(self, what: str, ask: Callable[[], Coroutine[Any, Any, Action]], doing: str) -> None:
        """A worker's edge. A dialog is never put over another one: somebody may be typing into that."""
        view = self._front.view
        self._front.say(f"{what}: {doing}")
        try:
            action = await ask()
        except Exception as error:
            self._front.say(f"{what}: {str(error) or type(error).__name__}", Severity.WARNING)
            return
        if self._front.screen is not view or self.acting.active:
            self._front.say(f"{what}: not shown, because something else was opened meanwhile", Severity.WARNING)
            return
        self._propose(action, informed=True)

    async def _informed(self, action: Action) -> Action:
        await self.deck.refresh_files()
        return action

    def _propose(self, action: Action, *, informed: bool = False) -> None:
        """Shows what would happen. Nothing is changed before the operator has said so in the dialog.

        A dialog with a refusal that is gone in a moment would change under the operator's hands: where the nodes'
        files are not known, they are read first.
        """
        nodes = self._cluster.store.state.nodes.values()
        if not informed and any(isinstance(n.files, Unknown) for n in nodes if n.link.state is LinkState.UP):
            asked = functools.partial(self._informed, action)
            self._work(action.sentence, asked, "reading the nodes' files")
            return
        self.deck.refresh_nodes()
        try:
            plan, denied = self.deck.consider(self.deck.order(action))
        except NoSuchTarget as error:
            self._front.say(str(error), Severity.WARNING)
            return
        if not plan.steps and not denied:
            self._front.say(plan.prediction)
            return
        dialog = ConfirmScreen(self.deck, self._cluster, action, self._front.view.palette, self._found(action))
        self._front.push_screen(dialog, self._answered)

    def _found(self, action: Action) -> tuple[Denial, ...]:
        """What a step has refused when the same was tried last: no guard can say it in the dialog."""
        order, report = self.acting.order, self.acting.report
        if order is None or report is None or order.action.sentence != action.sentence:
            return ()
        return tuple(each for each in report.denials if each.by_step and each.overridable)

    def _answered(self, order: Order | None) -> None:
        if order is None:
            self._front.say("cancelled: nothing was changed")
            return
        self.acting.begin(order, self._cluster.now())
        self._note(f"{order.action.sentence} begins", Severity.INFO)
        self.do_run("")

    def show_run(self) -> None:
        """The run's screen, unless it is in sight already."""
        if not isinstance(self._front.screen, RunScreen):
            self.do_run("")

    def do_run(self, argument: str) -> None:
        order = self.acting.order
        if order is not None:
            self._front.push_screen(
                RunScreen(self.acting, order.command, self._cluster.now, self._front.view.palette)
            )

    @property
    def last_words(self) -> str:
        """How the last run ended, for whoever reads it where the screen was."""
        audit = f" (audit {self.acting.report.run})" if self.acting.report is not None else ""
        return f"{self._summary}{audit}"

    @property
    def exit_code(self) -> int:
        """What a shell command would have said of the last run."""
        acting = self.acting
        if acting.failure:
            return ExitCode.UNKNOWN
        if acting.judged is not None:
            return exit_code(acting.judged)
        return exit_code(acting.report) if acting.report is not None else ExitCode.INTERRUPTED

    @property
    def _summary(self) -> str:
        acting = self.acting
        if acting.failure:
            return acting.failure
        if acting.judged is not None:
            return drill_summary(acting.judged)
        return run_summary(acting.report) if acting.report else "the run was stopped before it began"

    @property
    def _severity(self) -> Severity:
        """How loud the end of the last run is said."""
        judged, report = self.acting.judged, self.acting.report
        if judged is not None and not self.acting.failure:
            return Severity.WARNING if judged.put_back else VERDICTS[judged.verdict]
        if report is None or report.outcome is None or report.put_back:
            return Severity.WARNING
        return SEVERITIES[report.outcome]

    def _over(self) -> None:
        text, severity = self._summary, self._severity
        self._note(text, severity)
        self._front.say(text, severity)
        self._front.changed()

    def _note(self, text: str, severity: Severity) -> None:
        """A line in the event list: what we did belongs beside what the cluster did."""
        self._cluster.store.apply(Noticed(self._cluster.now(), None, severity, text))


def _service(verb: UnitVerb, target: str) -> ServiceAction:
    unit, _, node = target.partition(" ")
    return ServiceAction(verb, unit, node)
