"""The looks of `iamops config`: diff, lint and history. They change nothing."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping

from console import __version__
from console.cli.coloured import print_lines
from console.cli.config_text import diff_document, diff_text, history_document, history_text
from console.cli.lint_text import lint_text
from console.judge.json_text import json_text
from console.judge.lint.documents import junit, lint_document, sarif
from console.judge.lint.finding import LintReport
from console.judge.lint.lint import lint as linted
from console.model.config import ConfTree
from console.model.exit_code import ExitCode
from console.model.facts import Severity
from console.model.profile import Profile
from console.parse.config_archive import PushRecord
from console.plan.config_change import NodeChange
from console.session.config_directory import read_directory
from console.session.configurator import Configurator, as_tree
from console.session.connections import connections
from console.session.profiles import load_profile

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
    return ExitCode.NOT_SO if args.check and differs else ExitCode.OK


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
    return ExitCode.NOT_SO if report.worse_than(Severity(args.fail_on)) else ExitCode.OK


def _report(args: argparse.Namespace) -> LintReport:
    if args.paths:
        profile = load_profile(args.profile) if args.profile else None
        return linted([read_directory(path) for path in args.paths], profile)
    profile = load_profile(args.profile)
    if args.rendered:
        rendered = Configurator(profile, lambda _node: None).rendered()
        return linted([as_tree(node, files) for node, files in rendered.items()], profile)
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
