"""The drills view: every drill, how it went, and what the one under the cursor does."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

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
    StateOf,
    VipMovesTo,
)
from iamops.model.facts import Severity
from iamops.model.running import LiveVrrp
from iamops.model.safe_text import safe
from iamops.model.state import ClusterState
from iamops.plan import drill as drills
from iamops.plan.action import DrillAction, instance_of
from iamops.plan.known import NotKnown
from iamops.plan.roles import ResolvedStep
from iamops.plan.vrrp_timing import Pair, window
from iamops.tui.app.actions import DRILLS, ActionContext
from iamops.tui.drills.run import VERDICTS
from iamops.tui.toolkit.frame_state import ALL, ScreenPart, ViewState
from iamops.tui.toolkit.list_screen import ListScreen
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import ViewSources
from iamops.tui.toolkit.text import EMPTY, Line, PaneContent, Row, Rows, TextSpan, Tone, column, latency

# Drills as lines: the list of them all with how they went, and what one of them does in words.

NEVER = ("– never run", Tone.MUTED)
TAKES_AWAY = ("▲ ", Tone.WARN)
NAME, VERDICT, PASSED, WHEN = 16, 12, 7, 17
HEADINGS: tuple[tuple[int, TextSpan], ...] = (
    (NAME + 1, TextSpan("LAST", Tone.MUTED)),
    (NAME + VERDICT + 1, TextSpan("PASSED", Tone.MUTED)),
    (NAME + VERDICT + PASSED + 1, TextSpan("WHEN, UTC", Tone.MUTED)),
)

Told = Callable[[Bound], str]
"""A bound in words."""


def drill_row(drill: Drill, reports: Sequence[Mapping[str, Any]], width: int) -> Row:
    """One line: name, last verdict, how often it passed, when, what it proves."""
    own = [report for report in reports if report.get("drill") == drill.name]
    carried_out = [report for report in own if report.get("verdict") in ("pass", "fail", "unknown")]
    good = sum(report.get("verdict") == "pass" for report in carried_out)
    word, tone = _last(own)
    when = safe(str(own[-1].get("at", "")))[:16].replace("T", " ") if own else ""
    line: Line = (
        TextSpan(" " + column(drill.name, NAME - 1) + " ", Tone.TITLE),
        TextSpan(column(word, VERDICT), tone),
        TextSpan(column(f"{good}/{len(carried_out)}" if carried_out else "", PASSED), Tone.MUTED),
        TextSpan(column(when, WHEN), Tone.MUTED),
        TextSpan(*TAKES_AWAY) if drill.disruptive else TextSpan("  "),
        TextSpan(drill.title),
    )
    return Row.whole(drill.name, line, f"{drill.name}: {drill.title}", width, drill.name)


def drill_story(
    drill: Drill, reports: Sequence[Mapping[str, Any]], state: ClusterState, now: float, width: int
) -> tuple[Line, ...]:
    """What it is for, how it went last, and what it does; wrapped."""
    lines = wrapped(drill.about or drill.title, Tone.PLAIN, width)
    if drill.disruptive:
        words = "▲ takes a whole machine away: in a lab, or with --allow-disruptive"
        lines += wrapped(words, Tone.WARN, width)
    last = next((report for report in reversed(reports) if report.get("drill") == drill.name), None)
    if last is not None:
        lines += wrapped(f"last: {drill_ending_of(last)}: {last.get('sentence')}", Tone.MUTED, width)
    lines.append(EMPTY)
    course = course_of(drill, state, now)
    for number, move in enumerate(drill.moves):
        if drill.restore and number == len(drill.method):
            lines.append((TextSpan("then put back:", Tone.MUTED),))
        lines += _move(move, number, _budgets(state, course[number] if course else None), width)
    return tuple(lines)


def course_of(drill: Drill, state: ClusterState, now: float) -> tuple[ResolvedStep, ...]:
    """Its steps if it began now; nothing where it cannot be told who owns the VIP and who would take it."""
    action = DrillAction(drill)
    try:
        return drills.course_of(action, state, drills.DrillPlanner(action, state, now).impact())
    except NotKnown:
        return ()


def expected_words(expected: Expected, told: Told = lambda bound: bound.text) -> str:
    """What must follow, in words."""
    match expected:
        case VipMovesTo():
            return f"the VIP is on {_who(expected.who)} within {told(expected.within)}"
        case StateOf():
            return f"{_who(expected.who)} is {expected.state} within {told(expected.within)}"
        case Outage():
            return f"a client's longest gap is at most {told(expected.at_most)}"
        case FailedRequests():
            return f"at most {expected.at_most} requests fail" if expected.at_most else "no request fails"
        case EvenSplit():
            return "every backend has the same share"
    return f"the VIP stays for {told(expected.lasting)}"


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


def _budgets(state: ClusterState, leg: ResolvedStep | None) -> Told:
    """Named times with what they come to by the profile; the dialog before a drill asks the nodes."""
    profile, name = state.profile, instance_of(state.profile, None)
    live = {node.name: LiveVrrp.of_profile(profile.vrrp[name], node) for node in profile.nodes.values()}

    def told(bound: Bound) -> str:
        named = any(term.name is not None for term in bound.terms)
        if leg is None or not named or not {leg.owner, leg.standby, leg.acted_on} <= live.keys():
            return bound.text
        upper_s = window(bound, Pair(live[leg.owner], live[leg.standby]), live[leg.acted_on]).upper_s
        return f"{bound.text} ({latency(upper_s * 1000)} by the profile)"

    return told


def _move(move: DrillStep, number: int, told: Told, width: int) -> Iterator[Line]:
    first, *rest = textwrap.wrap(safe(move_words(move)), max(20, width - 3)) or [""]
    yield (TextSpan(f"{number + 1:2} ", Tone.MUTED), TextSpan(first, Tone.TITLE))
    yield from ((TextSpan(f"   {more}", Tone.TITLE),) for more in rest)
    for each in move.expect:
        yield from wrapped(expected_words(each, told), Tone.MUTED, width, " " * 5)


def wrapped(text: str, tone: Tone, width: int, indent: str = "") -> list[Line]:
    """Any text, made harmless, as lines of one tone."""
    room = max(20, width - len(indent))
    return [(TextSpan(indent + line, tone),) for line in textwrap.wrap(safe(text), room)]


def _last(own: Sequence[Mapping[str, Any]]) -> tuple[str, Tone]:
    verdict = own[-1].get("verdict") if own else None
    known = {str(each): told for each, told in VERDICTS.items()}
    return known.get(str(verdict), NEVER)


# The drills there are, with how they went last.


class DrillList(Pane):
    """One line a drill; what the one under the cursor does stands below."""

    PART = ScreenPart.DRILLS
    FILTERED = True
    NAME = "Drills"
    ABOUT = (
        "Each drill breaks something on purpose, measures what clients lost, compares it with what VRRP's theory "
        "allows for the configuration the nodes run with, and puts everything back. D or Enter runs the one under "
        "the cursor, once armed; ▲ takes a whole machine away. Space and b read on below. Your own stand in "
        "~/.config/iamops/drills."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "app.perform('drill')", "Run it", show=False)]

    def __init__(self, ident: str) -> None:
        super().__init__(ident)
        self._drills: tuple[Drill, ...] = ()
        self._reports: Sequence[Mapping[str, Any]] = ()

    def turn_to(self, drills: tuple[Drill, ...], reports: Sequence[Mapping[str, Any]]) -> None:
        """Shows other drills, or the same with newer results."""
        self._drills, self._reports = drills, reports
        self.repaint()

    @property
    def chosen(self) -> Drill | None:
        """The drill under the cursor."""
        row = self._row_under_cursor()
        return next((drill for drill in self._drills if row is not None and drill.name == row.key), None)

    def picture(self, moment: ViewState, width: int, height: int) -> PaneContent:
        drills = [drill for drill in self._drills if moment.keeps((drill.name, drill.title))]
        rows = Rows((drill.name for drill in drills), lambda n: drill_row(drills[n], self._reports, width))
        return PaneContent((TextSpan("DRILLS", Tone.TITLE),), rows=rows, overlays=HEADINGS)


class DrillsScreen(ListScreen):
    """Shows the drills and their reports."""

    NAME = DRILLS
    ABOUT = DrillList.ABOUT

    def __init__(self, moment: ViewState, palette: Palette, base: ActionContext) -> None:
        self._drills = DrillList("list")
        self._reports: Sequence[Mapping[str, Any]] = ()
        self._problem = ""
        self._told_of: object = None
        super().__init__(moment, palette, base, self._drills)

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        """Reads files and the ledger in a thread: a slow disk must not hold up the keyboard."""
        drills, problem = await sources.learn_drills()
        try:
            reports = await asyncio.to_thread(sources.operator.drill_reports)
        except OSError as error:
            text = f"the ledger cannot be read: {error.filename}: {error.strerror}"
            self.toast(text, Severity.WARNING)
            reports = ()
        return lambda: self.turn_to(drills, reports, problem)

    def turn_to(self, drills: tuple[Drill, ...], reports: Sequence[Mapping[str, Any]], problem: str = "") -> None:
        """Shows other drills, or newer results, once the list has its place on the screen.

        `problem`: why there are no drills, or not all of them.
        """
        self._reports, self._problem = reports, problem
        self._drills.turn_to(drills, reports)
        self.call_after_refresh(self.show_story)

    def story(self, width: int) -> tuple[Line, ...]:
        drill, moment = self._drills.chosen, self.moment
        problem = wrapped(f"✗ {self._problem}", Tone.DOWN, width) if self._problem else []
        if drill is not None:
            return (*problem, *drill_story(drill, self._reports, moment.state, moment.now, width))
        words = "nothing matches the filter" if moment.filter_text else "no drills"
        return tuple(problem) or ((TextSpan(words, Tone.MUTED),),)

    def paint(self, moment: ViewState, parts: frozenset[ScreenPart] = ALL) -> None:
        """The story names times that depend on who owns the VIP: it is told anew when that is another."""
        super().paint(moment, parts)
        drill = self._drills.chosen
        course = course_of(drill, moment.state, moment.now) if drill else ()
        told_of = (drill and drill.name, course[0].owner if course else "")
        if told_of != self._told_of:
            self._told_of = told_of
            self.show_story()
