"""What `iamops drill` knows without the cluster: the drills there are, one of them, and their history."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence

from iamops.cli.output import columns, print_lines
from iamops.judge.drill.report import DrillRun, drill_runs, passed, trends
from iamops.ledger.audit import read
from iamops.model.drill import Drill
from iamops.model.exit_code import ExitCode
from iamops.model.text import safe
from iamops.parse.drill.loader import DrillError
from iamops.report.drill import drill_history_document, drills_document
from iamops.report.text import json_text
from iamops.session.drills.files import DrillUnreadable, available_drills, load_drill, read_drill
from iamops.session.user_files import ledger_file


def list_drills(args: argparse.Namespace) -> int:
    drills, code = {}, ExitCode.OK
    for name, path in available_drills().items():
        try:
            drills[str(path)] = load_drill(name)
        except (DrillError, DrillUnreadable) as error:
            print(f"iamops: {error}", file=sys.stderr)
            code = ExitCode.USAGE
    if args.json:
        print(json_text(drills_document(drills)))
    else:
        print_lines(list_lines(list(drills.values())))
    return code


def list_lines(drills: Sequence[Drill]) -> list[str]:
    rows = ((d.name, f"{d.title}{' (takes a machine away)' if d.disruptive else ''}") for d in drills)
    return [safe(line) for line in columns(rows)]


def show_drill(args: argparse.Namespace) -> int:
    print_lines(show_lines(load_drill(args.drill), read_drill(args.drill)))
    return ExitCode.OK


def show_lines(drill: Drill, text: str) -> list[str]:
    """What it is for, then as it is written."""
    lines = (f"{drill.name}: {drill.title}", *textwrap.wrap(drill.about, 100), "", *text.rstrip().splitlines())
    return [safe(line) for line in lines]


def show_history(args: argparse.Namespace) -> int:
    path = ledger_file(args.file)
    runs = [run for run in drill_runs(record.raw for record in read(path)) if args.drill in (None, run.drill)]
    if args.json:
        print(json_text(drill_history_document(runs)))
    else:
        print_lines(history_lines(runs, args.drill))
    return ExitCode.OK


def history_lines(runs: Sequence[DrillRun], name: str | None) -> list[str]:
    """Pass counts, then each measurement with median, worst, latest and trend."""
    if not runs:
        return [safe(f"no runs of {name} yet") if name else "no drills were run yet"]
    lines: list[str] = []
    for drill in dict.fromkeys(run.drill for run in runs):
        own = [run for run in runs if run.drill == drill]
        good, count = passed(runs, drill)
        lines.append(f"{drill}: {good} of {count} passed; last {own[-1].ending} at {own[-1].at}")
        rows: list[tuple[str, ...]] = [("measure", "runs", "median", "worst", "latest", "trend")]
        for t in trends(own):
            numbers = (f"{value:.0f} ms" for value in (t.median_ms, t.worst_ms, t.latest_ms))
            rows.append((t.measure, str(t.runs), *numbers, t.trend))
        lines += [f"  {line}" for line in columns(rows)] if len(rows) > 1 else []
    return [safe(line) for line in lines]
