"""The drills view: every drill, how it went, and what the one under the cursor does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType

from iamops.judge.run import drill_ending_of
from iamops.model.drill import (
    EACH,
    ROLES,
    Bound,
    Drill,
    DrillStep,
    DrillVerb,
    EvenSplit,
    Expected,
    FailedRequests,
    Outage,
    ResolvedStep,
    StateOf,
    VipMovesTo,
)
from iamops.model.facts import Severity
from iamops.model.running import LiveVrrp
from iamops.model.state import ClusterState
from iamops.model.text import safe
from iamops.plan import drill as drills
from iamops.plan.action import DrillAction, instance_of
from iamops.plan.known import NotKnown
from iamops.plan.vrrp_timing import Pair, window
from iamops.tui.app.actions import DRILLS, ActionContext
from iamops.tui.drills.run import VERDICTS
from iamops.tui.toolkit.list_screen import ItemList, ListScreen
from iamops.tui.toolkit.painted import ALL, ScreenPart, ViewState
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.screen import ViewSources
from iamops.tui.toolkit.text import (
    EMPTY,
    Line,
    Row,
    TableColumn,
    TextSpan,
    Tone,
    labelled,
    latency,
    table_cells,
    table_headings,
    wrapped,
)

Reports = Sequence[Mapping[str, object]]
"""Documents of earlier runs, oldest first. Somebody may have edited the files they come from."""

BoundText = Callable[[Bound], str]
ENDINGS = {str(verdict): ending for verdict, ending in VERDICTS.items()}
NEVER = ("– never run", Tone.MUTED)


@dataclass(frozen=True, slots=True)
class ListedDrill:
    """A drill, and the reports of its own runs."""

    drill: Drill
    reports: Reports = ()


def _last_ending(listed: ListedDrill) -> TextSpan:
    verdict = str(listed.reports[-1].get("verdict")) if listed.reports else ""
    return TextSpan(*ENDINGS.get(verdict, NEVER))


def _passed(listed: ListedDrill) -> TextSpan:
    verdicts = [report.get("verdict") for report in listed.reports]
    carried_out = sum(verdict in ("pass", "fail", "unknown") for verdict in verdicts)
    return TextSpan(f"{verdicts.count('pass')}/{carried_out}" if carried_out else "", Tone.MUTED)


def _last_run(listed: ListedDrill) -> TextSpan:
    at = safe(str(listed.reports[-1].get("at", ""))) if listed.reports else ""
    return TextSpan(at[:16].replace("T", " "), Tone.MUTED)


COLUMNS: tuple[TableColumn[ListedDrill], ...] = (
    TableColumn("", 17, lambda listed: TextSpan(f" {listed.drill.name}", Tone.TITLE)),
    TableColumn("LAST", 12, _last_ending),
    TableColumn("PASSED", 7, _passed),
    TableColumn("WHEN, UTC", 17, _last_run),
    TableColumn("", 2, lambda listed: TextSpan("▲", Tone.WARN) if listed.drill.disruptive else TextSpan("")),
)


def drill_story(drill: Drill, reports: Reports, state: ClusterState, now: float, width: int) -> tuple[Line, ...]:
    """What it is for, how it went last, and what it does; wrapped. `reports` are its own."""
    lines = wrapped(drill.about or drill.title, Tone.PLAIN, width)
    if drill.disruptive:
        words = "▲ takes a whole machine away: in a lab, or with --allow-disruptive"
        lines += wrapped(words, Tone.WARN, width)
    if reports:
        last = reports[-1]
        lines += wrapped(f"last: {drill_ending_of(last)}: {last.get('sentence')}", Tone.MUTED, width)
    lines.append(EMPTY)
    steps = steps_from_now(drill, state, now)
    for number, move in enumerate(drill.steps):
        if drill.restore and number == len(drill.method):
            lines.append((TextSpan("then put back:", Tone.MUTED),))
        lines += labelled(f"{number + 1:2} ", move_words(move), Tone.MUTED, width, Tone.TITLE)
        bound_text = _with_budgets(state, steps[number]) if steps else _as_written
        for expected in move.expect:
            lines += wrapped(expected_words(expected, bound_text), Tone.MUTED, width, " " * 5)
    return tuple(lines)


def steps_from_now(drill: Drill, state: ClusterState, now: float) -> tuple[ResolvedStep, ...]:
    """Its steps if it began now; none where it is not known who owns the VIP and who would take it."""
    action = DrillAction(drill)
    try:
        return drills.course_of(action, state, drills.DrillPlanner(action, state, now).impact())
    except NotKnown:
        return ()


def _as_written(bound: Bound) -> str:
    return bound.text


def _with_budgets(state: ClusterState, step: ResolvedStep) -> BoundText:
    """Named times with their value by the profile; the dialog before a drill asks the nodes."""
    profile, name = state.profile, instance_of(state.profile, None)
    live = {node.name: LiveVrrp.of_profile(profile.vrrp[name], node) for node in profile.nodes.values()}

    def bound_text(bound: Bound) -> str:
        named = any(term.name is not None for term in bound.terms)
        if not named or not {step.owner, step.standby, step.acted_on} <= live.keys():
            return bound.text
        upper_s = window(bound, Pair(live[step.owner], live[step.standby]), live[step.acted_on]).upper_s
        return f"{bound.text} ({latency(upper_s * 1000)} by the profile)"

    return bound_text


def expected_words(expected: Expected, bound_text: BoundText = _as_written) -> str:
    """What must follow, in words."""
    match expected:
        case VipMovesTo():
            return f"the VIP is on {_who(expected.who)} within {bound_text(expected.within)}"
        case StateOf():
            return f"{_who(expected.who)} is {expected.state} within {bound_text(expected.within)}"
        case Outage():
            return f"a client's longest gap is at most {bound_text(expected.at_most)}"
        case FailedRequests():
            return f"at most {expected.at_most} requests fail" if expected.at_most else "no request fails"
        case EvenSplit():
            return "every backend has the same share"
    return f"the VIP stays for {bound_text(expected.lasting)}"


def move_words(move: DrillStep) -> str:
    """What a step does, in words."""
    match move.verb:
        case DrillVerb.REQUESTS:
            return f"{move.count} requests per domain"
        case DrillVerb.WATCH:
            return "watch"
        case DrillVerb.SWITCHOVER:
            return "switchover to the standby"
    what = f"{move.verb} {move.unit} on" if move.unit else str(move.verb)
    return f"{what} {_who(move.on)}"


def _who(who: str) -> str:
    """A role has an article, a node a name."""
    return "every node" if who == EACH else f"the {who}" if who in ROLES else who


class DrillList(ItemList[ListedDrill]):
    """One line per drill; what the one under the cursor does stands below."""

    PART = ScreenPart.DRILLS
    NAME = "Drills"
    ABOUT = (
        "Each drill breaks something on purpose, measures what clients lost, compares it with what VRRP's theory "
        "allows for the configuration the nodes run with, and puts everything back. D or Enter runs the one under "
        "the cursor, once armed; ▲ takes a whole machine away. Space and b read on below. Your own stand in "
        "~/.config/iamops/drills."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "app.perform('drill')", "Run it", show=False)]
    HEADINGS = table_headings(COLUMNS)

    def key_of(self, listed: ListedDrill) -> str:
        return listed.drill.name

    def filter_words(self, listed: ListedDrill) -> tuple[str, ...]:
        return (listed.drill.name, listed.drill.title)

    def row(self, listed: ListedDrill, width: int) -> Row:
        name, title = listed.drill.name, listed.drill.title
        return Row.single_cell(
            name, (*table_cells(COLUMNS, listed), TextSpan(title)), f"{name}: {title}", width, name
        )


class DrillsScreen(ListScreen):
    """Shows the drills and their reports."""

    NAME = DRILLS
    ABOUT = DrillList.ABOUT

    def __init__(self, view: ViewState, palette: Palette, base: ActionContext) -> None:
        self._drills = DrillList("list")
        # Why there are no drills, or not all of them.
        self._problem = ""
        self._story_of: tuple[str, str] | None = None
        super().__init__(view, palette, base, self._drills)

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        """Reads files and the ledger in a thread: a slow disk must not hold up the keyboard."""
        drills, problem = await sources.learn_drills()
        reports: Reports = ()
        try:
            reports = await asyncio.to_thread(lambda: sources.operator.drills.reports())
        except OSError as error:
            text = f"the ledger cannot be read: {error.filename}: {error.strerror}"
            self.toast(text, Severity.WARNING)
        listed = tuple(
            ListedDrill(drill, tuple(report for report in reports if report.get("drill") == drill.name))
            for drill in drills
        )

        def show() -> None:
            self._problem = problem
            self._drills.show_items(listed)

        return show

    def story(self, width: int) -> tuple[Line, ...]:
        listed, view = self._drills.chosen, self.view_state
        problem = wrapped(f"✗ {self._problem}", Tone.DOWN, width) if self._problem else []
        if listed is not None:
            return (*problem, *drill_story(listed.drill, listed.reports, view.state, view.now, width))
        words = "nothing matches the filter" if view.filter_text else "no drills"
        return tuple(problem) or ((TextSpan(words, Tone.MUTED),),)

    def paint(self, view: ViewState, parts: frozenset[ScreenPart] = ALL) -> None:
        """The story names times that depend on who owns the VIP: with another owner it is written anew."""
        super().paint(view, parts)
        listed = self._drills.chosen
        steps = steps_from_now(listed.drill, view.state, view.now) if listed else ()
        story_of = (listed.drill.name if listed else "", steps[0].owner if steps else "")
        if story_of != self._story_of:
            self._story_of = story_of
            self.show_story()
