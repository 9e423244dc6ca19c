"""`iamops drill list|show|run|history`: failover drills, scripted, measured, self-undoing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from iamops.cli.options import add_guarded_options, refused_at_once
from iamops.cli.output import print_lines
from iamops.model.exit_code import ExitCode
from iamops.report.text import json_text

DESCRIPTION = """\
A drill breaks something on purpose, measures what clients lost, compares it with what VRRP's theory allows
for the configuration the nodes are running with, and puts everything back. The built-in ones and your own
(~/.config/iamops/drills/*.yaml, or a file) are written in the same language.
"""
RUN_EPILOG = """\
stdout carries the result, stderr the progress. Without a terminal, --yes is needed.
exit codes: 0 passed, 1 over budget or wrong (the report tells them apart, and who restored it), 2 usage,
3 refused by a guard, 4 node unreachable, 5 outcome unknown (look now), 130 interrupted and undone.
"""
OUTPUTS = ("json", "junit", "markdown")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    drill = subparsers.add_parser(
        "drill", help="failover drills, measured against theory", description=DESCRIPTION
    )
    verbs = drill.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    listing = verbs.add_parser("list", help="the drills there are")
    listing.add_argument("--json", action="store_true", help="JSON on stdout")
    show = verbs.add_parser("show", help="what a drill does, as it is written")
    show.add_argument("drill", metavar="NAME|FILE")
    _add_run(verbs)
    history = verbs.add_parser("history", help="earlier runs compared: median, worst, trend")
    history.add_argument("drill", metavar="NAME", nargs="?", help="only this drill")
    history.add_argument("--json", action="store_true", help="JSON on stdout")
    history.add_argument("--file", type=Path, metavar="PATH", help="another ledger than your own")
    drill.set_defaults(handler=run)


def _add_run(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = verbs.add_parser(
        "run",
        help="run drills, one after the other; the first that does not pass ends it",
        epilog=RUN_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("drill", metavar="NAME|FILE", nargs="+")
    add_guarded_options(run)
    run.add_argument("--instance", metavar="NAME", help="the VRRP instance (default: the first)")
    run.add_argument(
        "--allowance-ms",
        type=_milliseconds,
        default=None,
        metavar="MS",
        help="what timers, SSH and scripts may add to theory (default 250)",
    )
    run.add_argument(
        "--allow-disruptive", action="store_true", help="a machine may be taken away outside of a lab"
    )
    for name in OUTPUTS:
        run.add_argument(f"--{name}", metavar="FILE", help=f"write the report as {name} (- for stdout)")


def run(args: argparse.Namespace) -> int:
    match args.verb:
        case "list":
            return _list(args)
        case "show":
            return _show(args)
        case "history":
            return _history(args)
    return _run(args)


def _list(args: argparse.Namespace) -> int:
    from iamops.cli.drill.run import list_lines
    from iamops.parse.drill.loader import DrillError
    from iamops.session.drills.files import DrillUnreadable, available_drills, load_drill

    drills, code = {}, ExitCode.OK
    for name, path in available_drills().items():
        try:
            drills[str(path)] = load_drill(name)
        except (DrillError, DrillUnreadable) as error:
            print(f"iamops: {error}", file=sys.stderr)
            code = ExitCode.USAGE
    if args.json:
        shown = [
            {"name": drill.name, "title": drill.title, "disruptive": drill.disruptive, "file": path}
            for path, drill in drills.items()
        ]
        print(json_text({"schema": "iamops.drills/1", "drills": shown}))
    else:
        print_lines(list_lines(list(drills.values())))
    return code


def _show(args: argparse.Namespace) -> int:
    from iamops.cli.drill.run import show_lines
    from iamops.session.drills.files import load_drill, read_drill

    print_lines(show_lines(load_drill(args.drill), read_drill(args.drill)))
    return ExitCode.OK


def _history(args: argparse.Namespace) -> int:
    from iamops.cli.drill.run import history_lines
    from iamops.cli.options import ledger_file
    from iamops.judge.drill.report import drill_runs
    from iamops.ledger.audit import read
    from iamops.report.drill import drill_history_document

    path = ledger_file(args.file)
    runs = [run for run in drill_runs(record.raw for record in read(path)) if args.drill in (None, run.drill)]
    if args.json:
        print(json_text(drill_history_document(runs)))
    else:
        print_lines(history_lines(runs, args.drill))
    return ExitCode.OK


def _run(args: argparse.Namespace) -> int:
    from iamops.session.drills.files import load_drill
    from iamops.session.profiles import load_profile

    profile = load_profile(args.profile)
    drills = [load_drill(name, profile.all_units, profile.nodes) for name in args.drill]
    if len(drills) > 1 and any(getattr(args, name) for name in OUTPUTS):
        print("iamops: --json, --junit and --markdown hold one report: run one drill at a time", file=sys.stderr)
        return ExitCode.USAGE
    refused = refused_at_once(args)
    if refused is not None:
        return refused
    from iamops.cli.drill.run import DrillSession

    return DrillSession(profile, drills, args).run()


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 60_000:
        raise argparse.ArgumentTypeError(f"expected 0 to 60000 milliseconds, found {text}")
    return value
