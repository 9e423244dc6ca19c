"""Campaigns side by side: each with a lab of its own."""

from __future__ import annotations

import argparse
from pathlib import Path

from iamops.lab.place import LabPaths
from tests.lab.acting import NEEDS_PLACE, PLACE, PUSHING_PLACE, SERVING_PLACE


def place_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--place", default="", metavar="NAME", help="a lab of its own, at /var/lib/iamops/NAME")


def place_of(args: argparse.Namespace) -> LabPaths:
    """Raises SystemExit for a name whose networks belong to a lab of the tests."""
    if not args.place:
        return PLACE
    prefix = f"{args.place}-"
    if prefix in {each.prefix for each in (PLACE, PUSHING_PLACE, SERVING_PLACE, NEEDS_PLACE)}:
        raise SystemExit(f"--place {args.place}: the tests' own lab is called so; take another name")
    return LabPaths(Path("/var/lib/iamops") / args.place, prefix)
