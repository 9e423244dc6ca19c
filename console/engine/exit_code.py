"""A run as an exit code: a shell and the console tell a script the same. Pure."""

from __future__ import annotations

from console.engine.report import Outcome, RunReport
from console.judge.denial import refusal_code
from console.model.exit_code import ExitCode


def exit_code(report: RunReport) -> ExitCode:
    """What a script is told. 130 promises that everything is as it was before."""
    if report.interrupted and report.taken_back:
        return ExitCode.INTERRUPTED
    match report.outcome:
        case Outcome.SUCCEEDED:
            return ExitCode.OK
        case Outcome.FAILED:
            return ExitCode.NOT_SO
        case Outcome.REFUSED:
            return refusal_code(report.denials)
    return ExitCode.UNKNOWN
