"""Asks every rule, state and deep look alike, and makes a diagnosis of what they answer."""

from __future__ import annotations

from console.judge.correlate import correlate
from console.judge.diagnosis import Diagnosis
from console.judge.findings import Blind, Finding
from console.judge.rules import STATE_RULES
from console.judge.rules.checks import RULES as CHECKS
from console.judge.rules.complaints import RULES as COMPLAINTS
from console.judge.rules.complaints import with_complaints
from console.judge.rules.files import RULES as FILES
from console.judge.rules.itself import asked
from console.judge.rules.keepalived import RULES as KEEPALIVED
from console.judge.rules.node_look import RULES as NODE_LOOK
from console.judge.rules.outside import RULES as OUTSIDE
from console.judge.rules.traffic import RULES as TRAFFIC
from console.judge.rules.view import Rule, View

RULES: tuple[Rule, ...] = (*STATE_RULES, *KEEPALIVED, *CHECKS, *OUTSIDE, *NODE_LOOK, *TRAFFIC, *COMPLAINTS, *FILES)


def diagnose(view: View, now: float) -> Diagnosis:
    """A code counts as checked only where none of its rules was blind to anything."""
    answers = list(asked(RULES, view, now))
    said = (answer for answer in answers if isinstance(answer, Finding))
    found = dict.fromkeys(with_complaints(view, finding, now) for finding in said)
    blind = tuple(dict.fromkeys(answer for answer in answers if isinstance(answer, Blind)))
    unclear = {each.code for each in blind}
    codes = dict.fromkeys(code for rule in RULES for code in rule.codes)
    return Diagnosis(correlate(tuple(found)), blind, tuple(code for code in codes if code not in unclear))
