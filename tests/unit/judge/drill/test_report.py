"""The exit code of each verdict; the history of drills: median, worst, trend, and nothing that can stop it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from iamops.cli.drill.show import history_lines
from iamops.judge.drill.report import DrillReport, DrillRun, DrillVerdict, drill_runs, trends
from iamops.plan.denial import Denial
from iamops.report.drill import drill_document, drill_history_document
from tests.support.drill_samples import gap, keepalived_stop, refused, report


def record(**changes: Any) -> dict[str, Any]:
    return {"kind": "drill", "drill_report": drill_document(report()) | changes}


@pytest.mark.parametrize(
    "rubbish",
    [
        None,
        "drill",
        [],
        {"kind": "drill", "drill_report": []},
        record(duration_s=10**400),
        record(duration_s=float("nan")),
        record(budgets="abc"),
        record(budgets=[None]),
        record(client="abc"),
        record(client={"longest_gap_ms": float("inf")}),
    ],
)
def test_nothing_in_a_ledger_can_stop_the_history(rubbish: Any):
    runs: tuple[DrillRun, ...] = drill_runs([rubbish, record()])
    assert [run.run for run in runs] == ["4312230f"]
    json.dumps(drill_history_document(runs), allow_nan=False)


def records(*outages_ms: float):
    for number, outage_ms in enumerate(outages_ms):
        made = report(keepalived_stop(gaps=(gap(0.125, outage_ms / 1000),)), run=f"r{number}")
        client = replace(made.client, longest_ms=outage_ms)
        yield {"kind": "drill", "drill_report": drill_document(replace(made, client=client))}


def test_history_tells_median_worst_and_where_it_is_going():
    runs = drill_runs(records(800, 801, 802, 803, 1000, 1010, 1020, 1030))
    found = {trend.measure: trend for trend in trends(runs)}
    outage = found["longest client gap"]
    assert (outage.runs, outage.median_ms, outage.worst_ms, outage.latest_ms) == (8, 901.5, 1030.0, 1030.0)
    assert outage.trend == "worse"
    assert found["iam-a BACKUP after start keepalived on iam-a"].trend == "steady"
    assert drill_history_document(runs)["drills"]["keepalived-stop"] == {"passed": 8, "runs": 8}
    assert history_lines(runs, None)[0].startswith("keepalived-stop: 8 of 8 passed")


def test_few_runs_have_no_trend_and_none_have_no_history():
    assert {trend.trend for trend in trends(drill_runs(records(800, 801)))} == {"too few"}
    assert history_lines((), "seed") == ["no runs of seed yet"]


def test_what_is_no_report_is_passed_over():
    rubbish = [{"kind": "drill"}, {"kind": "drill", "drill_report": {"run": 1}}, {"kind": "outcome"}]
    assert drill_runs(rubbish) == ()


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (report(), 0),
        (report(keepalived_stop(gaps=(gap(0.125, 1.25),))), 1),
        (refused(), 3),
        (replace(refused(), denials=(Denial("node-unreachable", "gone"),)), 4),
        (report(verdict=DrillVerdict.UNKNOWN), 5),
        (report(verdict=DrillVerdict.FAIL, interrupted=True, restored_by="console"), 130),
        (report(verdict=DrillVerdict.FAIL, interrupted=True, restored_by="nobody"), 1),
        (report(verdict=DrillVerdict.FAIL, interrupted=True, restored_by="dead-man"), 1),
        (report(interrupted=True), 0),
    ],
)
def test_each_verdict_has_its_exit_code(made: DrillReport, code: int):
    assert made.exit_code == code
