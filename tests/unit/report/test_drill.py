"""A drill's report as JSON, JUnit and Markdown, with odd and hostile parts too."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from junitparser import Error, Failure, JUnitXml

from iamops.cli.drill.run import result_lines
from iamops.judge.drill.report import DrillVerdict, FailureKind, Invariant, NodeFacts, TimelineEntry
from iamops.judge.drill.report import Failure as DrillFailure
from iamops.plan.denial import Denial
from iamops.report.drill import drill_document, junit, markdown
from tests.support.drill_samples import gap, keepalived_stop, refused, report


def test_markdown_with_a_lone_surrogate_can_be_written_to_a_file():
    assert markdown(report(sentence="half a \ud83d character")).encode("utf-8")


@pytest.mark.parametrize("harmful", ["\x1b", "\x9b", "\u202e", "\x00"])
def test_no_control_or_bidirectional_character_gets_into_a_ticket(harmful: str):
    assert harmful not in markdown(report(notes=(f"a{harmful}b",)))


def test_a_broken_invariant_is_said_in_a_word_and_not_in_escaped_marks():
    broken = report(invariants=(Invariant("never two owners", False, "both for 3 s"),))
    assert "| NO | never two owners | both for 3 s |" in markdown(broken)


def test_a_clock_of_unknown_uncertainty_is_not_none_ms():
    made = report(nodes=(NodeFacts("iam-a", "2.2.7", "1.22.1", 1.0, None),))
    assert "+1.0 ± ? ms" in markdown(made)


def test_a_pipeline_reads_every_reason_for_a_refusal():
    both = (Denial("locked", "bob holds iam-a"), Denial("unsteady", "nginx is dead"))
    text = junit(replace(refused(), denials=both))
    assert "bob holds iam-a" in text
    assert "nginx is dead" in text


def test_a_step_that_comes_twice_is_two_cases_because_gitlab_reads_the_first_of_a_name_only():
    made = report()
    twice = replace(made, steps=(made.steps[0], replace(made.steps[0], stage="failed")))
    names = [(case.classname, case.name) for suite in JUnitXml.fromstring(junit(twice).encode()) for case in suite]
    assert len(names) == len(set(names))
    assert sum(name.startswith("stop keepalived on iam-a (do)") for _, name in names) == 2


HOSTILE = "\x1b[31m]]> | `rm` <b>\x00\ud800 [bold]"


def slow():
    return report(keepalived_stop(gaps=(gap(0.125, 1.25),)))


def hostile():
    failure = DrillFailure(FailureKind.STEP, HOSTILE, HOSTILE)
    entry = TimelineEntry(1.0, HOSTILE, "kernel", HOSTILE)
    return report(
        verdict=DrillVerdict.FAIL, failures=(failure,), timeline=(entry,), sentence=HOSTILE, notes=(HOSTILE,)
    )


def test_the_document_goes_through_json_and_holds_what_others_rely_on():
    document = json.loads(json.dumps(drill_document(report())))
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
