"""nginx as its own node sees it: hung, or waiting for what is behind it."""

from __future__ import annotations

from iamops.judge.findings import NotEvaluated
from iamops.judge.rules import findings
from iamops.judge.rules.base import RuleInput
from iamops.judge.rules.nginx import gateway
from iamops.model.events import HttpProbed, Target
from iamops.model.facts import ProbeOutcome, ProbeReport
from tests.support.cluster_states import NOW, OK, fed, healthy
from tests.support.finding_samples import DOMAIN, HTTP_502, REFUSED
from tests.support.looks import B
from tests.support.own_probes import own
from tests.support.rule_codes import codes


def test_nginx_that_accepts_and_does_not_answer_is_called_hung():
    hung = ProbeReport(ProbeOutcome.TIMEOUT, detail="accepts, but no answer within 1.5 s")
    domains = ("iam.api.marmotedu.com", "iam.authz.marmotedu.com")
    events = [HttpProbed(NOW, "iam-a", "iam-a", Target.DOMAIN, domain, hung) for domain in domains]
    assert codes(*events) == ["nginx-hung"]


def test_nginx_that_waits_for_a_silent_backend_is_not_called_hung():
    silent = ProbeReport(ProbeOutcome.TIMEOUT, detail="accepts, but no answer within 1.5 s")
    domains = ("iam.api.marmotedu.com", "iam.authz.marmotedu.com")
    events = [HttpProbed(NOW, "iam-a", "iam-a", Target.DOMAIN, domain, silent) for domain in domains]
    events.append(HttpProbed(NOW, "iam-b", "iam-a", Target.SERVICE, "iam-apiserver", silent))
    said = findings(fed(healthy(), events), NOW + 2)
    assert [each.code for each in said] == ["nginx-bad-answers", "backend-not-reachable"]
    assert "iam-apiserver on iam-b" in said[0].title


API = "iam-apiserver"


def test_nginx_asks_a_backend_again_only_after_a_while_and_is_not_blamed_before():
    def through(at: float) -> list[str]:
        bad = HttpProbed(at, B, B, Target.DOMAIN, DOMAIN, HTTP_502)
        state = fed(healthy(), [own(NOW, REFUSED), own(NOW + 2, OK), bad, own(at, OK)])
        return [each.code for each in gateway.ask(RuleInput(state), at) if not isinstance(each, NotEvaluated)]

    assert through(NOW + 9) == []
    assert through(NOW + 15) == ["proxy-fails"]
