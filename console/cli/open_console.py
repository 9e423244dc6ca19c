"""`iamops` without a command: the interactive console."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from console.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from console.model.profile import Profile


def run(args: argparse.Namespace) -> int:
    from console.session.profiles import load_profile

    return show(load_profile(args.profile))


def show(profile: Profile) -> int:
    """Opens the console on a cluster and returns when it is closed."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("iamops: the console needs a terminal; `iamops status` works without one", file=sys.stderr)
        return ExitCode.USAGE
    from console.session.cluster import Cluster
    from console.tui.app import ConsoleApp

    app = ConsoleApp(Cluster(profile), no_color=bool(os.environ.get("NO_COLOR")))
    app.run()
    return app.return_code or ExitCode.OK
