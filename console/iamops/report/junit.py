"""JUnit XML, for pipelines: text as XML 1.0 can hold it, and none of it harmful where it is shown. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from iamops.model.text import one_line, safe_lines
from iamops.model.timestamps import rfc3339


@dataclass(frozen=True, slots=True)
class JUnitCase:
    """`outcome`: failure, error or skipped, with its kind, message and text. Empty: passed; the text is output."""

    group: str
    name: str
    outcome: str = ""
    kind: str = ""
    message: str = ""
    text: str = ""
    seconds: float | None = None


def junit_suite(
    name: str,
    cases: Sequence[JUnitCase],
    *,
    seconds: float | None = None,
    at: float | None = None,
    properties: Mapping[str, str] | None = None,
    output: str | None = None,
) -> Xml.Element:
    counts = Counter(case.outcome for case in cases)
    suite = Xml.Element("testsuite", name=name, tests=str(len(cases)), failures=str(counts["failure"]))
    suite.set("skipped", str(counts["skipped"]))
    if seconds is not None:
        suite.set("errors", str(counts["error"]))
        suite.set("time", f"{seconds:.3f}")
    if at is not None:
        suite.set("timestamp", rfc3339(at).partition(".")[0])
    if properties:
        parent = Xml.SubElement(suite, "properties")
        for key, value in properties.items():
            Xml.SubElement(parent, "property", name=key, value=value)
    for case in cases:
        element = Xml.SubElement(suite, "testcase", classname=case.group, name=case.name)
        if case.seconds is not None:
            element.set("time", f"{case.seconds:.3f}")
        if case.outcome:
            result = Xml.SubElement(element, case.outcome, {"type": case.kind} if case.kind else {})
            result.set("message", case.message)
            result.text = case.text
        elif case.text:
            Xml.SubElement(element, "system-out").text = case.text
    if output is not None:
        Xml.SubElement(suite, "system-out").text = output
    return suite


def xml_document(root: Xml.Element, *, indented: bool = True) -> str:
    """The whole document with its declaration. Attributes and texts are cleaned here."""
    for element in root.iter():
        for name, value in element.items():
            element.set(name, one_line(value))
        element.text = element.text and safe_lines(element.text)
    if indented:
        Xml.indent(root)
    # ElementTree would name the operator's locale as the encoding.
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"
