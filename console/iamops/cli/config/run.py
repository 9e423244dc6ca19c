"""The looks of `iamops config`: diff, lint and history. They change nothing."""

from __future__ import annotations

import argparse
import asyncio
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from iamops import __version__
from iamops.cli.output import CYAN, GREEN, RED, YELLOW, Coloured, print_lines
from iamops.judge.lint.finding import LintFinding, LintReport
from iamops.judge.lint.lint import lint as linted
from iamops.model.config import ConfTree
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.model.profile import Profile
from iamops.model.safe_text import safe
from iamops.model.timestamps import rfc3339
from iamops.parse.config_files import PushRecord
from iamops.plan.config.change import NodeChange, diff_lines
from iamops.plan.config.meaning import change_summary, incompatible
from iamops.report.lint import junit, lint_document, sarif
from iamops.report.text import json_text
from iamops.session.config.configurator import Configurator, as_tree, rendered
from iamops.session.config.directory import read_directory
from iamops.session.connections import connections
from iamops.session.profiles import load_profile

# Differences and pushes as text and as documents. Pure.


def diff_text(changes: Mapping[str, NodeChange]) -> Iterator[str]:
    """What it means, then a unified diff of every file that differs."""
    if not any(change.files for change in changes.values()):
        yield f"in sync: {', '.join(changes)}"
        return
    for sentence in (*change_summary(changes), *incompatible(changes)):
        yield f"* {sentence}"
    for node, change in changes.items():
        if not change.files:
            yield f"* {node}: in sync"
        for file in change.files:
            yield from map(_coloured, diff_lines(file, node))


def diff_document(changes: Mapping[str, NodeChange]) -> dict[str, Any]:
    """`iamops.config-diff/1`."""
    return {
        "schema": "iamops.config-diff/1",
        "in_sync": not any(change.files for change in changes.values()),
        "meaning": [*change_summary(changes), *incompatible(changes)],
        "nodes": {
            node: {
                "in_sync": not change.files,
                "files": [
                    {
                        "path": file.path,
                        "change": "new" if file.old is None else "gone" if file.new is None else "changed",
                        "diff": diff_lines(file, node),
                    }
                    for file in change.files
                ],
            }
            for node, change in changes.items()
        },
    }


def history_text(pushes: Mapping[str, tuple[PushRecord, ...]]) -> Iterator[str]:
    """Newest first: one line for what and who, one for each node's outcome where they differ."""
    merged = _merged(pushes)
    if not merged:
        yield "no pushes yet"
    for push, by_node in sorted(merged.items(), reverse=True):
        first = next(iter(by_node.values()))
        outcomes = {record.told for record in by_node.values()}
        how = outcomes.pop() if len(outcomes) == 1 else ", ".join(f"{n}: {r.told}" for n, r in by_node.items())
        yield f"{push}  {how}  {_told(first, 'who')}  {_told(first, 'command')}  on {', '.join(by_node)}"
        if _told(first, "reason"):
            yield f"    reason: {_told(first, 'reason')}"
        for sentence in first.meta.get("what") or ():
            yield f"    * {safe(str(sentence), 200)}"


def history_document(pushes: Mapping[str, tuple[PushRecord, ...]]) -> dict[str, Any]:
    """`iamops.config-history/1`, newest first."""
    return {
        "schema": "iamops.config-history/1",
        "pushes": [
            {
                "push": push,
                **{key: _told(next(iter(by_node.values())), key) for key in ("who", "reason", "command")},
                "what": next(iter(by_node.values())).meta.get("what", []),
                "nodes": {
                    node: {"outcome": record.outcome, "at": _time(record.at)} for node, record in by_node.items()
                },
            }
            for push, by_node in sorted(_merged(pushes).items(), reverse=True)
        ],
    }


def _merged(pushes: Mapping[str, tuple[PushRecord, ...]]) -> dict[str, dict[str, PushRecord]]:
    merged: dict[str, dict[str, PushRecord]] = {}
    for node, records in pushes.items():
        for record in records:
            merged.setdefault(record.push, {})[node] = record
    return merged


def _told(record: PushRecord, key: str) -> str:
    return safe(str(record.meta.get(key, "")), 120)


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at, "seconds")


def _coloured(line: str) -> str:
    if line.startswith(("---", "+++", "@@")):
        return Coloured(line, CYAN)
    tone = {"+": GREEN, "-": RED}.get(line[:1])
    return Coloured(line, tone) if tone else line


# Lint findings as text for a terminal. Pure.

COLOURS = {Severity.CRITICAL: RED, Severity.WARNING: YELLOW, Severity.INFO: CYAN}
WIDTH = 100


def lint_text(report: LintReport) -> Iterator[str]:
    """Worst first: what and where, what was seen and why it matters, what to do."""
    for finding in report.unsilenced:
        yield from _finding(finding)
    for finding in report.findings:
        if finding.silenced:
            yield f"silenced {finding.rule.code} {finding.where}: {finding.silenced}"
    counted = {
        severity: sum(finding.rule.severity is severity for finding in report.unsilenced)
        for severity in (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
    }
    told = ", ".join(f"{count} {severity}" for severity, count in counted.items() if count)
    yield f"{', '.join(report.nodes) or 'nothing'}: {told or 'no findings'}"


def _finding(finding: LintFinding) -> Iterator[str]:
    rule = finding.rule
    head = f"{str(rule.severity).upper():8} {rule.code}"
    yield Coloured(f"{head} {finding.where}", COLOURS[rule.severity], len(head))
    yield from textwrap.wrap(
        f"{rule.title}: {safe(finding.hit.evidence, 200)}", WIDTH, initial_indent="    ", subsequent_indent="    "
    )
    yield from textwrap.wrap(f"why: {rule.why}", WIDTH, initial_indent="    ", subsequent_indent="      ")
    yield f"    fix: {rule.fix}"


Compared = Mapping[str, tuple[ConfTree, NodeChange]]


def diff(args: argparse.Namespace) -> int:
    """Exit code 1 on a difference only when that was asked for."""
    compared = asyncio.run(_compared(load_profile(args.profile)))
    changes = {node: change for node, (_, change) in compared.items()}
    if args.json:
        print(json_text(diff_document(changes)))
    else:
        print_lines(diff_text(changes))
    differs = any(change.files for change in changes.values())
    return ExitCode.CHECK_FAILED if args.check and differs else ExitCode.OK


def history(args: argparse.Namespace) -> int:
    pushes = asyncio.run(_pushes(load_profile(args.profile)))
    if args.json:
        print(json_text(history_document(pushes)))
    else:
        print_lines(history_text(pushes))
    return ExitCode.OK


def lint(args: argparse.Namespace) -> int:
    """The live pair, directories, or what the profile renders."""
    report = _report(args)
    if args.format == "text":
        print_lines(lint_text(report))
    elif args.format == "junit":
        print(junit(report), end="")
    else:
        print(json_text(sarif(report, __version__) if args.format == "sarif" else lint_document(report)))
    return ExitCode.CHECK_FAILED if report.worse_than(Severity(args.fail_on)) else ExitCode.OK


def _report(args: argparse.Namespace) -> LintReport:
    if args.paths:
        profile = load_profile(args.profile) if args.profile else None
        return linted([read_directory(path) for path in args.paths], profile)
    profile = load_profile(args.profile)
    if args.rendered:
        return linted([as_tree(node, files) for node, files in rendered(profile).items()], profile)
    return asyncio.run(_live_report(profile))


async def _live_report(profile: Profile) -> LintReport:
    async with connections(profile) as transports:
        return await Configurator(profile, transports.get).lint()


async def _compared(profile: Profile) -> Compared:
    async with connections(profile) as transports:
        return await Configurator(profile, transports.get).compared()


async def _pushes(profile: Profile) -> Mapping[str, tuple[PushRecord, ...]]:
    async with connections(profile) as transports:
        return await Configurator(profile, transports.get).pushes()
