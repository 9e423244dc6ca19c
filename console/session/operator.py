"""Acting on a cluster under observation: one engine with the session's hands, eyes, ledger and gap meter."""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from console.engine.engine import Engine, Tell
from console.engine.order import Order
from console.engine.ports import AuditUnwritable, GapMeter
from console.engine.report import RunReport
from console.judge.guards import Denial
from console.ledger.audit import Audit, LedgerError
from console.ledger.page import Page, page
from console.model.gap import GapReport
from console.model.profile import Environment
from console.nodes.gap_probe import GapProbe
from console.plan.action import Action, command_line
from console.plan.steps import Plan
from console.session.cluster import Cluster, client_targets
from console.session.hands import StoreEyes
from console.session.resources import audit_file

ARMED_FOR_S = 600.0


class Operator:
    """What a front needs in order to act. Arming is kept here, so that no front can forget to ask.

    `always_armed`: each command of a shell names its own action, and arms itself for that alone.
    """

    def __init__(
        self, cluster: Cluster, *, profile_name: str, ledger: Path | None = None, always_armed: bool = False
    ) -> None:
        self._cluster = cluster
        self._name = profile_name
        self._always_armed = always_armed
        self._armed_until = float("-inf")
        eyes = StoreEyes(cluster.store, cluster.now, cluster.look_again)
        self._ledger = ledger or audit_file()
        self._engine = Engine(cluster.hands, eyes, _Ledger(self._ledger), self._meter)

    # --- arming ---

    def arm(self) -> float:
        """Allows actions for ten minutes; returns until when, in session time."""
        self._armed_until = self._cluster.now() + ARMED_FOR_S
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
    ) -> Order:
        """A request in the name of whoever runs this process."""
        return Order(
            action=action,
            who=f"{_user()}@{socket.gethostname()}",
            origin=os.environ.get("SSH_CONNECTION", "").partition(" ")[0] or "local",
            command=command_line(action, self._name, reason, overrides),
            reason=reason,
            overrides=overrides,
            armed=self._always_armed or self.armed_s > 0,
            shown=shown,
        )

    def consider(self, order: Order) -> tuple[Plan, tuple[Denial, ...]]:
        """The plan as of now and what speaks against it. Raises NoSuchTarget."""
        return self._engine.consider(order)

    async def run(self, order: Order, tell: Tell) -> RunReport:
        """Carries it out; `tell` hears of every change. Cancelling undoes first. Raises NoSuchTarget."""
        return await self._engine.run(order, tell)

    def look_again(self) -> None:
        """Asks for fresh evidence, before a plan is shown to anyone."""
        self._cluster.look_again()

    def audit(self) -> Page:
        """Everything that was done from this machine. Reads the disk; raises OSError."""
        return page(self._ledger)

    def _meter(self, plan: Plan) -> GapMeter | None:
        """Measures at the first VIP that the plan could touch, if a client sees it now."""
        profile = self._cluster.profile
        name = next(iter(plan.impact.moves), profile.instance.name)
        seen = self._cluster.store.state.client[name].value
        if seen is None or not seen.ok:
            return None
        target = next(target for target in client_targets(profile) if target.name == name)
        return _Meter(GapProbe(target, namespace=profile.network_namespace))


class _Meter:
    """A gap probe as the engine's meter."""

    def __init__(self, probe: GapProbe) -> None:
        self._probe = probe

    def start(self) -> None:
        self._probe.start()

    def report(self) -> GapReport | None:
        return self._probe.report()

    def stop(self) -> None:
        self._probe.stop()


class _Ledger:
    """The audit file as the engine's ledger."""

    def __init__(self, path: Path) -> None:
        self._audit = Audit(path, time.time)

    def check(self) -> None:
        try:
            self._audit.check_writable()
        except LedgerError as failure:
            raise AuditUnwritable(str(failure)) from None

    def append(self, kind: str, body: Mapping[str, Any]) -> None:
        try:
            self._audit.append(kind, body)
        except LedgerError as failure:
            raise AuditUnwritable(str(failure)) from None


def needs_arming(environment: Environment) -> bool:
    """Whether a command of a shell must name the cluster too before it may act."""
    return environment is Environment.PRODUCTION


def _user() -> str:
    """Who is at the keyboard: the one before sudo, where sudo says so."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
