"""A triage as JSON, JUnit and Markdown: unknown is null, and hostile text harmless."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from junitparser import JUnitXml

from iamops.judge.findings import Diagnosis, NotEvaluated
from iamops.judge.runbook.entry import RunbookEntry
from iamops.model.facts import Severity
from iamops.report.triage import junit, markdown, triage_document
from tests.support.triage_samples import (
    AT,
    BLINDS,
    CHECKED,
    MOVED,
    NO_GRANT,
    SILENT,
    SPLIT,
    Look,
    healthy,
    troubled,
)

HOSTILE = "x\x1b[31m\x00 `rm` <b>|*_\n# head"


def hostile() -> Look:
    """Whatever a node may have said, in every place."""
    finding = replace(NO_GRANT, title=HOSTILE, cause=HOSTILE, next=HOSTILE)
    finding = replace(finding, evidence=(replace(NO_GRANT.evidence[0], value=HOSTILE, source=HOSTILE),))
    blind = replace(BLINDS[0], because=HOSTILE, what=HOSTILE)
    return Look(
        Diagnosis((finding,), (blind,), CHECKED),
        timeline=(replace(MOVED, text=HOSTILE),),
        unavailable=(HOSTILE,),
        not_inspected={"iam-b": HOSTILE},
    )


def cases(text: str) -> dict[str, str]:
    """Each case's word by its name: passed, failure, skipped."""
    found = JUnitXml.fromstring(text.encode())
    suites = [found] if not hasattr(found, "_tag") or found._tag == "testsuite" else list(found)
    return {case.name: type(case.result[0]).__name__ if case.result else "passed" for s in suites for case in s}


def test_the_document_has_the_agreed_shape_and_keeps_the_rank() -> None:
    document = json.loads(json.dumps(triage_document(troubled())))
    assert document["schema"] == "iamops.triage/1"
    assert document["at"] == "2025-10-09T08:53:20.000Z"
    assert (document["profile"], document["took_s"]) == ("lab", 1.25)
    assert [each["code"] for each in document["findings"]] == ["split-brain", "datastore-host-not-allowed"]
    first = document["findings"][0]
    assert [each["code"] for each in first["explains"]] == ["client-dark", "vip-flapping"]
    assert first.keys() == first["explains"][0].keys()
    assert first["observed"][0] == {
        "value": "has 10.0.4.99",
        "source": "kernel addresses",
        "node": "iam-a",
        "age_s": 0.4,
    }
    assert first["evidence"][0] == "iam-a: has 10.0.4.99 (kernel addresses, 0.4 s ago)"
    assert document["blind"][0] == {
        "code": "nginx-hung",
        "what": "whether nginx answers",
        "because": SILENT,
        "node": "iam-b",
    }
    assert document["checked"] == list(CHECKED)


def test_what_was_not_asked_for_or_is_not_known_is_null_not_empty() -> None:
    document = triage_document(troubled())
    assert document["timeline"] is None
    assert "--since" in document["timeline_unknown"]
    assert document["findings"][1]["cause"] is None
    asked = triage_document(healthy(), since_s=3600)
    assert asked["timeline"] == []
    assert asked["since"] == "2025-10-09T07:53:20.000Z"


def test_the_timeline_is_told_with_its_sources_and_what_is_missing() -> None:
    look = healthy(timeline=(MOVED,), unavailable=("iam-a: the journal: no answer within 3 s",))
    document = triage_document(look, since_s=3600)
    assert document["timeline"] == [
        {
            "at": "2025-10-09T08:52:30.000Z",
            "kind": "vip",
            "node": "iam-b",
            "source": "keepalived's journal",
            "text": "VI_1 entered MASTER, VIP 10.0.4.99",
        }
    ]
    assert document["untold"] == ["iam-a: the journal: no answer within 3 s"]


def test_a_number_comes_from_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = RunbookEntry("T777", "split-brain", Severity.CRITICAL, "t", "m", "k", (), ())
    monkeypatch.setattr("iamops.judge.triage.summary.CATALOGUE", {"split-brain": entry})
    found = triage_document(troubled())["findings"]
    assert [each["number"] for each in found] == ["T777", None]


def test_junit_has_a_case_a_rule_and_blind_ones_are_skipped_not_passed() -> None:
    found = cases(junit(troubled(), Severity.WARNING))
    by_code = {code: how for name, how in found.items() for code in (*CHECKED, "nginx-hung") if code in name}
    assert by_code["split-brain"] == "Failure"
    assert by_code["client-dark"] == "Failure"
    assert by_code["datastore-host-not-allowed"] == "Failure"
    assert by_code["vip-nowhere"] == "passed"
    assert by_code["nginx-hung"] == "Skipped"


def test_junit_skips_a_rule_that_was_not_asked_of_every_node_though_it_found_something_elsewhere() -> None:
    looked = troubled()
    found = replace(looked.diagnosis.findings[0], severity=Severity.INFO, explains=())
    blind = NotEvaluated(found.code, "the same", "iam-b does not answer", "iam-b")
    half = replace(looked, diagnosis=Diagnosis((found,), (blind,)))
    assert cases(junit(half, Severity.WARNING)).popitem()[1] == "Skipped"
    assert "Failure" in cases(junit(half, Severity.INFO)).values()


def test_junit_fails_only_from_the_asked_severity_on() -> None:
    assert "datastore-host-not-allowed" not in failing(junit(troubled(), Severity.CRITICAL))
    assert "split-brain" in failing(junit(troubled(), Severity.CRITICAL))
    assert failing(junit(troubled(), None)) == ""


def failing(text: str) -> str:
    return " ".join(name for name, how in cases(text).items() if how == "Failure")


def test_junit_counts_its_cases() -> None:
    text = junit(troubled(), Severity.CRITICAL)
    assert 'tests="7"' in text
    assert 'failures="2"' in text
    assert 'skipped="2"' in text


def test_markdown_names_the_cause_its_symptoms_and_the_next_command_as_code() -> None:
    text = markdown(troubled(timeline=(MOVED,)))
    assert "🔴 **CRITICAL** `" in text
    assert "explains critical `" in text
    assert f"**next:** `{SPLIT.next}`" in text
    assert "no answer on 10.0.4.21:22" in text
    assert "08:52:30 iam-b: VI\\_1 entered MASTER" in text


@pytest.mark.parametrize("form", [markdown, lambda look: junit(look, Severity.WARNING)])
def test_hostile_text_is_harmless_in_every_form(form) -> None:
    text = form(hostile())
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "<b>" not in re.sub(r"`{2,} .*? `{2,}|``.*?``", "", text)
    assert "\n# head" not in text or text.startswith("<?xml")


def test_hostile_text_is_harmless_in_json() -> None:
    text = json.dumps(triage_document(hostile(), 60), ensure_ascii=False)
    assert "\\u001b" not in text
    assert "\x1b" not in text


def test_time_is_given_not_taken() -> None:
    assert triage_document(healthy(at=AT + 1))["at"] == "2025-10-09T08:53:21.000Z"
