"""`iamops demo`: the lab if needed, then the console on it."""

from __future__ import annotations

import argparse


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    subparsers.add_parser(
        "demo",
        help="build the two-node lab if needed, and open the console on it",
        description="Builds two real Debian nodes in closed network namespaces (root on Linux only), "
        "then opens the console on them. The lab stays up afterwards: `iamops lab down` ends it.",
    )


def run(args: argparse.Namespace) -> int:
    from console.cli.lab import up
    from console.cli.open_console import show
    from console.session.profiles import find_profile, load_profile

    path = find_profile("lab")
    profile = load_profile(str(path))
    return up(profile) or show(profile, "lab", path)
