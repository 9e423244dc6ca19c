"""The findings: what is wrong, on what evidence, and the next safe step. The worst stands first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType

from iamops.judge.findings import Finding
from iamops.judge.triage.events import EarlierInspection, tally
from iamops.model.observed import Freshness
from iamops.tui.app.actions import TRIAGE
from iamops.tui.toolkit.frame_state import ScreenPart, ViewState
from iamops.tui.toolkit.health import SEVERITY_GLYPHS
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import Location, NavigateTo
from iamops.tui.toolkit.text import Line, PaneContent, Row, Rows, TextSpan, Tone, age, align_ends, clip, width_of

ARROW = " → "
Placed = tuple[Finding, int]
"""A finding and how many causes it stands below."""


def placed(findings: tuple[Finding, ...], depth: int = 0) -> Iterator[Placed]:
    """The tree in the order in which every view tells it."""
    for finding in findings:
        yield finding, depth
        yield from placed(finding.explains, depth + 1)


def findings(moment: ViewState, width: int, lines: int) -> PaneContent:
    """One line each; where there is room, a cause has three (title, evidence, next step)."""
    title = (TextSpan(f"FINDINGS {tally(moment.findings)}", Tone.TITLE),)
    every = tuple(placed(moment.findings))
    if not every:
        line = all_clear(moment)
        row = Row.whole("", line, "".join(span.text for span in line).strip(), width)
        return PaneContent(title, rows=Rows.of((row,)))
    rows = (row for n in range(len(every)) for row in _rows(moment, every, n, width, lines))
    return PaneContent(title, rows=Rows.of(rows))


def finding_rows(moment: ViewState) -> int:
    """How many lines they are where there is room."""
    return sum(1 if depth else 3 for _, depth in placed(moment.findings))


def _rows(moment: ViewState, every: tuple[Placed, ...], number: int, width: int, lines: int) -> list[Row]:
    finding, depth = every[number]
    head = _head(moment, every, number, brief=lines < 3)
    key, said = f"{key_of(finding)} {number}", spoken_finding(finding)
    if lines < 3:
        # The title gives way first: the step must be readable.
        room = max(width // 2, width - width_of(head) - len(ARROW) - 2)
        step: Line = (TextSpan(ARROW, Tone.MUTED), TextSpan(f"{clip(finding.next, room)} ", Tone.ACCENT))
        return [Row.whole(key, align_ends(head, step, width), said, width)]
    if depth:  # the step of its cause is the one to take
        return [Row.whole(key, head, said, width)]
    evidence = " · ".join(map(str, finding.evidence)) or "no evidence given"
    because = (TextSpan("   because  ", Tone.MUTED), TextSpan(evidence))
    step = (TextSpan("   next     ", Tone.MUTED), TextSpan(finding.next, Tone.ACCENT))
    return [Row.whole(key, line, said, width) for line in (head, because, step)]


def key_of(finding: Finding) -> str:
    """What tells a finding from others, from one look to the next."""
    return f"{finding.code} {finding.node or '-'}"


def spoken_finding(finding: Finding) -> str:
    """The whole finding in words."""
    evidence = f" · {'; '.join(map(str, finding.evidence))}" if finding.evidence else ""
    return f"{finding.severity.upper()} {finding.code}: {finding.title}{evidence} → {finding.next}"


def how_old(finding: Finding, moment: ViewState) -> str:
    """` (seen 5m ago)` after what only the deep look could tell; nothing after what is so now."""
    if moment.inspection is None or finding.key not in moment.deep:
        return ""
    return f" (seen {ago(moment.now - moment.inspection.at)} ago)"


def ago(seconds: float) -> str:
    told = age(max(0.0, seconds))
    return f"{told[:-1]} {told[-1]}" if told[-1:].isalpha() else told


def all_clear(moment: ViewState) -> Line:
    """What no finding means: good news only about what is seen and what was asked."""
    nodes = moment.state.nodes.values()
    dark, quiet = (
        [node.name for node in nodes if node.freshness(moment.now) is each]
        for each in (Freshness.UNKNOWN, Freshness.STALE)
    )
    if len(dark) == len(nodes):
        return (TextSpan(" ? nothing is known yet", Tone.UNKNOWN),)
    if dark or quiet:
        why, who = ("unknown", dark) if dark else ("not heard", quiet)
        named = ", ".join(who[:3]) + (f" and {len(who) - 3} more" if len(who) > 3 else "")
        return (TextSpan(f" ? no findings, but {why}: {named}", Tone.UNKNOWN),)
    if moment.inspection is None:
        return (TextSpan(" ● no live findings", Tone.OK), TextSpan(" · deep look: never", Tone.MUTED))
    return _looked_clear(moment.inspection, moment.now)


def _looked_clear(look: EarlierInspection, now: float) -> Line:
    asked, looked = len(set(look.diagnosis.checked)), f"looked {ago(now - look.at)} ago"
    if not asked:
        return (TextSpan(f" ? no rule could be asked, nothing is known to be well; {looked}", Tone.UNKNOWN),)
    if look.diagnosis.blind:
        return (TextSpan(f" ? no findings among {asked} rules, not all could be asked; {looked}", Tone.UNKNOWN),)
    return (TextSpan(f" ● no findings: {asked} rules asked, {looked}", Tone.OK),)


def _head(moment: ViewState, every: tuple[Placed, ...], number: int, *, brief: bool) -> Line:
    """Where the title will be cut, the age of an earlier look stands before it."""
    finding, depth = every[number]
    glyph, tone = SEVERITY_GLYPHS[finding.severity]
    place = f" {number + 1}/{len(every)}" if len(every) > 1 else ""
    below = "└ " if depth else ""
    old = how_old(finding, moment)
    head = TextSpan(f" {below}{glyph} {finding.severity.upper()}{place} ", tone)
    if brief and old and moment.inspection is not None:
        return (
            head,
            TextSpan(f"◌ {age(moment.now - moment.inspection.at)} ", Tone.STALE),
            TextSpan(finding.title),
        )
    return (head, TextSpan(finding.title), TextSpan(old, Tone.MUTED))


# The top finding and its next step.


class FindingBar(Pane):
    """One finding at a time; j and k go through the others."""

    PART = ScreenPart.FINDING
    NAME = "Findings"
    ABOUT = (
        "What the rules say is wrong, the worst first, what follows from it below it (└), with its evidence and "
        "the next safe step. What only a deep look could tell carries its age; ^R looks again. "
        "j and k go through the others; c copies the finding with its evidence and step; Enter opens it in Triage."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "triage", "Open it in Triage", show=False)]

    @property
    def titled(self) -> bool:
        return self.size.height > 1

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        return findings(moment, width, height)

    def action_triage(self) -> None:
        row, moment = self._row_under_cursor(), self.moment
        if row is None or moment is None or not row.key:
            self.post_message(NavigateTo(TRIAGE, Location()))
            return
        found, _ = tuple(placed(moment.findings))[int(row.key.rpartition(" ")[2])]
        self.post_message(NavigateTo(TRIAGE, Location(key_of(found), found.node)))
