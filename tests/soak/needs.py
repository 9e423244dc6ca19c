"""`python -m tests.soak.needs`: every service started and restarted while something else is down."""

from __future__ import annotations

import argparse
import sys

from tests.lab.acting import acting_lab
from tests.lab.test_needs import CASES, DOWN, check_down
from tests.soak.places import place_argument, place_of


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.needs", description=__doc__)
    place_argument(parser)
    args = parser.parse_args()
    with acting_lab(place=place_of(args)) as lab:
        for missing in DOWN:
            lab.make_whole()
            cases = [case for case in CASES if case[0] == missing]
            check_down(lab, missing, cases)
            print(f"- {missing} down: {len(cases)} cases as they should be", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
