"""`iamops` without a command: the interactive console."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING

from console.cli.lines import LAST_LINES_S, lines
from console.model.exit_code import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from console.model.profile import Profile
    from console.session.cluster import Cluster
    from console.session.operator import Operator
    from console.tui.app import ConsoleApp

# A terminal that goes away must not leave an action half done.
SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def run(args: argparse.Namespace) -> int:
    from console.session.profiles import asked_name, find_profile, load_profile

    path = find_profile(args.profile)
    profile = load_profile(str(path))
    return show(profile, asked_name(args.profile, profile), path)


def show(profile: Profile, profile_name: str, path: Path | None = None) -> int:
    """Opens the console on a cluster and returns when it is closed.

    `profile_name`: as it was asked for. `path`: its file, which may be edited meanwhile.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("iamops: the console needs a terminal; `iamops status` works without one", file=sys.stderr)
        return ExitCode.USAGE
    if not sys.stderr.isatty():
        print("iamops: the console draws on stderr, which is no terminal here: leave it alone")
        return ExitCode.USAGE
    # Until the first frame: what is being loaded stays, and need not be walked through again and again.
    gc.disable()
    return asyncio.run(_shown(profile, profile_name, path))


async def _shown(profile: Profile, profile_name: str, path: Path | None) -> int:
    """Connects while the screen is still being loaded: both take long, and one of them mostly waits."""
    from console.session.cluster import Cluster
    from console.session.signals import settle

    cluster = Cluster(profile, for_console=True)
    # What stops the session from starting is told by the console, which tries again.
    with contextlib.suppress(Exception):
        await cluster.start()
    app = await asyncio.to_thread(_console, cluster, profile_name, path)
    await app.run_async()
    if app.last_words:
        lines(sys.stderr).put(f"iamops: {app.last_words}\n")
        await lines(sys.stderr).taken(LAST_LINES_S)
    code = app.return_code or ExitCode.OK
    settle(code)
    return code


def _console(cluster: Cluster, profile_name: str, path: Path | None) -> ConsoleApp:
    from console.tui.app import ConsoleApp

    def deck() -> Operator:
        from console.session.operator import Operator

        return Operator(cluster, profile_name=profile_name, profile_file=path)

    return ConsoleApp(cluster, deck, no_color=bool(os.environ.get("NO_COLOR")), leave_on=SIGNALS)
