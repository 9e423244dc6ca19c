"""The catalogue: a page for every rule, and every step in it a command that exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from iamops.cli.main import parser
from iamops.judge.findings import Finding, flat
from iamops.judge.rules import findings
from iamops.judge.runbook.catalogue import BY_NUMBER, CATALOGUE, ENTRIES, entry_of
from iamops.judge.triage.diagnose import RULES, diagnose
from tests.support import finding_samples as samples
from tests.support.cluster_states import NOW
from tests.support.runbook_page import runbook

ROOT = Path(__file__).parents[4]
RULE_CODES = {code for rule in RULES for code in rule.codes} - {"lint"}
STEPS = [(entry.code, step) for entry in ENTRIES for step in entry.steps]


def parses(command: str) -> bool:
    try:
        parser().parse_args(shlex.split(command)[1:])
    except SystemExit:
        return False
    return True


def test_every_rule_has_a_page_and_every_page_a_rule():
    assert set(CATALOGUE) == RULE_CODES


def test_numbers_are_unique_and_sorted_by_their_group():
    numbers = [entry.number for entry in ENTRIES]
    assert numbers == sorted(set(numbers))
    assert all(re.fullmatch(r"T[1-7]\d\d", number) for number in numbers)
    assert len(BY_NUMBER) == len(ENTRIES)


def test_a_page_is_found_by_word_and_number_in_any_case():
    assert entry_of("Split-Brain") is entry_of("t101") is CATALOGUE["split-brain"]
    assert entry_of("T999") is None


def test_the_runbook_in_the_docs_is_what_the_code_says():
    assert (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8") == runbook()


@pytest.mark.parametrize(("code", "step"), STEPS)
def test_a_step_is_a_command_that_exists_or_a_look(code, step):
    if step.startswith("iamops "):
        assert parses(step), f"{code}: {step}"
    else:
        assert step.startswith("look: "), f"{code}: {step}"


def test_the_check_itself_refuses_what_does_not_exist():
    assert not parses("iamops mend everything")
    assert not parses("iamops switchover --now")


@pytest.mark.parametrize("finding", samples.every(), ids=lambda finding: f"{finding.code} {finding.node}")
def test_what_a_rule_says_comes_next_exists_too(finding):
    assert finding.next.startswith(("iamops ", "look: "))
    if finding.next.startswith("iamops "):
        assert parses(finding.next), finding.next


def test_no_step_is_the_command_that_prints_it():
    loops = [each.code for each in samples.every() if each.next in ("iamops status", "iamops triage")]
    assert loops == []


@pytest.mark.parametrize("finding", samples.every(), ids=lambda finding: f"{finding.code} {finding.node}")
def test_every_piece_of_evidence_names_its_source_and_its_age(finding):
    assert finding.evidence
    for each in finding.evidence:
        assert each.source, each
        assert each.age_s is not None, each


def test_the_samples_show_every_rule():
    assert {finding.code for finding in samples.every()} >= RULE_CODES


def test_state_rules_and_a_whole_diagnosis_agree():
    """What the console shows is not lost in an examination."""
    for at in samples.views():
        live = {each.code for each in findings(at.state, NOW + 2)}
        assert live <= {each.code for each in flat(diagnose(at, NOW + 2).findings)}


def test_severities_are_those_of_the_page_or_softer_or_louder_only_where_the_page_says_so():
    varying = {"unit-down", "keepalived-restarted", "nginx-connections-exhausted", "vip-flapping"}
    for finding in samples.every():
        entry = CATALOGUE.get(finding.code)
        if entry is not None and finding.code not in varying:
            assert finding.severity is entry.severity, finding.code
    assert isinstance(samples.every()[0], Finding)
