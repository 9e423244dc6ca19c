"""Every situation is told by its cause first, with a step that leads to it, and nothing that is not so."""

from __future__ import annotations

import ast
from pathlib import Path

from iamops.judge.findings import flat
from iamops.judge.triage.diagnose import diagnose
from iamops.model.facts import RANK, Severity
from tests.support.cluster_states import NOW
from tests.support.situations.actions import in_actions
from tests.support.situations.page import elsewhere, page, situations
from tests.support.situations.situation import Situation

TESTS = Path(__file__).parents[2]
LOOPS = ("iamops triage", "iamops status")


def test_every_situation_is_told_by_its_cause():
    wrong = [f"{each.id} ({each.what}): {problem}" for each in situations() for problem in _problems(each)]
    assert not wrong, "\n".join(wrong)


def test_what_another_command_tells_is_so():
    for each in elsewhere():
        said = " ".join(each.says())
        assert not [word for word in each.must if word not in said], f"{each.id}: {said}"
        assert not [word for word in each.never if word in said], f"{each.id}: {said}"


def test_a_root_is_as_severe_as_what_it_explains():
    for each in situations():
        for root in diagnose(each.view, NOW + 2).findings:
            assert RANK[root.severity] == min(RANK[one.severity] for one in flat((root,))), each.id


def test_every_situation_in_mid_action_names_tests_that_there_are():
    assert sorted(each.id for each in in_actions()) == [f"B{number:02}" for number in range(1, 32)]
    named = {test for each in in_actions() for test in each.shown}
    assert all(each.shown for each in in_actions())
    there = {
        f"{path}::{each.name}"
        for path in {test.partition("::")[0] for test in named}
        for each in ast.parse((TESTS / path).read_text(encoding="utf-8")).body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert named - there == set()


def test_the_page_in_the_docs_is_what_is_said():
    assert (TESTS.parent / "docs" / "situations.md").read_text(encoding="utf-8") == page()


def _problems(each: Situation) -> list[str]:
    diagnosis = diagnose(each.view, NOW + 2)
    roots = diagnosis.findings
    found = {one.code for one in flat(roots)}
    untrue = [f"says {code}" for code in each.never if code in found]
    for code, words in each.unasked:
        if code in diagnosis.checked or not any(
            words in one.because for one in diagnosis.not_evaluated if one.code == code
        ):
            untrue.append(
                f"does not say why {code} was not asked: {[one.because for one in diagnosis.not_evaluated]}"
            )
    if not each.first:
        if each.info and not any(each.info in one.title for one in roots):
            untrue.append(f"does not say {each.info}: {[one.title for one in roots]}")
        loud = [one.code for one in roots if one.severity is not Severity.INFO]
        return untrue + ([f"finds {loud}"] if loud else [])
    if not roots:
        return [*untrue, "finds nothing"]
    first = roots[0]
    text = " ".join((first.title, first.cause, *(one.value for one in first.evidence)))
    below = {one.code for one in flat(first.explains)}
    checks = {
        f"first is {first.code}[{first.node}], not {each.first}[{each.node}]": first.code == each.first
        and each.node in (None, first.node),
        f"the step is {first.next!r}": first.next.startswith(each.step) and not first.next.startswith(LOOPS),
        f"explains only {below}": below >= set(each.explains),
        f"does not say that it means {each.means}: {first.means}": all(word in first.means for word in each.means),
        f"does not speak of {each.about}: {text}": all(word in text for word in each.about),
    }
    return untrue + [problem for problem, fine in checks.items() if not fine]
