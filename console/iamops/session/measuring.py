"""What a client loses while an action runs: which addresses and hosts are asked for it, and how often."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace

from iamops.model.observed import Known
from iamops.model.outage import GapReport, Samples
from iamops.model.profile import Service
from iamops.model.state import ClusterState
from iamops.model.vip import OwnedBy, owner_of
from iamops.nodes.probes.client import ClientTarget
from iamops.nodes.probes.gap import EVERY_S, GapProbe, Lane
from iamops.nodes.transport import Clock
from iamops.plan.impact import ASKED_THROUGH
from iamops.plan.known import answered
from iamops.plan.steps import Plan
from iamops.session.cluster import client_targets

SWITCH_S = 0.0005


def meter_for(plan: Plan, state: ClusterState, now: Clock) -> Meter | None:
    """None where no client is served now at a VIP that the plan could touch: there is nothing to lose."""
    lanes = tuple(_lanes(plan, state, now()))
    return Meter(GapProbe(*lanes, namespace=state.profile.network_namespace), now) if lanes else None


def _lanes(plan: Plan, state: ClusterState, now: float) -> Iterator[Lane]:
    """Every VIP, as any node may take it; through it, each published service that the plan touches, or may."""
    names = dict.fromkeys((*plan.impact.moves, *state.profile.vrrp))
    well = [name for name in names if isinstance(seen := state.client[name], Known) and seen.value.ok]
    targets = [target for target in client_targets(state.profile) if target.name in well]
    if plan.asked_host is not None:
        for target in targets:
            yield Lane(replace(target, host=plan.asked_host, path="/"), any_answer=True)
    # Those that the plan stops; all of them where it stops none by name, or where it may reach any.
    published = [service for service in state.profile.services.values() if service.domain]
    touched = [service for service in published if service.name in plan.impact.stops_service]
    services = touched if touched and not plan.impact.stops_datastore else published
    for target in targets:
        served = [service for service in services if _is_served(state, service, target, now)]
        # Where nothing is published, whatever answers at the VIP is what a client has.
        asked = [replace(target, host=s.domain or "", path=s.health) for s in served] or [target]
        every_s = EVERY_S * (len(asked) if plan.asked_host is None else ASKED_THROUGH)
        yield from (Lane(target, every_s=every_s) for target in asked)


def _is_served(state: ClusterState, service: Service, target: ClientTarget, now: float) -> bool:
    """What is not answered now cannot be lost. The target's own host is what the VIP is always asked for."""
    owner = owner_of(state, target.name, now)
    if service.domain == target.host or not isinstance(owner, OwnedBy):
        return service.domain == target.host
    return answered(state.nodes[owner.node].domains[service.domain or ""])


class Meter:
    """A gap probe as the engine's meter."""

    def __init__(self, probe: GapProbe, clock: Clock) -> None:
        self._probe = probe
        self._clock = clock
        self._usual_s = sys.getswitchinterval()

    def start(self) -> None:
        # The probe's thread must not wait for the interpreter while the screen or a judge is busy.
        sys.setswitchinterval(SWITCH_S)
        self._probe.start()

    def report(self) -> GapReport | None:
        return self._probe.report()

    def samples(self) -> Samples:
        return Samples(self._probe.samples(), self._clock() - time.monotonic())

    def stop(self) -> None:
        self._probe.stop()
        sys.setswitchinterval(self._usual_s)
