"""The codes of the rules that speak, on a healthy pair after some events."""

from __future__ import annotations

from iamops.judge.rules import findings
from iamops.model.events import Event
from tests.support.cluster_states import NOW, fed, healthy


def codes(*events: Event, now: float = NOW + 2) -> list[str]:
    return [finding.code for finding in findings(fed(healthy(), events), now)]
