"""Acting on a cluster under observation: the engine with the session's commands, state, ledger and gap meter."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iamops.engine.account import OnProgress
from iamops.engine.engine import Engine
from iamops.engine.execution import MeterFor
from iamops.engine.ports import Order
from iamops.judge.drill.report import DrillReport
from iamops.judge.run import RunReport
from iamops.ledger.audit import Audit, LedgerError, read
from iamops.ledger.verify import LedgerPage, ledger_page
from iamops.model.drill import Drill
from iamops.model.observed import Known
from iamops.model.profile import Environment
from iamops.plan.action import Action, ConfigPush, DrainedRestart, DrillAction, command_line
from iamops.plan.denial import Denial
from iamops.session.adapters import StoreReader
from iamops.session.cluster import Cluster
from iamops.session.measuring import meter_for
from iamops.session.profiles import ProfileOnDisk
from iamops.session.user import audit_file, current_user

if TYPE_CHECKING:
    from iamops.judge.config import ConfigComparison
    from iamops.session.config.configurator import Configurator
    from iamops.session.drills.runner import OnDrillProgress


ARMED_FOR_S = 600.0
# A node needs a moment to let go of a lock whose channel was closed.
FREE_LOOKS, FREE_LOOK_S = 10, 0.3
REOPEN = "start iamops again to use it"


class ProfileChanged(Exception):
    """What the console shows is not what the profile's file says any more."""


class Operator(Engine):
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
            armed=self._always_armed or self.armed_s > 0,
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

    async def drill_action(self, drill: Drill) -> DrillAction:
        """The drill with budgets from what the nodes are running with now. Raises NoSuchTarget."""
        # What drills need would keep the first frame waiting.
        from iamops.session.drills.runner import drill_action

        return await drill_action(self._cluster, drill)

    async def run_drill(self, order: Order, on_progress: OnDrillProgress) -> DrillReport:
        """Carries a drill out, judges it and keeps its report in the ledger. Cancelling undoes first."""
        from iamops.session.drills.runner import record_body, run_drill

        report = await run_drill(self._cluster, self.run, order, on_progress)
        try:
            self.audit_log.record("drill", record_body(report))
        except LedgerError as failure:
            report = replace(report, notes=(*report.notes, f"the report could not be kept: {failure}"))
        return report

    def drill_reports(self) -> tuple[Mapping[str, Any], ...]:
        """Earlier reports, oldest first. Reads the disk; raises OSError."""
        records = (record.raw for record in read(self._ledger) if record.kind == "drill")
        return tuple(raw["drill_report"] for raw in records if isinstance(raw.get("drill_report"), dict))

    async def config(self) -> ConfigComparison:
        """The nodes' files beside what the profile asks for, and what lint says of them."""
        comparison = await self._configurator.compare()
        changed = self.profile_changed()
        stale = changed and not comparison.problem
        return replace(comparison, problem=f"{changed}: {REOPEN}") if stale else comparison

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
        await self._cluster.refresh_files()

    def refresh_nodes(self) -> None:
        self._cluster.refresh_nodes()
        task = asyncio.get_running_loop().create_task(self._cluster.refresh_files(), name="files")
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    def audit(self) -> LedgerPage:
        return ledger_page(self._ledger)


def needs_arming(environment: Environment) -> bool:
    """Whether a command of a shell must name the cluster too before it may act."""
    return environment is Environment.PRODUCTION
