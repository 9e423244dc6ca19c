"""Asks every rule, of the state and of the inspection alike, and makes a diagnosis of what they answer."""

from __future__ import annotations

from iamops.judge.findings import Diagnosis, Finding, NotEvaluated
from iamops.judge.rules import STATE_RULES
from iamops.judge.rules.base import Rule, RuleInput
from iamops.judge.rules.checks import RULES as CHECKS
from iamops.judge.rules.complaints import RULES as COMPLAINTS
from iamops.judge.rules.complaints import with_complaints
from iamops.judge.rules.inspected import RULES as NODES
from iamops.judge.rules.inspected import linted
from iamops.judge.rules.itself import evaluated
from iamops.judge.rules.keepalived import RULES as KEEPALIVED
from iamops.judge.rules.outside import RULES as OUTSIDE
from iamops.judge.rules.traffic import RULES as TRAFFIC
from iamops.judge.triage.correlate import correlate

RULES: tuple[Rule, ...] = (*STATE_RULES, *KEEPALIVED, *CHECKS, *OUTSIDE, *NODES, *TRAFFIC, *COMPLAINTS, linted)


def diagnose(view: RuleInput, now: float) -> Diagnosis:
    """A code counts as checked only where all of its rules could be evaluated everywhere."""
    answers = list(evaluated(RULES, view, now))
    findings = (answer for answer in answers if isinstance(answer, Finding))
    found = dict.fromkeys(with_complaints(view, finding, now) for finding in findings)
    not_evaluated = tuple(dict.fromkeys(answer for answer in answers if isinstance(answer, NotEvaluated)))
    unclear = {answer.code for answer in not_evaluated}
    codes = dict.fromkeys(code for rule in RULES for code in rule.codes)
    return Diagnosis(correlate(tuple(found)), not_evaluated, tuple(code for code in codes if code not in unclear))
