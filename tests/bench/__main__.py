"""`make bench`: measures every number of this release on the lab, beside the alternative.

Prints a Markdown table. `--save` puts it at the top of docs/bench.md, which keeps the history.
"""

from __future__ import annotations

import argparse
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from iamops import __version__
from tests.bench.figures import Row, percentile, spread, table
from tests.bench.flips import console_flips, watch_ssh_flips
from tests.bench.idle import idle
from tests.bench.questions import question_rows
from tests.bench.startup import first_frame_s, help_s, parallel_ssh_s, status_s
from tests.bench.switchovers import Switched, disagreement_ms, move_table, switchovers
from tests.bench.traffic import traffic_rows
from tests.bench.wakeups import PER_SECOND
from tests.bench.yardstick import REFERENCE_S, work_s

HISTORY = Path(__file__).parents[2] / "docs" / "bench.md"
HEAD = "# Measured\n\nEach block is one run of `make bench` on one machine; ratios matter more than values.\n"


def machine_row() -> Row:
    """Says on what kind of hour the other rows were measured; no number is corrected by it."""
    seconds = work_s()
    took = f"{seconds:.3f} s, {seconds / REFERENCE_S:.2f} times the reference"
    return Row("this machine just now: a program of fixed work", took, "-", "-", None)


def flip_rows(count: int, baseline_count: int) -> list[Row]:
    to_store, to_screen = console_flips(count)
    watch = spread(watch_ssh_flips(baseline_count), "ms")
    against = f"`watch -n1 ssh`: {watch}"
    return [
        Row(
            "VIP move: kernel event -> store",
            spread(to_store, "ms"),
            "p99 10 ms",
            against,
            percentile(to_store, 0.99) < 10,
        ),
        Row(
            "VIP move: kernel event -> painted screen",
            spread(to_screen, "ms"),
            "p99 50 ms",
            against,
            percentile(to_screen, 0.99) < 50,
        ),
    ]


def startup_rows(runs: int) -> list[Row]:
    helps, status, script = help_s(runs), status_s(runs), parallel_ssh_s(runs)
    first, live = first_frame_s(runs)
    ssh = f"two parallel ssh: {percentile(script, 0.5):.2f} s"
    return [
        _seconds("`iamops --help`", helps, 0.150, "-"),
        _seconds("`iamops status --json`, cold", status, 0.8, ssh),
        _seconds("console: first frame", first, None, "-"),
        _seconds("console: first live frame (owner shown)", live, 1.0, "-"),
    ]


def idle_rows(seconds: float) -> list[Row]:
    seen = idle(seconds)
    nodes = ", ".join(f"{name} {pct:.2f} %" for name, pct in seen.node_pct.items())
    control = f"{PER_SECOND} small wake-ups/s: {seen.control_pct:.1f} %"
    return [
        Row("idle console: CPU", f"{seen.console_pct:.1f} %", "3 % of a core", control, seen.console_pct < 3),
        Row("idle console: memory", f"{seen.console_mb:.0f} MB", "130 MB", "-", seen.console_mb < 130),
        Row("idle console: CPU on a node", nodes, "0.5 %", "-", max(seen.node_pct.values()) < 0.5),
    ]


def switchover_rows(fast: list[Switched], plain: list[Switched]) -> list[Row]:
    gaps, stops = ([move.witness_ms for move in moves] for moves in (fast, plain))
    off = disagreement_ms([*fast, *plain])
    return [
        Row(
            "planned switchover: gap a client sees",
            f"p95 {percentile(gaps, 0.95):.1f} ms, {spread(gaps, 'ms')}",
            "p95 60 ms",
            f"stopping keepalived: {spread(stops, 'ms')}",
            percentile(gaps, 0.95) <= 60,
        ),
        Row(
            "measured gap against an independent probe",
            f"max {max(off):.1f} ms off, {spread(off, 'ms')}",
            "within 20 ms",
            "-",
            max(off) <= 20,
        ),
        Row(
            "planned switchover: from command to done",
            spread([move.took_s for move in fast], "s"),
            "-",
            "-",
            None,
        ),
    ]


def _seconds(what: str, values: list[float], goal_s: float | None, against: str) -> Row:
    ours = f"median {percentile(values, 0.5):.3f} s, max {max(values):.3f} s (n={len(values)})"
    held = None if goal_s is None else percentile(values, 0.5) < goal_s
    return Row(what, ours, "-" if goal_s is None else f"{goal_s:g} s", against, held)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--flips", type=int, default=50)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--idle-seconds", type=float, default=30)
    parser.add_argument("--switchovers", type=int, default=30)
    parser.add_argument("--plain-stops", type=int, default=10)
    parser.add_argument("--only", choices=("all", "questions", "switchovers", "traffic"), default="all")
    parser.add_argument("--save", action="store_true", help=f"keep the result in {HISTORY.name}")
    args = parser.parse_args()
    rows = [machine_row()]
    if args.only == "all":
        rows += startup_rows(args.runs) + idle_rows(args.idle_seconds) + flip_rows(args.flips, 10)
    if args.only in ("all", "questions"):
        rows += question_rows(args.idle_seconds)
    if args.only in ("all", "traffic"):
        rows += traffic_rows()
    moves = ""
    if args.only in ("all", "switchovers"):
        fast, plain = switchovers(args.switchovers), switchovers(args.plain_stops, plain=True)
        rows += switchover_rows(fast, plain)
        moves = f"\n{move_table(fast, plain)}\n"
    when = datetime.now(UTC).date()
    title = f"## {when}, iamops {__version__}, Python {platform.python_version()}, {platform.machine()}"
    block = f"{title}\n\n{table(rows)}\n{moves}"
    print(block)
    if args.save:
        before = HISTORY.read_text().removeprefix(HEAD) if HISTORY.exists() else ""
        HISTORY.write_text(f"{HEAD}\n{block}{before}")
    return 0 if all(row.held is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
