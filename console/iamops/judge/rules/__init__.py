"""The rules that watch the live state: each looks at one thing and answers with findings, or says it cannot."""

from __future__ import annotations

from iamops.judge.findings import Finding
from iamops.judge.rules.base import Rule, RuleInput
from iamops.judge.rules.certificates import RULES as CERTIFICATES
from iamops.judge.rules.datastores import RULES as DATASTORES
from iamops.judge.rules.itself import RULES as ITSELF
from iamops.judge.rules.itself import evaluated
from iamops.judge.rules.machine import RULES as MACHINE
from iamops.judge.rules.nginx import RULES as NGINX
from iamops.judge.rules.services import RULES as SERVICES
from iamops.judge.rules.vip import RULES as VIP
from iamops.model.facts import RANK
from iamops.model.state import ClusterState

STATE_RULES: tuple[Rule, ...] = (*VIP, *NGINX, *SERVICES, *CERTIFICATES, *DATASTORES, *MACHINE, *ITSELF)


def findings(state: ClusterState, now: float, *, final: bool = False) -> tuple[Finding, ...]:
    """Everything the state rules have to say now, the worst first. Cheap: asked at every change.

    `final`: nothing more is waited for.
    """
    answers = evaluated(STATE_RULES, RuleInput(state, final=final), now)
    found = [answer for answer in answers if isinstance(answer, Finding)]
    return tuple(sorted(found, key=lambda finding: RANK[finding.severity]))
