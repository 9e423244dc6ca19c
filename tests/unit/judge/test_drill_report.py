"""A drill's report as JSON, JUnit and Markdown, and many of them as a history."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from junitparser import Error, Failure, JUnitXml

from iamops.cli.drill.run import result_lines
from iamops.cli.drill.show import history_lines
from iamops.judge.drill.report import DrillVerdict, FailureKind, TimelineEntry, drill_runs, trends
from iamops.judge.drill.report import Failure as DrillFailure
from iamops.plan.denial import Denial
from iamops.report.drill import drill_document, drill_history_document, junit, markdown
from iamops.report.run import exit_code
from tests.unit.judge.drill_samples import gap, keepalived_stop, refused, report

HOSTILE = "\x1b[31m]]> | `rm` <b>\x00\ud800 [bold]"


def slow():
    return report(keepalived_stop(gaps=(gap(0.125, 1.25),)))


def hostile():
    failure = DrillFailure(FailureKind.STEP, HOSTILE, HOSTILE)
    entry = TimelineEntry(1.0, HOSTILE, "kernel", HOSTILE)
    return report(
        verdict=DrillVerdict.FAIL, failures=(failure,), timeline=(entry,), sentence=HOSTILE, notes=(HOSTILE,)
    )


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (report(), 0),
        (slow(), 1),
        (refused(), 3),
        (replace(refused(), denials=(Denial("node-unreachable", "gone"),)), 4),
        (report(verdict=DrillVerdict.UNKNOWN), 5),
        (report(verdict=DrillVerdict.FAIL, interrupted=True, restored_by="console"), 130),
        (report(verdict=DrillVerdict.FAIL, interrupted=True, restored_by="nobody"), 1),
        (report(verdict=DrillVerdict.FAIL, interrupted=True, restored_by="dead-man"), 1),
        (report(interrupted=True), 0),
    ],
)
def test_each_verdict_has_its_exit_code(made, code):
    assert exit_code(made) == code


def test_the_document_goes_through_json_and_holds_what_others_rely_on():
    document = json.loads(json.dumps(drill_document(report(), 0)))
    assert document["schema"] == "iamops.drill/1"
    assert (document["verdict"], document["exit_code"], document["at"]) == ("pass", 0, "2026-11-23T14:00:15.125Z")
    assert document["budgets"][0] == {
        "step": "stop keepalived on iam-a",
        "what": "VIP on iam-b",
        "rule": "vrrp.skew",
        "measured_ms": 830.0,
        "budget_ms": [804.7, 804.7],
        "allowance_ms": 250.0,
        "slack_ms": 224.7,
        "path": "farewell",
        "holds": True,
    }
    assert document["client"]["split"]["dark_ms"] == 810.0
    assert document["nodes"]["iam-b"]["keepalived"] is None


def test_a_standard_parser_reads_the_junit_file():
    passed = JUnitXml.fromstring(junit(report()).encode())
    assert (passed.tests, passed.failures, passed.errors) == (10, 0, 0)
    failed = JUnitXml.fromstring(junit(slow()).encode())
    kinds = {r.type for suite in failed for case in suite for r in case.result if isinstance(r, Failure)}
    assert kinds == {"over-budget"}
    stopped = JUnitXml.fromstring(junit(refused()).encode())
    errors = [r.type for suite in stopped for case in suite for r in case.result if isinstance(r, Error)]
    assert errors == ["standby-fault"]


def test_hostile_text_breaks_no_format():
    text = junit(hostile())
    assert JUnitXml.fromstring(text.encode("utf-8", "surrogatepass")).failures == 1
    assert "\x1b" not in text
    table = markdown(hostile())
    assert "\x1b" not in table
    assert "<b>" not in table
    rows = [line for line in table.splitlines() if line.startswith("| step |") and "rm" in line]
    assert rows
    assert all(row.replace("\\|", "").count("|") == 3 for row in rows)
    assert not any("\x1b" in line for line in result_lines(hostile()))


def test_markdown_says_the_verdict_first_and_has_every_section():
    text = markdown(report())
    assert text.startswith("# ✅ PASSED: drill keepalived-stop on lab\n")
    for section in ("Budgets", "What a client saw", "Invariants", "Steps", "Timeline", "Nodes"):
        assert f"## {section}" in text
    assert "## Failures" in markdown(slow())


def test_a_person_reads_the_verdict_the_budgets_and_who_restored():
    lines = result_lines(replace(slow(), restored_by="dead-man"))
    assert lines[0].startswith("failed: drill keepalived-stop")
    assert any(line.startswith("  OVER") and "1250 ms" in line for line in lines)
    assert "  restored by: dead-man" in lines


def records(*outages_ms: float):
    for number, outage_ms in enumerate(outages_ms):
        made = report(keepalived_stop(gaps=(gap(0.125, outage_ms / 1000),)), run=f"r{number}")
        client = replace(made.client, longest_ms=outage_ms)
        yield {"kind": "drill", "drill_report": drill_document(replace(made, client=client), 0)}


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
