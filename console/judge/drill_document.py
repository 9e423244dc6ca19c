"""A drill's report as JSON (`iamops.drill/1`) and as an exit code. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from console.judge.denial import refusal_code
from console.judge.drill_report import ClientView, DrillReport, Measure, NodeFacts, StepLine, Verdict
from console.model.exit_code import ExitCode
from console.model.timestamps import rfc3339


def exit_code(report: DrillReport) -> ExitCode:
    """What a script is told. Never 0 on anything but a pass."""
    if report.put_back:
        return ExitCode.INTERRUPTED
    match report.verdict:
        case Verdict.PASS:
            return ExitCode.OK
        case Verdict.FAIL:
            return ExitCode.NOT_SO
        case Verdict.REFUSED:
            return refusal_code(report.denials)
    return ExitCode.UNKNOWN


def drill_document(report: DrillReport, code: int) -> dict[str, Any]:
    """The whole report; what is not known is null."""
    return {
        "schema": "iamops.drill/1",
        "drill": report.drill,
        "title": report.title,
        "profile": report.profile,
        "environment": report.environment,
        "run": report.run,
        "who": report.who,
        "at": rfc3339(report.began_at),
        "duration_s": report.duration_s,
        "verdict": str(report.verdict),
        "sentence": report.sentence,
        "exit_code": code,
        "failures": [{"kind": str(f.kind), "text": f.text, "step": f.step} for f in report.failures],
        "denials": [
            {
                "code": d.code,
                "reason": d.reason,
                "overridable": d.overridable,
                "node": d.node,
                "subjects": list(d.subjects),
            }
            for d in report.denials
        ],
        "restored_by": None if report.restored_by is None else str(report.restored_by),
        "interrupted": report.interrupted,
        "steady": [asdict(each) for each in report.steady],
        "budgets": [_budget(each) for each in report.measures],
        "invariants": [asdict(each) for each in report.invariants],
        "client": None if report.client is None else _client(report.client),
        "splits": {domain: dict(counts) for domain, counts in report.splits.items()},
        "nodes": {node.name: _node(node) for node in report.nodes},
        "steps": [_step(each) for each in report.steps],
        "timeline": [asdict(each) for each in report.timeline],
        "notes": list(report.notes),
        "plan": None if report.plan is None else dict(report.plan),
    }


def _budget(measure: Measure) -> dict[str, Any]:
    return {
        "step": measure.step,
        "what": measure.what,
        "rule": measure.rule,
        "measured_ms": measure.measured_ms,
        "budget_ms": [measure.lower_ms, measure.upper_ms],
        "allowance_ms": measure.allowance_ms,
        "slack_ms": measure.slack_ms,
        "path": measure.path or None,
        "holds": measure.holds,
    }


def _client(client: ClientView) -> dict[str, Any]:
    return {
        "attempts": client.attempts,
        "failed": client.failed,
        "longest_gap_ms": client.longest_ms,
        "total_gap_ms": client.total_ms,
        "split": {
            "refused_ms": client.refused_ms,
            "dark_ms": client.dark_ms,
            "wrong_ms": client.wrong_ms,
            "stale_ms": client.stale_ms,
        },
        "resolution_ms": client.resolution_ms,
        "not_measured_ms": client.not_measured_ms,
        "gaps": [
            {"began_s": began_s, "duration_ms": duration_ms, "refused": refused, "dark": dark, "wrong": wrong}
            for began_s, duration_ms, refused, dark, wrong in client.gaps
        ],
    }


def _node(node: NodeFacts) -> dict[str, Any]:
    return {
        "keepalived": node.keepalived,
        "nginx": node.nginx,
        "clock_offset_ms": node.clock_offset_ms,
        "clock_uncertainty_ms": node.clock_uncertainty_ms,
        "live": dict(node.live),
    }


def _step(step: StepLine) -> dict[str, Any]:
    return {
        "title": step.title,
        "node": step.node,
        "kind": step.kind,
        "stage": step.stage,
        "began_s": step.began_s,
        "took_s": step.took_s,
        "observed": step.text,
    }
