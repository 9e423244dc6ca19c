"""iamops itself: parts that fail and are begun again, parts that stand still, rules that cannot be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.judge.consequences import with_consequences
from console.judge.findings import Blind, Evidence, Finding
from console.judge.rules.view import Answer, Rule, View
from console.model.facts import Severity
from console.model.words import counted
from console.parse.own_fault import fault_of_ours

REPORT_IT = "look: run iamops again with IAMOPS_DEBUG=1, and report what it prints"
LOOK_IT = "look: is this machine overloaded, or its disk hung? then start iamops anew"


def failing(view: View, now: float) -> Iterator[Answer]:
    for fault in view.state.faults.values():
        ago_s = max(0.0, now - fault.at)
        if fault.still:
            title = f"{fault.part} stands still: what iamops shows of it is old"
            evidence = (Evidence(fault.reason, "iamops", fault.node, ago_s),)
            yield Finding("part-still", Severity.CRITICAL, title, evidence, LOOK_IT, fault.node)
        else:
            title = f"{fault.part} fails, by a fault of iamops"
            often = counted(fault.count, "time")
            evidence = (Evidence(f"{fault.reason} ({often})", "iamops", fault.node, ago_s),)
            yield Finding("part-failing", Severity.WARNING, title, evidence, REPORT_IT, fault.node)


RULES = (Rule(("part-failing", "part-still"), failing),)


def _whole(view: View, answer: Answer) -> Answer:
    """A finding knows what it rests on, and what it is for users."""
    return with_consequences(view.state.profile, answer) if isinstance(answer, Finding) else answer


def asked(rules: Iterable[Rule], view: View, now: float) -> Iterator[Answer]:
    """What the rules answer. One that fails has not been asked, which is told; the others are asked as before."""
    for rule in rules:
        try:
            answers = tuple(rule.ask(view, now))
            yield from (_whole(view, each) for each in answers)
        except Exception as error:
            fault = fault_of_ours(error)
            yield from (Blind(code, "what this rule looks at", fault) for code in rule.codes)
            evidence = (Evidence(fault, "iamops", None, 0.0),)
            title = f"{rule.codes[0]} cannot be judged, by a fault of iamops"
            yield Finding("part-failing", Severity.WARNING, title, evidence, REPORT_IT)
