"""Acting on a cluster under observation: one engine with the session's hands, eyes, ledger and gap meter."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iamops.engine.engine import Engine, Tell, Weighed
from iamops.engine.order import Order
from iamops.engine.ports import AuditUnwritable, GapMeter
from iamops.judge.drill.report import DrillReport
from iamops.judge.run import RunReport
from iamops.ledger.anchors import anchor
from iamops.ledger.audit import Audit, LedgerError, read
from iamops.ledger.verify import Page, page
from iamops.model.drill import Drill
from iamops.model.journal import Anchor
from iamops.model.observed import Known
from iamops.model.profile import Environment
from iamops.plan.action import ALLOWANCE_S, Action, ConfigPush, DrainedRestart, DrillAction, command_line
from iamops.plan.denial import Denial
from iamops.plan.steps import Plan
from iamops.session.adapters import StoreReader
from iamops.session.cluster import Cluster
from iamops.session.measuring import meter_for
from iamops.session.profiles import ProfileOnDisk
from iamops.session.user import audit_file, who

if TYPE_CHECKING:
    from iamops.judge.config import ConfigComparison
    from iamops.session.config.configurator import Configurator
    from iamops.session.drills.runner import Driller
    from iamops.session.drills.runner import Tell as TellDrill


ARMED_FOR_S = 600.0
# A node needs a moment to let go of a lock whose channel was closed.
FREE_LOOKS, FREE_LOOK_S = 10, 0.3
REOPEN = "start iamops again to use it"


class ProfileChanged(Exception):
    """What the console shows is not what the profile's file says any more."""


class Operator:
    """What a front needs in order to act. Arming is kept here, so that no front can forget to ask.

    `always_armed`: each command of a shell names its own action, and arms itself for that alone. `profile_file`:
    where the profile was read from, when it may be edited while this lives.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        profile_name: str,
        ledger: Path | None = None,
        always_armed: bool = False,
        profile_file: Path | None = None,
    ) -> None:
        self._cluster = cluster
        self._name = profile_name
        self._always_armed = always_armed
        self._armed_until = float("-inf")
        if always_armed:  # a shell's command is here to act
            cluster.pace.attend(ARMED_FOR_S)
        eyes = StoreReader(cluster.store, cluster.now, cluster.refresh_nodes, cluster.refresh_files)
        self._ledger = ledger or audit_file()
        self._audit = _Ledger(self._ledger)
        self._engine = Engine(cluster.hands, eyes, self._audit, self._meter, self._stale)
        self._on_disk = ProfileOnDisk(profile_file, cluster.profile) if profile_file is not None else None
        self._seeing_free: asyncio.Task[None] | None = None
        self._measuring: GapMeter | None = None
        self._looks: set[asyncio.Task[None]] = set()

    # --- arming ---

    def arm(self) -> float:
        """Allows actions for ten minutes; returns until when, in session time."""
        self._armed_until = self._cluster.now() + ARMED_FOR_S
        self._cluster.pace.attend(ARMED_FOR_S)
        return self._armed_until

    def disarm(self) -> None:
        self._armed_until = float("-inf")

    @property
    def armed_s(self) -> float:
        """Seconds that are left, 0 when read-only."""
        return max(0.0, self._armed_until - self._cluster.now())

    # --- acting ---

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
            who=who(),
            origin=os.environ.get("SSH_CONNECTION", "").partition(" ")[0] or "local",
            command=command_line(action, self._name, reason, overrides),
            reason=reason,
            overrides=overrides,
            armed=self._always_armed or self.armed_s > 0,
            shown=shown,
            insisted=insisted,
            agreed=agreed,
        )

    def consider(self, order: Order) -> tuple[Plan, tuple[Denial, ...]]:
        """The plan as of now and what speaks against it. Raises NoSuchTarget."""
        return self._engine.consider(order)

    def weigh(self, order: Order) -> Weighed:
        """The same with the denials that gave way. Raises NoSuchTarget."""
        return self._engine.weigh(order)

    async def weigh_anew(self, order: Order) -> Weighed:
        """The same, when everything has been looked at again. Raises NoSuchTarget."""
        return await self._engine.weigh_anew(order)

    async def run(self, order: Order, tell: Tell) -> RunReport:
        """Carries it out; `tell` hears of every change. Cancelling undoes first. Raises NoSuchTarget."""
        try:
            with self._cluster.pace.held_full():
                return await self._engine.run(order, tell)
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

    # --- the profile's file ---

    def profile_changed(self) -> str:
        """Why the profile in use is not the one on disk, or nothing. Looks at the file's time first."""
        return self._on_disk.changed() if self._on_disk is not None else ""

    def _stale(self, order: Order) -> tuple[Denial, ...]:
        """Files are never pushed from a profile that its own file has left behind."""
        if not isinstance(order.action, ConfigPush | DrainedRestart):
            return ()
        why = self.profile_changed()
        return (Denial("profile-changed", f"{why}: {REOPEN}"),) if why else ()

    # --- drills ---

    def drills(self) -> tuple[Drill, ...]:
        """Every drill that can be run on this cluster. Reads the disk.

        One that is not valid here is left out: `iamops drill show` says what is wrong with it.
        """
        from iamops.parse.drill.loader import DrillError
        from iamops.session.drills.files import DrillUnreadable, available_drills, load_drill

        profile, found = self._cluster.profile, list[Drill]()
        for name in available_drills():
            with contextlib.suppress(DrillError, DrillUnreadable):
                found.append(load_drill(name, profile.all_units, profile.nodes))
        return tuple(found)

    async def drill_action(
        self,
        drill: Drill,
        *,
        instance: str | None = None,
        allowance_s: float = ALLOWANCE_S,
        disruptive: bool = False,
    ) -> DrillAction:
        """The drill with budgets from what the nodes are running with now. Raises NoSuchTarget."""
        return await self._driller.action(drill, instance=instance, allowance_s=allowance_s, disruptive=disruptive)

    @functools.cached_property
    def _driller(self) -> Driller:
        """Made when it is asked for: what it needs would keep the first frame waiting."""
        from iamops.session.drills.runner import Driller

        return Driller(self._cluster, self.run, lambda: self._measuring)

    async def run_drill(self, order: Order, tell: TellDrill) -> DrillReport:
        """Carries a drill out, judges it and keeps its report in the ledger. Cancelling undoes first."""
        from iamops.session.drills.runner import record_body

        self._measuring = None
        report = await self._driller.run(order, tell)
        try:
            self._audit.append("drill", record_body(report))
        except AuditUnwritable as failure:
            report = replace(report, notes=(*report.notes, f"the report could not be kept: {failure}"))
        return report

    def drill_reports(self) -> tuple[Mapping[str, Any], ...]:
        """Earlier reports, oldest first. Reads the disk; raises OSError."""
        records = (record.raw for record in read(self._ledger) if record.kind == "drill")
        return tuple(raw["drill_report"] for raw in records if isinstance(raw.get("drill_report"), dict))

    # --- configuration ---

    async def config(self) -> ConfigComparison:
        """The nodes' files beside what the profile asks for, and what lint says of them."""
        sight = await self._configurator.compare()
        changed = self.profile_changed()
        return replace(sight, problem=f"{changed}: {REOPEN}") if changed and not sight.problem else sight

    async def push_action(self) -> ConfigPush:
        """The push of what the profile asks for. Raises ProfileChanged, ConfigUnreadable, RenderError."""
        changed = self.profile_changed()
        if changed:
            raise ProfileChanged(f"{changed}: {REOPEN}")
        return await self._configurator.push()

    @functools.cached_property
    def _configurator(self) -> Configurator:
        """Made when it is asked for: it needs what a first frame does not."""
        from iamops.session.config.configurator import Configurator

        cluster = self._cluster
        return Configurator(cluster.profile, cluster.transport, cluster.why_not_connected)

    async def refresh_files(self) -> None:
        """What a plan has to know of the nodes' files, before it is shown to anyone."""
        await self._cluster.refresh_files()

    def refresh_nodes(self) -> None:
        """Asks for fresh evidence, before a plan is shown to anyone."""
        self._cluster.refresh_nodes()
        self._look_at_files_soon()

    def _look_at_files_soon(self) -> None:
        task = asyncio.get_running_loop().create_task(self._cluster.refresh_files(), name="files")
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    def audit(self) -> Page:
        """Everything that was done from this machine. Reads the disk; raises OSError."""
        return page(self._ledger)

    def _meter(self, plan: Plan) -> GapMeter | None:
        self._measuring = meter = meter_for(plan, self._cluster.store.state, self._cluster.now)
        return meter


class _Ledger:
    """The audit file as the engine's ledger."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._audit = Audit(path, time.time)

    def check(self) -> None:
        try:
            self._audit.check_writable()
        except LedgerError as failure:
            raise AuditUnwritable(str(failure)) from None

    def append(self, kind: str, body: Mapping[str, Any]) -> Anchor | None:
        try:
            return anchor(self._path, self._audit.append(kind, body))
        except LedgerError as failure:
            raise AuditUnwritable(str(failure)) from None


def needs_arming(environment: Environment) -> bool:
    """Whether a command of a shell must name the cluster too before it may act."""
    return environment is Environment.PRODUCTION
