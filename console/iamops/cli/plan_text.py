"""A plan as lines of plain text, its progress, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from iamops.judge.run import Outcome, Phase, RunReport, Stage
from iamops.model.outage import GapReport
from iamops.plan.denial import Denial
from iamops.plan.steps import Plan, Step, StepKind, command_line


def plan_lines(plan: Plan) -> list[str]:
    """The whole plan: prediction, notes, every command with what must be observed after it."""
    lines = [f"plan: {plan.action.sentence}", f"  {plan.prediction}"]
    lines += [f"  forecast: {plan.forecast.sentence}"] if plan.forecast else []
    lines += [f"  note: {note}" for note in plan.notes]
    lines += [f"  first: {sentence}" for sentence in plan.first]
    for number, step in enumerate(plan.steps, start=1):
        lines += _step_lines(number, step)
    lines += [f"  in the end: {sentence}" for sentence in plan.ending]
    return lines


def _step_lines(number: int, step: Step) -> Iterator[str]:
    given = f" <<< {step.given.strip()}" if step.stdin else ""
    yield f"  {number:2} {step.title}"
    if step.argv:
        yield f"       {step.node}$ {command_line(step.argv)}{given}"
    for expected in step.expect:
        when = f"all the time, for {step.lasts_s:.1f} s" if step.lasts_s else f"within {step.within_s:.0f} s"
        yield f"       then: {expected.sentence} ({when})"
    if step.kind is StepKind.ARM and step.undo is not None:
        yield f"       undo: {command_line(step.undo.argv)}"


def overridden_lines(away: Iterable[Denial]) -> list[str]:
    """The reasons that were overridden: these, and none that come later."""
    return [f"  overridden: {denial.code}: {denial.reason}" for denial in away]


def dry_lines(plan: Plan, denied: tuple[Denial, ...], away: tuple[Denial, ...] = ()) -> list[str]:
    refused = [f"would be refused: {denial.sentence}" for denial in denied]
    return [*plan_lines(plan), *overridden_lines(away), *(refused or ["nothing was changed"])]


def progress_lines(before: RunReport | None, now: RunReport) -> Iterator[str]:
    if now.phase is not (before.phase if before else None) and now.phase not in (Phase.PLANNING, Phase.OVER):
        yield f"{now.phase}"
    old = before.steps if before else ()
    for number, step in enumerate(now.steps, start=1):
        was = old[number - 1].stage if len(old) >= number else Stage.WAITING
        if step.stage is was or not (step.over or step.stage is Stage.RUNNING):
            continue
        if not step.over:
            yield f"[{number}/{len(now.steps)}] {step.step.title}"
            continue
        took = "" if step.began is None or step.ended is None else f" ({step.ended - step.began:.1f} s)"
        yield f"      {step.stage}{took}{f': {step.text}' if step.text else ''}"
    stages = {undone.undo.name: undone.stage for undone in before.undone} if before else {}
    for undone in now.undone:
        if stages.get(undone.undo.name) is not undone.stage and undone.stage is not Stage.OBSERVING:
            text = f": {undone.text}" if undone.text else ""
            yield f"undo  {undone.undo.title} on {undone.undo.node}: {undone.stage}{text}"


def result_lines(report: RunReport) -> list[str]:
    if report.outcome is Outcome.REFUSED:
        return [f"refused: {denial.sentence}" for denial in report.denials]
    lines = [f"{report.ending}: {report.sentence}"]
    if report.restored_by is not None:
        lines.append(f"restored by: {report.restored_by}")
    lines += [gap_line(report.gap)] if report.gap is not None else []
    lines += [f"note: {note}" for note in report.notes]
    return lines


def gap_line(gap: GapReport) -> str:
    if not gap.attempts:
        return f"client: {gap.seen}"
    if gap.longest_ms is None:
        return f"client: no request failed ({gap.seen})"
    kinds = ((gap.refused, "refused"), (gap.no_answer, "dark"), (gap.wrong, "wrong answer"))
    what = ", ".join(f"{count} {word}" for count, word in kinds if count)
    return f"client: longest gap {gap.longest_ms:.0f} ms ({what}; {gap.seen})"
