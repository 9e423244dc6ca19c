"""What is overridden is what was there when the run began, or what an operator had read, and nothing later."""

from __future__ import annotations

import itertools
from dataclasses import replace

from iamops.judge.run import Outcome, RunReport
from iamops.model.events import Event, HttpProbed, Target
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.plan.action import ServiceAction, UnitVerb
from iamops.plan.denial import NEW, Denial
from tests.support.pair import Bench

STOP = ServiceAction(UnitVerb.STOP, "keepalived", "iam-a")
CODE = "standby-unhealthy"
BAD = ProbeReport(ProbeOutcome.REFUSED, detail="HTTP 500")
API, AUTHZ = "iam.api.marmotedu.com", "iam.authz.marmotedu.com"


class Ailing(Bench):
    """iam-b's nginx answers badly for these domains."""

    def __init__(self, *domains: str) -> None:
        super().__init__()
        self.bad, self.report = set(domains), BAD
        told = self.world._events
        self.world._events = lambda name: [self._ailing(each) for each in told(name)]  # type: ignore[method-assign]
        self.world.tell()

    def _ailing(self, event: Event) -> Event:
        domain = isinstance(event, HttpProbed) and event.target is Target.DOMAIN
        if isinstance(event, HttpProbed) and domain and event.node == "iam-b" and event.name in self.bad:
            return replace(event, report=self.report)
        return event

    async def insist(self, shown: tuple[Denial, ...] | None = None) -> RunReport:
        order = self.order(STOP, overrides=(CODE,), reason="authz is known to be bad", insisted=shown)
        return await self.engine.run(order, lambda report: None)


async def test_what_the_guards_say_when_a_run_begins_is_what_its_override_is_about():
    bench = Ailing(AUTHZ)
    report = await bench.insist()
    assert report.outcome is Outcome.SUCCEEDED
    intent = next(body for kind, body in bench.records.kept if kind == "intent")
    assert intent["overridden"] == [f"{CODE}: {AUTHZ} on iam-b: HTTP 500"]


async def test_a_reason_that_appears_under_the_lock_is_refused_although_its_code_was_overridden():
    bench = Ailing(AUTHZ)
    bench.eyes.on_fresh = lambda: bench.bad.add(API)
    report = await bench.insist()
    assert report.outcome is Outcome.REFUSED
    assert [(each.code, each.reason) for each in report.denials] == [(CODE, f"{API} on iam-b: HTTP 500; {NEW}")]
    assert bench.world.owner == "iam-a"
    assert bench.world.whole() == []


async def test_a_reason_that_came_while_an_operator_was_asked_is_refused():
    bench = Ailing(AUTHZ)
    _, _, read = bench.engine.weigh(bench.order(STOP, overrides=(CODE,)))
    bench.bad.add(API)
    bench.world.tell()
    report = await bench.insist(read)
    assert report.outcome is Outcome.REFUSED
    assert [each.code for each in report.denials] == [CODE]
    assert bench.world.owner == "iam-a"


async def test_a_reason_whose_words_change_is_the_one_that_was_overridden():
    bench, words = Ailing(AUTHZ), itertools.cycle(["HTTP 502", "HTTP 504", "no answer within 1.5 s"])
    bench.eyes.on_fresh = lambda: setattr(bench, "report", replace(BAD, detail=next(words)))
    report = await bench.insist()
    assert report.outcome is Outcome.SUCCEEDED, report.sentence


async def test_who_insists_on_one_bad_domain_has_not_insisted_on_a_dead_nginx_but_the_other_way_round():
    dying = Ailing(AUTHZ)
    dying.eyes.on_fresh = lambda: dying.world.machines["iam-b"].pids.pop("nginx", None)
    assert [each.code for each in (await dying.insist()).denials] == [CODE, "check-blind"]
    coming = Ailing(AUTHZ, API)
    pids = coming.world.machines["iam-b"].pids
    del pids["nginx"]
    coming.world.tell()
    coming.eyes.on_fresh = lambda: pids.setdefault("nginx", 4711)
    order = coming.order(STOP, overrides=(CODE, "check-blind"), reason="its nginx is known to crash")
    report = await coming.engine.run(order, lambda report: None)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence


async def test_an_override_about_a_service_that_falls_leaves_the_look_for_the_one_that_stops():
    """iam-authz-server on iam-b falls with iam-apiserver; nginx has given up the other backend of both."""
    bench, restart = Bench(), ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b")
    told = bench.world._events

    def sick(each: Event) -> Event:
        own = isinstance(each, HttpProbed) and each.target is Target.SERVICE and each.name == "iam-authz-server"
        return replace(each, report=BAD) if own and each.node == "iam-a" else each  # type: ignore[call-arg]

    bench.world._events = lambda name: [sick(each) for each in told(name)]  # type: ignore[method-assign]
    bench.world.tell()
    bench.hands.given_up = {"iam-a"}
    order = bench.order(restart, overrides=("last-backend",), reason="authz is known to be bad")
    _, _, away = bench.engine.weigh(order)
    assert [each.subjects for each in away] == [("iam-authz-server",)]
    (denial,) = (await bench.engine.run(order, lambda report: None)).denials
    assert (denial.node, denial.subjects, bench.hands.changes) == ("iam-b", ("iam-apiserver",), [])
    both = bench.order(restart, overrides=(*order.overrides, "last-backend@iam-b/iam-apiserver"), reason="both")
    report = await bench.engine.run(both, lambda report: None)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence


async def test_an_override_of_what_is_not_so_silences_nothing_that_becomes_so():
    bench = Ailing()
    bench.eyes.on_fresh = lambda: bench.bad.add(API)
    report = await bench.insist()
    assert report.outcome is Outcome.REFUSED
    assert bench.world.owner == "iam-a"
