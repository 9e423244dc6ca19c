"""JUnit XML as a parser of pipelines reads it."""

from __future__ import annotations

from junitparser import JUnitXml

from iamops.report.junit import JUnitCase, junit_suite, xml_document

CASES = (
    JUnitCase("iam-a", "nginx answers", seconds=0.25),
    JUnitCase("iam-a", "redis answers", "failure", "down", "redis is down", "refused"),
    JUnitCase("iam-b", "redis answers", "skipped", message="not asked"),
    JUnitCase("iam-b", "mariadb answers", text="5.5.5"),
)


def test_a_parser_counts_what_failed_and_what_was_skipped():
    (suite,) = JUnitXml.fromstring(xml_document(junit_suite("status", CASES)).encode())
    assert (suite.tests, suite.failures, suite.skipped) == (4, 1, 1)
    first, failed, skipped, _ = suite
    assert (first.classname, first.name, first.time) == ("iam-a", "nginx answers", 0.25)
    assert (failed.result[0].type, failed.result[0].message, failed.result[0].text) == (
        "down",
        "redis is down",
        "refused",
    )
    assert skipped.result[0].message == "not asked"


def test_the_text_of_a_case_that_passed_is_its_output():
    (suite,) = JUnitXml.fromstring(xml_document(junit_suite("status", CASES)).encode())
    assert list(suite)[-1].system_out == "5.5.5"


def test_times_and_errors_are_told_of_a_suite_that_has_a_duration():
    suite = junit_suite("drill", (JUnitCase("a", "b", "error"),), seconds=1.5, at=1_795_442_000.25)
    assert (suite.get("errors"), suite.get("time")) == ("1", "1.500")
    assert suite.get("timestamp") == "2026-11-23T13:53:20"
    assert junit_suite("status", ()).get("errors") is None


def test_properties_and_output_stand_beside_the_cases():
    suite = junit_suite("drill", (), properties={"run": "r1"}, output="all of it")
    assert [(each.get("name"), each.get("value")) for each in suite.iter("property")] == [("run", "r1")]
    assert suite.findtext("system-out") == "all of it"


def test_what_xml_cannot_hold_is_harmless_in_it():
    odd = JUnitCase("\x1b[31m", "a\nb", "failure", "\x00", "\ud800", "first\n\x07second\u202e")
    text = xml_document(junit_suite("x", (odd,)))
    (suite,) = JUnitXml.fromstring(text.encode())
    assert len(list(suite)) == 1
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>')
