"""Carries out `iamops config`: documents and tables of what was read; and a push, asked again once it is there."""

from __future__ import annotations

import argparse
import asyncio
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TypeVar

from iamops import __version__
from iamops.cli.acting import ActingSession, typed_line
from iamops.cli.lines import write_stderr
from iamops.cli.output import CYAN, GREEN, RED, SEVERITY_COLOURS, CliError, Coloured, print_lines
from iamops.judge.lint.finding import LintReport
from iamops.judge.lint.lint import lint as linted
from iamops.judge.run import RunReport, Stage
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.model.profile import Profile
from iamops.model.text import safe
from iamops.parse.config_files import PushRecord
from iamops.plan.action import ConfigPush, DrainedRestart
from iamops.plan.config.change import NodeFilesChange
from iamops.plan.config.diff import diff_lines, may_be_shown
from iamops.plan.config.meaning import change_summary, incompatible
from iamops.plan.steps import StepKind
from iamops.report.config import (
    by_push,
    config_diff_document,
    config_history_document,
    junit,
    lint_document,
    remembered,
    sarif,
)
from iamops.report.text import json_text
from iamops.session.config.configurator import Configurator, as_tree, rendered
from iamops.session.config.directory import read_directory, write_tree
from iamops.session.connections import connections
from iamops.session.profiles import load_profile

Answer = TypeVar("Answer")
WIDTH = 100


def render(args: argparse.Namespace) -> int:
    """Secret files are written with their secrets, for they are to be used; printed they are not."""
    profile = load_profile(args.profile)
    if args.node is not None and args.node not in profile.nodes:
        raise CliError(f"no node {args.node!r}; there are: {', '.join(profile.nodes)}")
    for node, files in rendered(profile).items():
        if args.node not in (None, node):
            continue
        if args.to is not None:
            write_tree(args.to / node, files)
            print(args.to / node)
            continue
        for file in files:
            print(f"##### {node}:{file.path} {file.mode:o} {file.owner}:{file.group}")
            print(may_be_shown(file.content), end="" if file.content else "\n")
    return ExitCode.OK


def diff(args: argparse.Namespace) -> int:
    """Exit code 1 on a difference only when that was asked for."""
    compared = _asked(load_profile(args.profile), Configurator.compared)
    changes = {node: change for node, (_, change) in compared.items()}
    if args.json:
        print(json_text(config_diff_document(changes)))
    else:
        print_lines(diff_text(changes))
    differs = any(change.files for change in changes.values())
    return ExitCode.CHECK_FAILED if args.check and differs else ExitCode.OK


def history(args: argparse.Namespace) -> int:
    pushes = _asked(load_profile(args.profile), Configurator.pushes)
    if args.json:
        print(json_text(config_history_document(pushes)))
    else:
        print_lines(history_text(pushes))
    return ExitCode.OK


def lint(args: argparse.Namespace) -> int:
    """The live pair, directories, or what the profile renders."""
    profile = load_profile(args.profile) if args.profile or not args.paths else None
    if args.paths or profile is None:
        report = linted([read_directory(path) for path in args.paths], profile)
    elif args.rendered:
        report = linted([as_tree(node, files) for node, files in rendered(profile).items()], profile)
    else:
        report = _asked(profile, Configurator.lint)
    match args.format:
        case "text":
            print_lines(lint_text(report))
        case "junit":
            print(junit(report), end="")
        case "sarif":
            print(json_text(sarif(report, __version__)))
        case _:
            print(json_text(lint_document(report)))
    return ExitCode.CHECK_FAILED if report.worse_than(Severity(args.fail_on)) else ExitCode.OK


def _asked(profile: Profile, question: Callable[[Configurator], Awaitable[Answer]]) -> Answer:
    """What the nodes answer: all of them, or it raises the first one's TransportError."""

    async def asked() -> Answer:
        async with connections(profile) as transports:
            return await question(Configurator(profile, transports.get))

    return asyncio.run(asked())


def diff_text(changes: Mapping[str, NodeFilesChange]) -> Iterator[str]:
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


def _coloured(line: str) -> str:
    if line.startswith(("---", "+++", "@@")):
        return Coloured(line, CYAN)
    colour = {"+": GREEN, "-": RED}.get(line[:1])
    return Coloured(line, colour) if colour else line


def history_text(pushes: Mapping[str, tuple[PushRecord, ...]]) -> Iterator[str]:
    """Newest first: one line for what and who, one for each node's outcome where they differ."""
    merged = by_push(pushes)
    if not merged:
        yield "no pushes yet"
    for push, by_node in merged.items():
        first = next(iter(by_node.values()))
        outcomes = {record.outcome_text for record in by_node.values()}
        how = (
            outcomes.pop()
            if len(outcomes) == 1
            else ", ".join(f"{n}: {r.outcome_text}" for n, r in by_node.items())
        )
        who, command, reason = (remembered(first, key) for key in ("who", "command", "reason"))
        yield f"{push}  {how}  {who}  {command}  on {', '.join(by_node)}"
        if reason:
            yield f"    reason: {reason}"
        for sentence in first.meta.get("what") or ():
            yield f"    * {safe(str(sentence), 200)}"


def lint_text(report: LintReport) -> Iterator[str]:
    """Worst first: what and where, what was seen and why it matters, what to do."""
    for finding in report.unsilenced:
        rule = finding.rule
        head = f"{str(rule.severity).upper():8} {rule.code}"
        yield Coloured(f"{head} {finding.where}", SEVERITY_COLOURS[rule.severity], len(head))
        title = f"{rule.title}: {safe(finding.hit.evidence, 200)}"
        yield from textwrap.wrap(title, WIDTH, initial_indent="    ", subsequent_indent="    ")
        yield from textwrap.wrap(f"why: {rule.why}", WIDTH, initial_indent="    ", subsequent_indent="      ")
        yield f"    fix: {rule.fix}"
    for finding in report.findings:
        if finding.silenced:
            yield f"silenced {finding.rule.code} {finding.where}: {finding.silenced}"
    severities = [str(finding.rule.severity) for finding in report.unsilenced]
    counts = ", ".join(f"{severities.count(word)} {word}" for word in SEVERITY_COLOURS if word in severities)
    yield f"{', '.join(report.nodes) or 'nothing'}: {counts or 'no findings'}"


class PushSession(ActingSession):
    """`args` holds what was asked: verb push or rollback."""

    def __init__(self, profile: Profile, args: argparse.Namespace) -> None:
        super().__init__(profile, None, args)
        self._answer: asyncio.Task[None] | None = None

    async def action(self) -> ConfigPush:
        reason, confirm_s = self.args.reason, self.args.confirm_timeout
        if self.args.verb == "rollback":
            return await self.operator.configurator.rollback(self.args.push, reason=reason, confirm_s=confirm_s)
        return await self.operator.configurator.push(reason=reason, confirm_s=confirm_s)

    def progress(self, report: RunReport) -> None:
        super().progress(report)
        waiting = any(s.step.kind is StepKind.CONFIRM and s.stage is Stage.RUNNING for s in report.steps)
        if waiting and self._answer is None:
            limit_s = self.args.confirm_timeout
            write_stderr(f"the new files are in place: type yes within {limit_s} s to keep them, no to go back")
            # Beside the run, which goes back when nobody answers in time.
            self._answer = asyncio.create_task(self._read_answer())

    async def _read_answer(self) -> None:
        word = (await typed_line(sys.stdin)).strip()
        self.cluster.commands.confirm(kept=word == "yes")


class DrainedRestartSession(ActingSession):
    def __init__(self, profile: Profile, unit: str, args: argparse.Namespace) -> None:
        super().__init__(profile, None, args)
        self._unit = unit

    async def action(self) -> DrainedRestart:
        return await self.operator.configurator.drained_restart(self._unit, reason=self.args.reason)
