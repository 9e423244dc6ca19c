"""Plans, progress and results as lines of plain text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.engine.report import Outcome, Phase, RunReport, Stage, StepReport
from console.judge.denial import Denial
from console.model.gap import GapReport
from console.plan.steps import Kind, Plan, Step, command_line


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


def overridden_lines(away: Iterable[Denial]) -> list[str]:
    """The reasons that were overridden: these, and none that come later."""
    return [f"  overridden: {each.code}: {each.reason}" for each in away]


def _step_lines(number: int, step: Step) -> Iterator[str]:
    given = f" <<< {step.given.strip()}" if step.stdin else ""
    yield f"  {number:2} {step.title}"
    if step.argv:
        yield f"       {step.node}$ {command_line(step.argv)}{given}"
    for each in step.expect:
        when = f"all the time, for {step.lasts_s:.1f} s" if step.lasts_s else f"within {step.within_s:.0f} s"
        yield f"       then: {each.sentence} ({when})"
    if step.kind is Kind.ARM and step.undo is not None:
        yield f"       undo: {command_line(step.undo.argv)}"


def progress_lines(before: RunReport | None, now: RunReport) -> Iterator[str]:
    """What is new since the report before."""
    old_phase = before.phase if before else None
    if now.phase is not old_phase and now.phase not in (Phase.PLANNING, Phase.OVER):
        yield f"{now.phase}"
    old = before.steps if before else ()
    for number, step in enumerate(now.steps, start=1):
        was = old[number - 1].stage if len(old) >= number else Stage.WAITING
        if step.stage is not was and (step.over or step.stage is Stage.RUNNING):
            yield _step_line(number, len(now.steps), step)
    told = {each.undo.name: each.stage for each in before.undone} if before else {}
    for each in now.undone:
        if told.get(each.undo.name) is not each.stage and each.stage is not Stage.OBSERVING:
            text = f": {each.text}" if each.text else ""
            yield f"undo  {each.undo.title} on {each.undo.node}: {each.stage}{text}"


def _step_line(number: int, count: int, report: StepReport) -> str:
    took = ""
    if report.began is not None and report.ended is not None:
        took = f" ({report.ended - report.began:.1f} s)"
    if not report.over:
        return f"[{number}/{count}] {report.step.title}"
    text = f": {report.text}" if report.text else ""
    return f"      {report.stage}{took}{text}"


def result_lines(report: RunReport) -> list[str]:
    """The result as a person reads it."""
    if report.outcome is Outcome.REFUSED:
        return [f"refused: {denial.sentence}" for denial in report.denials]
    lines = [f"{report.ending}: {report.sentence}"]
    if report.restored_by is not None:
        lines.append(f"restored by: {report.restored_by}")
    lines += [gap_line(report.gap)] if report.gap is not None else []
    lines += [f"note: {note}" for note in report.notes]
    return lines


def gap_line(gap: GapReport) -> str:
    """What a client lost, in one line."""
    if not gap.attempts:
        return f"client: {gap.seen}"
    if gap.longest_ms is None:
        return f"client: no request failed ({gap.seen})"
    kinds = ((gap.refused, "refused"), (gap.dark, "dark"), (gap.wrong, "wrong answer"))
    what = ", ".join(f"{count} {word}" for count, word in kinds if count)
    return f"client: longest gap {gap.longest_ms:.0f} ms ({what}; {gap.seen})"
