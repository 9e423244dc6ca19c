"""The account of one run while it goes on: for the front, for the ledger, for the journals of the nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypedDict

from iamops.engine.ports import AuditLog, CommandRunner, GapMeter, Order, StateReader
from iamops.engine.steps import Stepper
from iamops.judge.run import (
    Outcome,
    Phase,
    RestoredBy,
    RunReport,
)
from iamops.ledger.audit import LedgerError
from iamops.model.journal import Anchor, noted
from iamops.model.observed import Unknown
from iamops.model.state import ClusterState
from iamops.model.vip import OwnerUnknown, ownership
from iamops.plan.denial import Denial
from iamops.plan.predict import AFTERWARDS
from iamops.plan.steps import Plan
from iamops.report.run import gap_document, plan_document, step_document, undone_document

OnProgress = Callable[[RunReport], None]
UNNOTED = "no line of this run is known to be in the journal of"


class StateSummary(TypedDict):
    """Owners of each VIP (None: nobody knows); of each node its link, VRRP states with priorities, units."""

    owners: dict[str, list[str] | None]
    nodes: dict[str, dict[str, object]]


class RunAccount:
    """One run. `report` is what is known of it; every change goes to `on_progress`. Steps and undos come from
    `stepper`, what clients lose from `meter`, once there are any.
    """

    def __init__(self, order: Order, reader: StateReader, audit: AuditLog, on_progress: OnProgress) -> None:
        self.order = order
        self.report = RunReport(order.run, order.action, reader.now())
        self.before = StateSummary(owners={}, nodes={})
        self.stepper: Stepper | None = None
        self.meter: GapMeter | None = None
        self._reader, self._audit, self._on_progress = reader, audit, on_progress
        self._anchor: Anchor | None = None

    def update(self, *, plan: Plan | None = None, phase: Phase | None = None, notes: Iterable[str] = ()) -> None:
        """What is not given stays; notes are added."""
        report = self.report
        self._publish(
            replace(
                report,
                plan=plan or report.plan,
                phase=phase or report.phase,
                notes=tuple(dict.fromkeys((*report.notes, *notes))),
            )
        )

    def finished(
        self,
        outcome: Outcome,
        sentence: str,
        *,
        interrupted: bool = False,
        restored_by: RestoredBy | None = None,
        denials: tuple[Denial, ...] = (),
        files: Mapping[str, str] | None = None,
        moved_vips: tuple[str, ...] = (),
    ) -> RunReport:
        """The last word on the run."""
        plan, notes = self.report.plan, list(self.report.notes)
        if self.stepper is not None and self.stepper.too_late:
            notes.append(self.stepper.too_late)
        if outcome is Outcome.SUCCEEDED and plan is not None and plan.steps:
            notes += [text for note, text in AFTERWARDS.items() if note in plan.notes]
        self._publish(
            replace(
                self.report,
                outcome=outcome,
                sentence=sentence,
                phase=Phase.OVER,
                ended=self._reader.now(),
                interrupted=interrupted,
                restored_by=restored_by,
                denials=denials,
                files=files or {},
                moved_vips=moved_vips,
                notes=tuple(notes),
            )
        )
        return self.report

    def refused(self, *denials: Denial, audited: bool = True) -> RunReport:
        sentence = "; ".join(denial.reason for denial in denials)
        self.finished(Outcome.REFUSED, sentence, denials=denials)
        if audited and (failure := self._record("refused", outcome=Outcome.REFUSED, sentence=sentence)):
            self.update(notes=[failure])
        return self.report

    def _publish(self, report: RunReport) -> None:
        if self.stepper is not None:
            report = replace(report, steps=tuple(self.stepper.steps), undone=tuple(self.stepper.undoing.undone))
        if self.meter is not None:
            report = replace(report, gap=self.meter.report())
        self.report = report
        self._on_progress(report)

    def unwritable(self) -> Denial | None:
        """What cannot be written down may not be done."""
        try:
            self._audit.check()
        except LedgerError as failure:
            return Denial("audit-unwritable", str(failure))
        return None

    def intend(self, plan: Plan) -> Denial | None:
        """Records what is going to be done, or says why that cannot be recorded."""
        given_way = [f"{denial.code}: {denial.reason}" for denial in self.order.insisted or ()]
        failure = self._record("intent", overridden=given_way, plan=plan_document(plan), before=self.before)
        return Denial("audit-unwritable", failure) if failure else None

    def record_outcome(self) -> None:
        report = self.report
        failure = self._record(
            "outcome",
            outcome=report.outcome,
            sentence=report.sentence,
            steps=[step_document(step, report.began) for step in report.steps],
            undone=[undone_document(undo) for undo in report.undone],
            restored_by=report.restored_by,
            interrupted=report.interrupted,
            not_undone=list(report.not_undone),
            client=gap_document(report.gap),
            files=dict(report.files),
            after=state_summary(self._reader.state, self._reader.now()),
        )
        if failure:
            self.update(notes=[f"the outcome could not be recorded: {failure}"])

    def _record(self, kind: str, **body: object) -> str:
        """Why it could not be recorded, or nothing."""
        order, profile = self.order, self._reader.state.profile
        common = {
            "run": order.run,
            "profile": profile.name,
            "environment": profile.environment,
            "action": order.action.sentence,
            "command": order.command,
            "who": order.who,
            "from": order.origin,
            "reason": order.reason,
            "overrides": list(order.overrides),
        }
        self._anchor = None
        try:
            self._anchor = self._audit.record(kind, {**common, **body})
        except LedgerError as failure:
            return str(failure)
        return ""

    async def note(self, commands: CommandRunner, nodes: Sequence[str], text: str) -> None:
        """The run, and how far the ledger goes, in the journal of each node."""
        order = self.order
        reason = f" reason={order.reason!r}" if order.reason else ""
        line = noted(order.run, self._anchor, f"{text} by {order.who} from {order.origin}{reason}")
        failures = await asyncio.gather(*(commands.note(node, line) for node in nodes))
        failed = [f"{UNNOTED} {node}: {why}" for node, why in zip(nodes, failures, strict=True) if why]
        if failed:
            self.update(notes=failed)


# The state before and after a run, in as few words as will do; for the audit.


def state_summary(state: ClusterState, now: float) -> StateSummary:
    owners: dict[str, list[str] | None] = {}
    for name in state.profile.vrrp:
        seen = ownership(state, name, now)
        # An empty list would say that no node has it.
        unknown = isinstance(seen.owner, OwnerUnknown)
        owners[name] = None if unknown else [claim.node for claim in seen.owners]
    nodes: dict[str, dict[str, object]] = {}
    for name, node in state.nodes.items():
        vrrp = {
            instance: seen.reason
            if isinstance(seen, Unknown)
            else f"{seen.value.state} {seen.value.effective_priority}"
            for instance, seen in node.vrrp.items()
        }
        units = {
            unit: seen.reason if isinstance(seen, Unknown) else seen.value.active
            for unit, seen in node.units.items()
        }
        nodes[name] = {"link": node.link.state, "vrrp": vrrp, "units": units}
    return {"owners": owners, "nodes": nodes}


def moved_vips(before: StateSummary, after: StateSummary, unseen: Collection[str]) -> tuple[str, ...]:
    """The VIPs that are not where they were, a sentence for each. What `unseen` nodes reported is old."""
    sentences = []
    for name, then in before["owners"].items():
        owners = after["owners"].get(name)
        if then is None:
            continue
        if owners is None:
            sentences.append(f"whether the VIP of {name} is still on {_listed(then)} is not known")
            continue
        now = [node for node in owners if node not in unseen]
        if now != then:
            sentences.append(f"the VIP of {name} is on {_listed(now)} and was on {_listed(then)}")
    return tuple(sentences)


def _listed(nodes: Collection[str]) -> str:
    return " and ".join(nodes) or "no node"
