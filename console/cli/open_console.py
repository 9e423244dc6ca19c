"""`iamops` without a command: the interactive console."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import TYPE_CHECKING

from console.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from console.model.profile import Profile

# A terminal that goes away must not leave an action half done.
SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def run(args: argparse.Namespace) -> int:
    from console.session.profiles import load_profile

    return show(load_profile(args.profile), args.profile)


def show(profile: Profile, profile_name: str | None = None) -> int:
    """Opens the console on a cluster and returns when it is closed. `profile_name`: as it was asked for."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("iamops: the console needs a terminal; `iamops status` works without one", file=sys.stderr)
        return ExitCode.USAGE
    from console.session.cluster import Cluster
    from console.session.operator import Operator
    from console.tui.app import ConsoleApp

    cluster = Cluster(profile)
    deck = Operator(cluster, profile_name=profile_name or profile.name)
    app = ConsoleApp(cluster, deck, no_color=bool(os.environ.get("NO_COLOR")), leave_on=SIGNALS)
    app.run()
    return app.return_code or ExitCode.OK
