"""The rules that watch the live state: each looks at one thing and answers with findings, or says it cannot."""

from __future__ import annotations

from iamops.judge.findings import Finding
from iamops.judge.rules.base import RuleInput
from iamops.judge.rules.certificates import RULES as CERTIFICATES
from iamops.judge.rules.datastores import RULES as DATASTORES
from iamops.judge.rules.itself import LINK_RULES as LINK
from iamops.judge.rules.itself import RULES as ITSELF
from iamops.judge.rules.itself import evaluated
from iamops.judge.rules.machine import RULES as MACHINE
from iamops.judge.rules.machine import SILENT_RULES as SILENT
from iamops.judge.rules.nginx import RULES as NGINX
from iamops.judge.rules.services import BACKEND_RULES as BACKENDS
from iamops.judge.rules.services import RULES as SERVICES
from iamops.judge.rules.vip import RULES as VIP
from iamops.model.facts import RANK
from iamops.model.state import ClusterState

STATE_RULES = (*VIP, *NGINX, *BACKENDS, *SERVICES, *CERTIFICATES, *DATASTORES, *MACHINE, *SILENT, *LINK, *ITSELF)


def findings(state: ClusterState, now: float, *, final: bool = False) -> tuple[Finding, ...]:
    """Everything the state rules have to say now, the worst first. Cheap: asked at every change.

    `final`: nothing more is waited for.
    """
    view = RuleInput(state, final=final)
    said = [each for each in evaluated(STATE_RULES, view, now) if isinstance(each, Finding)]
    return tuple(sorted(said, key=lambda finding: RANK[finding.severity]))
