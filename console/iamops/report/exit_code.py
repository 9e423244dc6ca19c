"""Runs, drills and refusals as exit codes: a shell and the console tell a script the same. Pure.

What a command looks at has its exit code beside its document: `status`, `balance`, `traffic`, `triage`.
"""

from __future__ import annotations

from collections.abc import Iterable

from iamops.judge.drill.report import DrillReport, DrillVerdict
from iamops.judge.run import Outcome, RunReport
from iamops.model.exit_code import ExitCode
from iamops.plan.denial import Denial


def exit_code(report: RunReport | DrillReport) -> ExitCode:
    """0 is only ever a success or a pass. 130 promises that everything is as it was before."""
    result: Outcome | DrillVerdict | None
    if isinstance(report, RunReport):
        put_back, result = report.interrupted and report.taken_back, report.outcome
    else:
        put_back, result = report.put_back, report.verdict
    if put_back:
        return ExitCode.INTERRUPTED
    match result:
        case Outcome.SUCCEEDED | DrillVerdict.PASS:
            return ExitCode.OK
        case Outcome.FAILED | DrillVerdict.FAIL:
            return ExitCode.CHECK_FAILED
        case Outcome.REFUSED | DrillVerdict.REFUSED:
            return refusal_code(report.denials)
    return ExitCode.UNKNOWN


def refusal_code(denials: Iterable[Denial]) -> ExitCode:
    unreachable = any(denial.code == "node-unreachable" for denial in denials)
    return ExitCode.UNREACHABLE if unreachable else ExitCode.REFUSED
