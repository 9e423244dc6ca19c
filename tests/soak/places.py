"""Campaigns side by side: each with a lab of its own."""

from __future__ import annotations

import argparse
from pathlib import Path

from console.lab.place import Place
from tests.lab.acting import PLACE


def place_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--place", default="", metavar="NAME", help="a lab of its own, at /var/lib/iamops/NAME")


def place_of(args: argparse.Namespace) -> Place:
    return Place(Path("/var/lib/iamops") / args.place, f"{args.place}-") if args.place else PLACE
