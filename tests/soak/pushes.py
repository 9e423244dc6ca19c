"""`python -m tests.soak.pushes`: a configuration push cut at every boundary in every way.

After each cut every node's files are byte for byte old or new, everything runs, and a second push succeeds.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time

from tests.lab.acting import acting_lab
from tests.lab.test_config import two_ways
from tests.soak.places import place_argument, place_of

# The one that loses power or its SSH: the standby in the first half of the runs, the owner in the other.
WAYS = {"kill": ("-",), "ssh": ("iam-b", "iam-a"), "power": ("iam-b", "iam-a")}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.pushes", description=__doc__)
    parser.add_argument("--way", action="append", choices=sorted(WAYS), help="only this one; may be repeated")
    place_argument(parser)
    args = parser.parse_args()
    print("| cut by | boundaries | outcomes, and what the nodes had | took |\n|---|---|---|---|")
    with acting_lab(place=place_of(args)) as lab:
        lab.make_whole()
        ways = two_ways(lab)
        for way in args.way or list(WAYS):
            began, found = time.monotonic(), collections.Counter[str]()
            for at, name in enumerate(ways.names):
                node = WAYS[way][at % len(WAYS[way])]
                line = ways.check_cut(lab, at, way, node)
                print(line, node, name, file=sys.stderr, flush=True)
                found[line.split(" | ")[3]] += 1
                lab.make_whole()
            told = "; ".join(f"{count} {outcome}" for outcome, count in sorted(found.items()))
            print(f"| {way} | {len(ways.names)} | {told} | {time.monotonic() - began:.0f} s |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
