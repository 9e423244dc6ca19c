"""The findings: what is wrong, on what evidence, and the next safe step. The worst stands first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType

from iamops.judge.findings import Finding
from iamops.judge.triage.events import tally
from iamops.model.observed import Freshness
from iamops.tui.app.actions import TRIAGE
from iamops.tui.toolkit.health import SEVERITY_GLYPHS
from iamops.tui.toolkit.painted import ScreenPart, ViewState
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import Location, NavigateTo
from iamops.tui.toolkit.text import (
    Line,
    PaneContent,
    Row,
    Rows,
    TextSpan,
    Tone,
    age,
    align_ends,
    clip,
    text_of,
    width_of,
)

ARROW = " → "


def in_order(findings: tuple[Finding, ...], depth: int = 0) -> Iterator[tuple[Finding, int]]:
    """The tree in the order in which every view shows it; with each finding, how many causes it stands below."""
    for finding in findings:
        yield finding, depth
        yield from in_order(finding.explains, depth + 1)


def finding_rows(view: ViewState) -> int:
    """How many lines the findings take where there is room."""
    return sum(1 if depth else 3 for _, depth in in_order(view.findings))


def key_of(finding: Finding) -> str:
    """What tells a finding from others, from one inspection to the next."""
    return f"{finding.code} {finding.node or '-'}"


def how_old(finding: Finding, view: ViewState) -> str:
    """` (seen 5m ago)` after what only the inspection could tell; nothing after what is so now."""
    if view.inspection is None or finding.key not in view.deep:
        return ""
    return f" (seen {ago(view.now - view.inspection.at)} ago)"


def ago(seconds: float) -> str:
    """`5 m`, as it reads in a sentence."""
    short = age(max(0.0, seconds))
    return f"{short[:-1]} {short[-1]}" if short[-1:].isalpha() else short


def all_clear(view: ViewState) -> Line:
    """What no finding means: good news only about what is seen and what was asked."""
    nodes = view.state.nodes.values()
    unknown, stale = (
        [node.name for node in nodes if node.freshness(view.now) is freshness]
        for freshness in (Freshness.UNKNOWN, Freshness.STALE)
    )
    if len(unknown) == len(nodes):
        return (TextSpan(" ? nothing is known yet", Tone.UNKNOWN),)
    if unknown or stale:
        why, names = ("unknown", unknown) if unknown else ("not heard", stale)
        named = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        return (TextSpan(f" ? no findings, but {why}: {named}", Tone.UNKNOWN),)
    if view.inspection is None:
        return (TextSpan(" ● no live findings", Tone.OK), TextSpan(" · deep look: never", Tone.MUTED))
    diagnosis = view.inspection.diagnosis
    asked, looked = len(set(diagnosis.checked)), f"looked {ago(view.now - view.inspection.at)} ago"
    if not asked:
        return (TextSpan(f" ? no rule could be asked, nothing is known to be well; {looked}", Tone.UNKNOWN),)
    if diagnosis.not_evaluated:
        return (TextSpan(f" ? no findings among {asked} rules, not all could be asked; {looked}", Tone.UNKNOWN),)
    return (TextSpan(f" ● no findings: {asked} rules asked, {looked}", Tone.OK),)


class FindingBar(Pane):
    """One line for each finding; where there is room, a cause has three: title, evidence, next step."""

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

    def content(self, view: ViewState, width: int, height: int) -> PaneContent:
        title = (TextSpan(f"FINDINGS {tally(view.findings)}", Tone.TITLE),)
        findings = tuple(in_order(view.findings))
        if not findings:
            line = all_clear(view)
            return PaneContent(title, rows=Rows.of((Row.single_cell("", line, text_of(line).strip(), width),)))
        rows: list[Row] = []
        for number, (finding, depth) in enumerate(findings):
            place = f" {number + 1}/{len(findings)}" if len(findings) > 1 else ""
            lines = _lines(view, finding, depth, place, width, brief=height < 3)
            evidence = f" · {'; '.join(map(str, finding.evidence))}" if finding.evidence else ""
            detail = f"{finding.severity.upper()} {finding.code}: {finding.title}{evidence} → {finding.next}"
            rows += [Row.single_cell(f"{key_of(finding)} {number}", line, detail, width) for line in lines]
        return PaneContent(title, rows=Rows.of(rows))

    def action_triage(self) -> None:
        row, view = self._row_under_cursor(), self.view_state
        if row is None or view is None or not row.key:
            self.post_message(NavigateTo(TRIAGE, Location()))
            return
        finding, _ = tuple(in_order(view.findings))[int(row.key.rpartition(" ")[2])]
        self.post_message(NavigateTo(TRIAGE, Location(key_of(finding), finding.node)))


def _lines(
    view: ViewState, finding: Finding, depth: int, place: str, width: int, *, brief: bool
) -> tuple[Line, ...]:
    glyph, tone = SEVERITY_GLYPHS[finding.severity]
    mark = TextSpan(f" {'└ ' if depth else ''}{glyph} {finding.severity.upper()}{place} ", tone)
    title, old = TextSpan(finding.title), how_old(finding, view)
    if brief:
        head: Line = (mark, title)
        if old and view.inspection is not None:  # the title will be cut: what is behind it would not be seen
            head = (mark, TextSpan(f"◌ {age(view.now - view.inspection.at)} ", Tone.STALE), title)
        # The title gives way first: the step must be readable.
        room = max(width // 2, width - width_of(head) - len(ARROW) - 2)
        step: Line = (TextSpan(ARROW, Tone.MUTED), TextSpan(f"{clip(finding.next, room)} ", Tone.ACCENT))
        return (align_ends(head, step, width),)
    head = (mark, title, TextSpan(old, Tone.MUTED))
    if depth:  # the step of its cause is the one to take
        return (head,)
    evidence = " · ".join(map(str, finding.evidence)) or "no evidence given"
    because = (TextSpan("   because  ", Tone.MUTED), TextSpan(evidence))
    step = (TextSpan("   next     ", Tone.MUTED), TextSpan(finding.next, Tone.ACCENT))
    return (head, because, step)
