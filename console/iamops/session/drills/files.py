"""The drills of a cluster, and their files: the shipped ones by name, the user's own, or any file."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iamops.ledger.audit import LedgerError, read
from iamops.model.drill import Drill
from iamops.parse.drill.loader import DrillError, parse_drill
from iamops.plan.action import ALLOWANCE_S, DrillAction, instance_of
from iamops.session.user_files import PACKAGE, by_name, text_of

if TYPE_CHECKING:
    from iamops.engine.ports import Order
    from iamops.judge.drill.report import DrillReport
    from iamops.session.cluster import Cluster
    from iamops.session.drills.runner import OnDrillProgress
    from iamops.session.operator import Operator


class DrillNotFound(Exception):
    """There is no such drill."""


class DrillUnreadable(Exception):
    """The file is there but cannot be read as text, or somebody else could change it."""


def available_drills() -> Mapping[str, Path]:
    """Every drill that can be named: the shipped ones, and those of ~/.config/iamops/drills, which win."""
    return by_name(PACKAGE / "drills", "drills")


def find_drill(name_or_path: str) -> Path:
    """The file meant by a name or a path. Raises DrillNotFound, DrillUnreadable."""
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        try:
            path = Path(name_or_path).expanduser()
            if path.is_file():
                return path
            what = f"{path}: a directory, not a drill" if path.is_dir() else f"no drill file at {path}"
        except RuntimeError as error:  # ~nobody: there is no such user
            what = f"no drill file at {name_or_path}: {error}"
        except OSError as error:
            raise DrillUnreadable(f"{name_or_path}: {error.strerror}") from error
        raise DrillNotFound(what)
    known = available_drills()
    if name_or_path in known:
        return known[name_or_path]
    near = difflib.get_close_matches(name_or_path, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known drills: {', '.join(known)}"
    raise DrillNotFound(f"no drill named {name_or_path!r}; {hint}")


def read_drill(name_or_path: str) -> str:
    """The drill's text as it is written. Raises DrillNotFound, DrillUnreadable."""
    return text_of(find_drill(name_or_path), DrillUnreadable)


def load_drill(
    name_or_path: str, units: Collection[str] | None = None, nodes: Collection[str] | None = None
) -> Drill:
    """Reads and checks a drill. Raises DrillNotFound, DrillUnreadable, DrillError.

    Problems name the file; a drill's `source` is what it was asked for with, which the next run can use.
    """
    drill = parse_drill(read_drill(name_or_path), str(find_drill(name_or_path)), units, nodes)
    return replace(drill, source=name_or_path)


class Drills:
    """The drills of one cluster: which there are, their actions, their runs, and their reports in the ledger."""

    def __init__(self, cluster: Cluster, operator: Operator, ledger: Path) -> None:
        self._cluster, self._operator, self._ledger = cluster, operator, ledger

    def available(self) -> tuple[Drill, ...]:
        """Every drill that can be run on this cluster. Reads the disk.

        One that is not valid here is left out: `iamops drill show` says what is wrong with it.
        """
        profile, found = self._cluster.profile, list[Drill]()
        for name in available_drills():
            with contextlib.suppress(DrillError, DrillUnreadable):
                found.append(load_drill(name, profile.all_units, profile.nodes))
        return tuple(found)

    async def action(
        self,
        drill: Drill,
        *,
        instance: str | None = None,
        allowance_s: float = ALLOWANCE_S,
        disruptive: bool = False,
    ) -> DrillAction:
        """The drill with budgets from what the nodes are running with now. Raises NoSuchTarget."""
        live = await self._cluster.live_config(instance_of(self._cluster.profile, instance))
        return DrillAction(drill, live, instance, allowance_s, disruptive)

    async def run(self, order: Order, on_progress: OnDrillProgress) -> DrillReport:
        """Carries a drill out, judges it and keeps its report in the ledger. Cancelling undoes first."""
        # What a run needs, a console that only lists drills does not load.
        from iamops.session.drills.runner import record_body, run_drill

        report = await run_drill(self._cluster, self._operator.run, order, on_progress)
        try:
            self._operator.audit_log.record("drill", record_body(report))
        except LedgerError as failure:
            report = replace(report, notes=(*report.notes, f"the report could not be kept: {failure}"))
        return report

    def reports(self) -> tuple[Mapping[str, Any], ...]:
        """Earlier reports, oldest first. Reads the disk; raises OSError."""
        records = (record.raw for record in read(self._ledger) if record.kind == "drill")
        return tuple(raw["drill_report"] for raw in records if isinstance(raw.get("drill_report"), dict))
