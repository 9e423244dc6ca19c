"""`iamops` without a command: the interactive console. `iamops demo`: the same on the lab, built if needed."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING

from iamops.cli.options import Subparsers
from iamops.cli.output import CliError
from iamops.model.exit_code import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from iamops.model.profile import Profile
    from iamops.session.operator import Operator
    from iamops.tui.app.app import ConsoleApp


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="build the two-node lab if needed, and open the console on it",
        description="Builds two real Debian nodes in closed network namespaces (root on Linux only), "
        "then opens the console on them. The lab stays up afterwards: `iamops lab down` ends it.",
    )
    parser.set_defaults(handler=demo)


def run(args: argparse.Namespace) -> int:
    from iamops.session.profiles import asked_name, find_profile, load_profile

    path = find_profile(args.profile)
    profile = load_profile(str(path))
    return show(profile, asked_name(args.profile, profile), path)


def demo(args: argparse.Namespace) -> int:
    from iamops.cli.lab import up
    from iamops.session.profiles import find_profile, load_profile

    path = find_profile("lab")
    profile = load_profile(str(path))
    up(profile)
    return show(profile, "lab", path)


def show(profile: Profile, profile_name: str, path: Path | None = None) -> int:
    """Opens the console on a cluster and returns when it is closed.

    `profile_name`: as it was asked for. `path`: its file, which may be edited meanwhile.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CliError("the console needs a terminal; `iamops status` works without one")
    if not sys.stderr.isatty():
        print("iamops: the console draws on stderr, which is no terminal here: leave it alone")
        return ExitCode.USAGE
    import asyncio

    # Until the first frame: what is being loaded stays, and need not be walked through again and again.
    gc.disable()
    return asyncio.run(_shown(profile, profile_name, path))


async def _shown(profile: Profile, profile_name: str, path: Path | None) -> int:
    """Connects while the screen is still being loaded: both take long, and one of them mostly waits."""
    import asyncio

    from iamops.session.cluster import Cluster
    from iamops.session.signals import exit_on_signal

    cluster = Cluster(profile, for_console=True)
    # The console says what stops the session from starting, and tries again.
    with contextlib.suppress(Exception):
        await cluster.start()

    def operator() -> Operator:
        from iamops.session.operator import Operator

        return Operator(cluster, profile_name=profile_name, profile_file=path)

    def console() -> ConsoleApp:
        from iamops.tui.app.app import ConsoleApp

        # A terminal that goes away must not leave an action half done.
        leave_on = (signal.SIGTERM, signal.SIGHUP)
        return ConsoleApp(cluster, operator, no_color=bool(os.environ.get("NO_COLOR")), leave_on=leave_on)

    app = await asyncio.to_thread(console)
    await app.run_async()
    if app.last_words:
        from iamops.cli.lines import LAST_LINES_S, lines

        lines(sys.stderr).put(f"iamops: {app.last_words}\n")
        await lines(sys.stderr).drained(LAST_LINES_S)
    code = app.return_code or ExitCode.OK
    exit_on_signal(code)
    return code
