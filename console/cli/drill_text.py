"""Drills, their results and their history as lines of plain text. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from console.judge.drill_history import DrillRun, passed, trends
from console.judge.drill_report import ClientView, DrillReport, Measure, Verdict
from console.model.drill import Drill
from console.model.gap import not_measured
from console.parse.safe_text import safe

WIDTH = 100
HELD = {True: "held", False: "BROKEN", None: "not known"}


def list_lines(drills: Sequence[Drill]) -> list[str]:
    """One line for each."""
    width = max((len(drill.name) for drill in drills), default=0)
    lines = (f"{d.name:<{width}}  {d.title}{' (takes a machine away)' if d.disruptive else ''}" for d in drills)
    return [safe(line) for line in lines]


def show_lines(drill: Drill, text: str) -> list[str]:
    """What it is for, then as it is written."""
    about = textwrap.wrap(drill.about, WIDTH)
    lines = (f"{drill.name}: {drill.title}", *about, "", *text.rstrip().splitlines())
    return [safe(line) for line in lines]


def result_lines(report: DrillReport) -> list[str]:
    """The result as a person reads it: the verdict first. What nodes and people wrote in it is harmless."""
    return [safe(line) for line in _result(report)]


def _result(report: DrillReport) -> list[str]:
    if report.verdict is Verdict.REFUSED:
        return [f"refused: {denial.sentence}" for denial in report.denials]
    lines = [f"{report.ending}: drill {report.drill}: {report.sentence}"]
    lines += [f"  {failure.kind}: {failure.text}" for failure in report.failures]
    lines += _columns([_budget(measure) for measure in report.measures])
    lines += [f"  {HELD[each.holds]}: {each.name}: {each.text}" for each in report.invariants]
    lines += [f"  {domain}: {_shares(counts)}" for domain, counts in report.splits.items()]
    lines += [client_line(report.client)] if report.client is not None else []
    if report.restored_by is not None:
        lines.append(f"  restored by: {report.restored_by}")
    return [*lines, *(f"  note: {note}" for note in report.notes)]


def client_line(client: ClientView) -> str:
    """What a client lost, in one line."""
    if not client.attempts:
        return "  client: not measured"
    seen = f"{client.attempts} requests, none further apart than {client.resolution_ms:.0f} ms"
    if client.not_measured_ms:
        seen += f"; {not_measured(client.not_measured_ms)}"
    if not client.failed:
        return f"  client: no request failed ({seen})"
    kinds = (("refused", client.refused_ms), ("dark", client.dark_ms), ("wrong", client.wrong_ms))
    spent = [f"{word} {each:.0f} ms" for word, each in (*kinds, ("stale", client.stale_ms)) if each]
    in_all = f"; in all {', '.join(spent)}" if spent else ""
    return f"  client: {client.failed} failed, longest gap {client.longest_ms:.0f} ms{in_all} ({seen})"


def history_lines(runs: Sequence[DrillRun], name: str | None) -> list[str]:
    """Pass counts, then each measurement with median, worst, latest and trend."""
    return [safe(line) for line in _history(runs, name)]


def _history(runs: Sequence[DrillRun], name: str | None) -> list[str]:
    if not runs:
        return [f"no runs of {name} yet" if name else "no drills were run yet"]
    lines: list[str] = []
    for drill in dict.fromkeys(run.drill for run in runs):
        own = [run for run in runs if run.drill == drill]
        good, count = passed(runs, drill)
        lines.append(f"{drill}: {good} of {count} passed; last {own[-1].ending} at {own[-1].at}")
        rows: list[tuple[str, ...]] = [("measure", "runs", "median", "worst", "latest", "trend")]
        for t in trends(own):
            numbers = (f"{value:.0f} ms" for value in (t.median_ms, t.worst_ms, t.latest_ms))
            rows.append((t.measure, str(t.runs), *numbers, t.trend))
        lines += _columns(rows) if len(rows) > 1 else []
    return lines


def _budget(measure: Measure) -> tuple[str, ...]:
    measured = "never" if measure.measured_ms is None else f"{measure.measured_ms:.0f} ms"
    slack = "-" if measure.slack_ms is None else f"{measure.slack_ms:.0f} ms"
    word = "ok" if measure.holds else "OVER" if measure.measured_ms is not None else "MISSING"
    budget = f"{measure.lower_ms:.0f}..{measure.upper_ms:.0f} ms"
    if measure.lower_ms == measure.upper_ms:
        budget = f"{measure.upper_ms:.0f} ms"
    return (word, measure.step, measure.what, measured, f"of {budget}", f"slack {slack}", measure.path)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [_row(row, widths) for row in rows]


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    return ("  " + "  ".join(_cells(row, widths))).rstrip()


def _cells(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    return (cell.ljust(width) for cell, width in zip(row, widths, strict=True))


def _shares(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} on {node}" for node, count in counts.items())
