"""Plans (`iamops.plan/1`), runs (`iamops.run/1`) and what the ledger says of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from iamops.judge.run import RunReport, StepReport, UndoReport
from iamops.model.outage import GapReport
from iamops.plan.denial import Denial
from iamops.plan.steps import Forecast, Plan, Step, Undo
from iamops.redact.clean import clean_document
from iamops.report.text import Json


def plan_document(plan: Plan) -> Json:
    """What `--dry-run --json` prints and the audit keeps."""
    return clean_document(
        {
            "schema": "iamops.plan/1",
            "action": plan.action.sentence,
            "prediction": plan.prediction,
            "notes": list(plan.notes),
            "nodes": list(plan.nodes),
            "fingerprint": plan.fingerprint,
            "before": [condition.sentence for condition in plan.before],
            "steps": [_planned_step(step) for step in plan.steps],
            "steady": [condition.sentence for condition in plan.steady_state],
            "watched": [condition.sentence for condition in plan.watched],
            "forecast": _forecast(plan.forecast) if plan.forecast else None,
        }
    )


def _forecast(forecast: Forecast) -> Json:
    gap_ms = None if forecast.gap_s is None else round(forecast.gap_s * 1000)
    return {"gap_ms": gap_ms, "watched_s": round(forecast.lasts_s, 3)}


def _planned_step(step: Step) -> Json:
    return {
        "kind": step.kind,
        "title": step.title,
        "node": step.node,
        "argv": list(step.argv),
        "stdin": step.given,
        "timeout_s": step.timeout_s,
        "expect": [expected.sentence for expected in step.expect],
        "within_s": round(step.within_s, 3),
        "lasts_s": round(step.lasts_s, 3),
        "undo": _planned_undo(step.undo) if step.undo else None,
        **({"together": [_planned_step(other) for other in step.together]} if step.together else {}),
    }


def _planned_undo(undo: Undo) -> Json:
    return {
        "title": undo.title,
        "node": undo.node,
        "argv": list(undo.argv),
        "expect": [expected.sentence for expected in undo.expect],
        "dead_man": undo.dead_man,
    }


def run_document(report: RunReport, profile: str) -> Json:
    return {
        "schema": "iamops.run/1",
        "run": report.run,
        "profile": profile,
        "action": report.action.sentence,
        "outcome": report.outcome,
        "sentence": report.sentence,
        "exit_code": report.exit_code,
        "duration_s": None if report.ended is None else round(report.ended - report.began, 3),
        "denials": [denial_document(denial) for denial in report.denials],
        "plan": plan_document(report.plan) if report.plan else None,
        "steps": [step_document(step, report.began) for step in report.steps],
        "undone": [undone_document(undone) for undone in report.undone],
        "restored_by": report.restored_by,
        "interrupted": report.interrupted,
        "client": gap_document(report.gap),
        "notes": list(report.notes),
        "files": dict(report.files),
        "not_undone": list(report.not_undone),
    }


def denial_document(denial: Denial) -> Json:
    return {
        "code": denial.code,
        "reason": denial.reason,
        "overridable": denial.overridable,
        "node": denial.node,
        "subjects": list(denial.subjects),
    }


def step_document(report: StepReport, began: float) -> Json:
    """`began_s` and `took_s` in seconds of the run, which began at `began`."""
    took = None if report.began is None or report.ended is None else round(report.ended - report.began, 3)
    return {
        "kind": report.step.kind,
        "title": report.step.title,
        "node": report.step.node,
        "stage": report.stage,
        "began_s": None if report.began is None else round(report.began - began, 3),
        "took_s": took,
        "observed": report.text,
    }


def undone_document(report: UndoReport) -> Json:
    return {
        "title": report.undo.title,
        "node": report.undo.node,
        "stage": report.stage,
        "observed": report.text,
    }


def gap_document(gap: GapReport | None) -> Json | None:
    """What a client lost; times in milliseconds."""
    if gap is None:
        return None
    return {
        "attempts": gap.attempts,
        "refused": gap.refused,
        "dark": gap.no_answer,
        "wrong": gap.wrong,
        "longest_gap_ms": gap.longest_ms,
        "total_gap_ms": gap.total_ms,
        "resolution_ms": gap.resolution_ms,
        "services_resolution_ms": gap.services_resolution_ms,
        "own_errors": gap.own_errors,
        "not_measured_ms": gap.not_measured_ms,
        "answered_by": gap.last_node,
    }


def audit_verify_document(records: int, notes: Iterable[str], broken: tuple[int, int, str] | None) -> Json:
    """The intact `records` of a chain, and where it breaks: the record's number, its line, why."""
    return {
        "schema": "iamops.audit-verify/1",
        "records": records,
        "broken": None if broken is None else dict(zip(("record", "line", "reason"), broken, strict=True)),
        "notes": list(notes),
    }
