"""`python -m tests.soak.races`: two operators ask for different things at the same moment, again and again."""

from __future__ import annotations

import argparse
import sys

from tests.lab.acting import acting_lab
from tests.lab.test_actions import check_races
from tests.soak.places import place_argument, place_of


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.races", description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    place_argument(parser)
    args = parser.parse_args()
    with acting_lab(place=place_of(args)) as lab:
        check_races(lab, args.runs)
    print(f"{args.runs} races: exactly one acted in each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
