"""A triage as JSON (`iamops.triage/1`). Pure."""

from __future__ import annotations

from typing import Any

from console.judge.findings import Blind, Evidence, Finding
from console.judge.triage_report import Looked, number_of
from console.model.timeline import Happening
from console.model.timestamps import rfc3339
from console.parse.words import words

SCHEMA = "iamops.triage/1"
NOT_ASKED = "not asked for: --since 1h"
Json = dict[str, Any]


def triage_document(looked: Looked, since_s: float | None = None) -> Json:
    """The whole look, findings ranked. `since_s`: how far back the timeline goes; without it there is none."""
    document: Json = {
        "schema": SCHEMA,
        "at": rfc3339(looked.at),
        "profile": looked.profile.name,
        "took_s": round(looked.took_s, 3),
        "findings": [_finding(each) for each in looked.diagnosis.findings],
        "blind": [_blind(each) for each in looked.diagnosis.blind],
        "checked": list(looked.diagnosis.checked),
        "unlooked": {node: words(reason) for node, reason in looked.unlooked.items()},
        "since": None if since_s is None else rfc3339(looked.at - since_s),
    }
    if since_s is None:
        return document | {"timeline": None, "timeline_unknown": NOT_ASKED}
    timeline = [_happening(each) for each in looked.timeline]
    return document | {"timeline": timeline, "untold": [words(each) for each in looked.untold]}


def _finding(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "number": number_of(finding.code),
        "severity": str(finding.severity),
        "title": words(finding.title),
        "node": finding.node,
        "evidence": [words(str(each)) for each in finding.evidence],
        "observed": [_observed(each) for each in finding.evidence],
        "cause": words(finding.cause) or None,
        "means": words(finding.means) or None,
        "next": words(finding.next),
        "explains": [_finding(each) for each in finding.explains],
    }


def _observed(evidence: Evidence) -> Json:
    return {
        "value": words(evidence.value),
        "source": words(evidence.source) or None,
        "node": evidence.node,
        "age_s": None if evidence.age_s is None else round(evidence.age_s, 1),
    }


def _blind(blind: Blind) -> Json:
    return {"code": blind.code, "what": words(blind.what), "because": words(blind.because), "node": blind.node}


def _happening(each: Happening) -> Json:
    return {
        "at": rfc3339(each.at),
        "kind": str(each.kind),
        "node": each.node,
        "source": each.source,
        "text": words(each.text),
    }
