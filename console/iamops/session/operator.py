"""Acting on a cluster under observation: the engine with the session's commands, state, ledger and gap meter."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from iamops.engine.account import OnProgress
from iamops.engine.engine import Engine, MeterFor
from iamops.engine.ports import GapMeter, Order
from iamops.judge.run import RunReport
from iamops.ledger.audit import Audit
from iamops.ledger.verify import LedgerPage, ledger_page
from iamops.model.observed import Known
from iamops.model.profile import Service
from iamops.model.state import ClusterState
from iamops.model.vip import OwnedBy, owner_of
from iamops.nodes.probes.client import ClientTarget
from iamops.nodes.probes.gap import EVERY_S, GapProbe, Lane
from iamops.nodes.transport import Clock
from iamops.plan.action import Action, ConfigPush, DrainedRestart, command_line
from iamops.plan.denial import Denial
from iamops.plan.impact import ASKED_THROUGH
from iamops.plan.known import answered
from iamops.plan.steps import Plan
from iamops.session.adapters import StoreReader
from iamops.session.cluster import Cluster, client_targets
from iamops.session.profiles import ProfileOnDisk
from iamops.session.user_files import audit_file, current_user

if TYPE_CHECKING:
    from iamops.judge.config import ConfigComparison
    from iamops.session.config.configurator import Configurator
    from iamops.session.drills.files import Drills

ARMED_FOR_S = 600.0
# A node needs a moment to let go of a lock whose channel was closed.
FREE_LOOKS, FREE_LOOK_S = 10, 0.3
REOPEN = "start iamops again to use it"


class ProfileChanged(Exception):
    """What the console shows is not what the profile's file says any more."""


class Operator(Engine):
    """What a front needs in order to act. Arming is kept here, so that no front can forget to ask.

    `profile_file`: where the profile was read from, when it may be edited while this lives.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        profile_name: str,
        ledger: Path | None = None,
        profile_file: Path | None = None,
    ) -> None:
        self._cluster = cluster
        self._name = profile_name
        self._armed_until = float("-inf")
        self._ledger = ledger or audit_file()
        self._on_disk = ProfileOnDisk(profile_file, cluster.profile) if profile_file is not None else None
        self._seeing_free: asyncio.Task[None] | None = None
        self._looks: set[asyncio.Task[None]] = set()
        reader = StoreReader(cluster.store, cluster.now, cluster.refresh_nodes, cluster.refresh_files)
        super().__init__(
            cluster.commands,
            reader,
            Audit(self._ledger),
            lambda plan: meter_for(plan, cluster.store.state, cluster.now),
            self._stale,
        )

    def arm(self) -> float:
        """Allows actions for ten minutes; returns until when, in session time."""
        self._armed_until = self._cluster.now() + ARMED_FOR_S
        self._cluster.pace.attend(ARMED_FOR_S)
        return self._armed_until

    def disarm(self) -> None:
        self._armed_until = float("-inf")

    @property
    def armed_s(self) -> float:
        return max(0.0, self._armed_until - self._cluster.now())

    def order(
        self,
        action: Action,
        *,
        reason: str = "",
        overrides: tuple[str, ...] = (),
        shown: str | None = None,
        insisted: tuple[Denial, ...] | None = None,
        agreed: bool = True,
    ) -> Order:
        """A request in the name of whoever runs this process."""
        return Order(
            action=action,
            who=current_user(),
            origin=os.environ.get("SSH_CONNECTION", "").partition(" ")[0] or "local",
            command=command_line(action, self._name, reason, overrides),
            reason=reason,
            overrides=overrides,
            armed=self.armed_s > 0,
            shown=shown,
            insisted=insisted,
            agreed=agreed,
        )

    async def run(self, order: Order, on_progress: OnProgress, meter: MeterFor | None = None) -> RunReport:
        """Carries an order out; `on_progress` gets every change. Cancelling undoes first. Raises NoSuchTarget."""
        try:
            with self._cluster.pace.held_full():
                return await super().run(order, on_progress, meter)
        finally:
            self._seeing_free = asyncio.ensure_future(self._see_free(order.run))

    async def _see_free(self, run: str) -> None:
        """Locks and timers are read again when a run has ended: our own must not stand in the next one's way."""
        for _ in range(FREE_LOOKS):
            self._cluster.refresh_locks()
            await asyncio.sleep(FREE_LOOK_S)
            nodes = self._cluster.store.state.nodes.values()
            safety = [node.safety.value for node in nodes if isinstance(node.safety, Known)]
            if not any((seen.lock is not None and seen.lock.run == run) or seen.dead_men for seen in safety):
                return

    def profile_changed(self) -> str:
        """Why the profile in use is not the one on disk, or nothing. Looks at the file's time first."""
        return self._on_disk.changed() if self._on_disk is not None else ""

    def _stale(self, order: Order) -> tuple[Denial, ...]:
        """Files are never pushed from a profile that its own file has left behind."""
        if not isinstance(order.action, ConfigPush | DrainedRestart):
            return ()
        why = self.profile_changed()
        return (Denial("profile-changed", f"{why}: {REOPEN}"),) if why else ()

    @functools.cached_property
    def drills(self) -> Drills:
        """Made when they are asked for: they need what a first frame does not."""
        from iamops.session.drills.files import Drills

        return Drills(self._cluster, self, self._ledger)

    @functools.cached_property
    def configurator(self) -> Configurator:
        """Made when it is asked for, for the same reason."""
        from iamops.session.config.configurator import Configurator

        cluster = self._cluster
        return Configurator(cluster.profile, cluster.transport, cluster.why_not_connected)

    async def config(self) -> ConfigComparison:
        """The nodes' files beside what the profile asks for, and what lint says of them."""
        comparison = await self.configurator.compare()
        changed = self.profile_changed()
        stale = changed and not comparison.problem
        return replace(comparison, problem=f"{changed}: {REOPEN}") if stale else comparison

    async def push_action(self) -> ConfigPush:
        """The push of what the profile asks for. Raises ProfileChanged, ConfigUnreadable, RenderError."""
        changed = self.profile_changed()
        if changed:
            raise ProfileChanged(f"{changed}: {REOPEN}")
        return await self.configurator.push()

    def refresh_nodes(self) -> None:
        self._cluster.refresh_nodes()
        task = asyncio.get_running_loop().create_task(self._cluster.refresh_files(), name="files")
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    def audit(self) -> LedgerPage:
        return ledger_page(self._ledger)


def meter_for(plan: Plan, state: ClusterState, now: Clock) -> GapMeter | None:
    """None where no client is served now at a VIP that the plan could touch: there is nothing to lose."""
    lanes = tuple(_lanes(plan, state, now()))
    return GapProbe(*lanes, namespace=state.profile.network_namespace, clock=now) if lanes else None


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
