"""What is overridden is what was there when the run began, or what an operator had read, and nothing later."""

from __future__ import annotations

from dataclasses import replace

from console.engine.report import Outcome, RunReport
from console.judge.denial import Denial
from console.judge.insisting import NEW
from console.model.events import Event, HttpProbed, Target
from console.model.facts import ProbeOutcome, ProbeReport
from console.plan.action import ServiceAction, Verb
from tests.unit.engine.pair import Bench

STOP = ServiceAction(Verb.STOP, "keepalived", "iam-a")
CODE = "standby-unhealthy"
BAD = ProbeReport(ProbeOutcome.REFUSED, detail="HTTP 500")
API, AUTHZ = "iam.api.marmotedu.com", "iam.authz.marmotedu.com"


class Ailing(Bench):
    """iam-b's nginx answers badly for these domains."""

    def __init__(self, *domains: str) -> None:
        super().__init__()
        self.bad = set(domains)
        told = self.world._events
        self.world._events = lambda name: [self._ailing(each) for each in told(name)]  # type: ignore[method-assign]
        self.world.tell()

    def _ailing(self, event: Event) -> Event:
        domain = isinstance(event, HttpProbed) and event.target is Target.DOMAIN
        if isinstance(event, HttpProbed) and domain and event.node == "iam-b" and event.name in self.bad:
            return replace(event, report=BAD)
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


async def test_an_override_of_what_is_not_so_silences_nothing_that_becomes_so():
    bench = Ailing()
    bench.eyes.on_fresh = lambda: bench.bad.add(API)
    report = await bench.insist()
    assert report.outcome is Outcome.REFUSED
    assert bench.world.owner == "iam-a"
