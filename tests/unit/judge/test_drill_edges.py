"""A drill's report when something in it is missing, doubled or hostile."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from junitparser import JUnitXml

from iamops.judge.drill.report import DrillRun, Invariant, NodeFacts, drill_runs
from iamops.plan.denial import Denial
from iamops.report.drill import drill_document, drill_history_document, junit, markdown
from tests.unit.judge.drill_samples import refused, report


def record(**changes: Any) -> dict[str, Any]:
    return {"kind": "drill", "drill_report": drill_document(report(), 0) | changes}


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
