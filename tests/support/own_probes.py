"""A service as its own node probes it."""

from __future__ import annotations

from iamops.model.events import HttpProbed, Target
from iamops.model.facts import ProbeReport
from tests.support.looks import B

API = "iam-apiserver"


def own(at: float, report: ProbeReport) -> HttpProbed:
    return HttpProbed(at, B, B, Target.SERVICE, API, report)
