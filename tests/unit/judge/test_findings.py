"""Findings: which two are the same one, where a cause may lie, and how loud it is with what follows from it."""

from __future__ import annotations

from iamops.judge.findings import About, Diagnosis, Evidence, Finding, flat, loudest
from iamops.model.facts import Severity


def finding(code: str, severity: Severity, *explains: Finding, about: About | None = None, **rest) -> Finding:
    return Finding(code, severity, code, (), "look", explains=explains, about=about or About(), **rest)


LEAF = finding("client-dark", Severity.CRITICAL)
ROOT = finding("unit-down", Severity.WARNING, finding("no-owner", Severity.INFO, LEAF), node="iam-a")


def test_what_is_explained_stands_behind_its_cause():
    assert [each.code for each in flat((ROOT, LEAF))] == ["unit-down", "no-owner", "client-dark", "client-dark"]


def test_a_cause_is_as_severe_as_the_worst_that_follows_from_it():
    assert loudest(ROOT) is Severity.CRITICAL
    assert loudest(LEAF) is Severity.CRITICAL
    assert loudest(finding("x", Severity.INFO)) is Severity.INFO


def test_a_diagnosis_counts_what_is_explained():
    assert Diagnosis((ROOT,)).at_least(Severity.CRITICAL)
    assert not Diagnosis((finding("x", Severity.INFO),)).at_least(Severity.WARNING)
    assert not Diagnosis(()).at_least(Severity.INFO)


def test_a_finding_is_what_it_is_about_and_not_its_words():
    one = finding("unit-down", Severity.WARNING, about=About(unit="nginx"), node="iam-a")
    other = finding("unit-down", Severity.CRITICAL, about=About(unit="nginx"), node="iam-a", cause="killed")
    assert one.key == other.key == ("unit-down", "iam-a", "unit=nginx")
    assert one.key != finding("unit-down", Severity.WARNING, about=About(unit="iam-pump"), node="iam-a").key


def test_all_that_distinguishes_it_is_in_its_name():
    about = About(service="iam-pump", store="mongodb", services=("iam-pump", "iam-apiserver"))
    assert about.name == "service=iam-pump store=mongodb"
    assert about.every_service == {"iam-pump", "iam-apiserver"}


def test_a_node_that_only_fails_to_reach_a_datastore_is_no_place_of_its_cause():
    away = finding(
        "datastore-down", Severity.WARNING, about=About(store="redis"), node="iam-b", touches=("iam-a",)
    )
    assert away.places == {"iam-a"}
    assert finding("disk-full", Severity.WARNING, node="iam-b", touches=("iam-a",)).places == {"iam-a", "iam-b"}


def test_evidence_says_its_value_first_and_then_its_source_and_age():
    assert str(Evidence("MASTER", "keepalived's dump", "iam-a", 0.42)) == (
        "iam-a: MASTER (keepalived's dump, 0.4 s ago)"
    )
    assert str(Evidence("down", "", None, 600.0)) == "down (10 min ago)"
    assert str(Evidence("down", "", None, None)) == "down"
