"""`iamops drill list|show|run|history`: failover drills, scripted, measured, self-undoing."""

from __future__ import annotations

import argparse
from pathlib import Path

from iamops.cli.options import Subparsers, add_guarded_options, add_verb, measured, refuse_at_once
from iamops.cli.output import CliError

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


def add_parser(subparsers: Subparsers) -> None:
    drill = subparsers.add_parser(
        "drill", help="failover drills, measured against theory", description=DESCRIPTION
    )
    verbs = drill.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    listing = verbs.add_parser("list", help="the drills there are")
    listing.add_argument("--json", action="store_true", help="JSON on stdout")
    show = verbs.add_parser("show", help="what a drill does, as it is written")
    show.add_argument("drill", metavar="NAME|FILE")
    text = "run drills, one after the other; the first that does not pass ends it"
    running = add_verb(verbs, "run", text, epilog=RUN_EPILOG)
    running.add_argument("drill", metavar="NAME|FILE", nargs="+")
    add_guarded_options(running, json=False)
    running.add_argument("--instance", metavar="NAME", help="the VRRP instance (default: the first)")
    running.add_argument(
        "--allowance-ms",
        type=lambda text: measured(text, "milliseconds", 60_000),
        metavar="MS",
        help="what timers, SSH and scripts may add to theory (default 250)",
    )
    running.add_argument(
        "--allow-disruptive", action="store_true", help="a machine may be taken away outside of a lab"
    )
    for name in OUTPUTS:
        running.add_argument(f"--{name}", metavar="FILE", help=f"write the report as {name} (- for stdout)")
    history = verbs.add_parser("history", help="earlier runs compared: median, worst, trend")
    history.add_argument("drill", metavar="NAME", nargs="?", help="only this drill")
    history.add_argument("--json", action="store_true", help="JSON on stdout")
    history.add_argument("--file", type=Path, metavar="PATH", help="another ledger than your own")
    drill.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    if args.verb == "run":
        return _run(args)
    from iamops.cli.drill import show

    return {"list": show.list_drills, "show": show.show_drill, "history": show.show_history}[args.verb](args)


def _run(args: argparse.Namespace) -> int:
    from iamops.session.drills.files import load_drill
    from iamops.session.profiles import load_profile

    profile = load_profile(args.profile)
    drills = [load_drill(name, profile.all_units, profile.nodes) for name in args.drill]
    if len(drills) > 1 and any(getattr(args, name) for name in OUTPUTS):
        raise CliError("--json, --junit and --markdown hold one report: run one drill at a time")
    refuse_at_once(args)
    from iamops.cli.drill.run import DrillSession

    return DrillSession(profile, drills, args).run()
