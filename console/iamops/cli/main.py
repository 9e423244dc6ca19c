"""The `iamops` command: parses arguments, dispatches, turns every failure into a sentence and a code.

Imports nothing heavy: each command imports what it needs when it runs.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import importlib
import os
import sys
from collections.abc import Sequence

from iamops import __version__
from iamops.cli.output import CliError, reserve_descriptors, settled, watched
from iamops.model.exit_code import ExitCode
from iamops.session.signals import exit_on_signal, ignore

DESCRIPTION = "Operations console for a highly available IAM deployment: Nginx, Keepalived and one VIP."
EPILOG = """\
Without a command, iamops opens the console on the profile's cluster.

exit codes: 0 as asked, 1 the thing checked is not so, 2 usage or profile error, 3 refused,
4 node unreachable or login failed, 5 outcome unknown (or the result could not be written), 130 interrupted.
"""
# Each adds the parsers of its verbs, and imports what a verb needs when it runs: `handler(args)` -> exit code.
VERBS = (
    *("console", "status.command", "actions", "drill.command", "config.command", "backend.command"),
    *("traffic.command", "balance.command", "triage.command", "watch.command", "audit.command"),
    *("profile", "trust", "lab"),
)


def entry() -> None:
    """The whole process. Once its code is settled, no signal changes it."""
    code: int = ExitCode.INTERRUPTED
    with contextlib.suppress(KeyboardInterrupt):
        try:
            reserve_descriptors()
            code = main(sys.argv[1:])
        except SystemExit as ended:
            code = int(str(ended.code))
    exit_on_signal(code)
    # The interpreter gives up its handlers before it is gone itself: signals that are ignored stay so.
    atexit.register(ignore)
    sys.exit(code)


def main(argv: Sequence[str]) -> int:
    """Runs one command line and returns its exit code. Never lets a traceback reach the user."""
    with watched() as out:
        try:
            return settled(_run(argv), out)
        except SystemExit as ended:  # of argparse: --help, --version, a usage error
            raise SystemExit(settled(ended.code if isinstance(ended.code, int) else 0, out)) from None


def _run(argv: Sequence[str]) -> int:
    try:
        args = parser().parse_args(argv)
        if args.no_color:
            os.environ["NO_COLOR"] = "1"
        code: int = args.handler(args)
        return code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except CliError as error:
        message, code = str(error), error.code
    except Exception as error:
        # A failure the code knows by name is a sentence; anything else is our own bug, and says so.
        from iamops.cli.errors import explain

        message, code = explain(error)
    print(f"iamops: {message}", file=sys.stderr)
    return code


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="iamops", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action="version", version=f"iamops {__version__}")
    top.add_argument(
        "--profile", metavar="NAME|PATH", help="the cluster (default: IAMOPS_PROFILE, or your only one)"
    )
    top.add_argument("--no-color", action="store_true", help="no colours (NO_COLOR is honoured too)")
    subparsers = top.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    modules = {verb: importlib.import_module(f"iamops.cli.{verb}") for verb in VERBS}
    for module in modules.values():
        module.add_parser(subparsers)
    top.set_defaults(handler=modules["console"].run)
    return top
