"""The rules that watch the live state: each looks at one thing and answers with findings, or says it cannot."""

from __future__ import annotations

from console.judge.findings import Finding
from console.judge.rules.backends import RULES as BACKENDS
from console.judge.rules.certificates import RULES as CERTIFICATES
from console.judge.rules.datastores import RULES as DATASTORES
from console.judge.rules.itself import RULES as ITSELF
from console.judge.rules.itself import asked
from console.judge.rules.link import RULES as LINK
from console.judge.rules.machine import RULES as MACHINE
from console.judge.rules.nginx import RULES as NGINX
from console.judge.rules.services import RULES as SERVICES
from console.judge.rules.silent import RULES as SILENT
from console.judge.rules.view import View
from console.judge.rules.vip import RULES as VIP
from console.model.facts import RANK
from console.model.state import ClusterState

STATE_RULES = (*VIP, *NGINX, *BACKENDS, *SERVICES, *CERTIFICATES, *DATASTORES, *MACHINE, *SILENT, *LINK, *ITSELF)


def findings(state: ClusterState, now: float, *, final: bool = False) -> tuple[Finding, ...]:
    """Everything the state rules have to say now, the worst first. Cheap: asked at every change.

    `final`: nothing more is waited for.
    """
    view = View(state, final=final)
    said = [each for each in asked(STATE_RULES, view, now) if isinstance(each, Finding)]
    return tuple(sorted(said, key=lambda finding: RANK[finding.severity]))
