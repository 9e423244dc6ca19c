"""`make soak`: every action that stops something, cut at every boundary in every way. About an hour and a half.

Prints a Markdown table with one line per action and way; any cut that leaves something behind ends it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

from tests.lab.acting import ActingLab, acting_lab
from tests.lab.cuts import boundaries, check_cut
from tests.soak.places import place_argument, place_of

# Each touches iam-a or both; the other node is the one that loses power.
ACTIONS = (
    "switchover",
    "switchover --plain",
    "restart keepalived iam-a",
    "restart nginx iam-a",
    "restart iam-apiserver iam-a",
    "restart iam-authz-server --rolling",
    "stop keepalived iam-a",
    "stop iam-apiserver iam-a",
)
# A stopped keepalived on the owner may need 5 s until the VIP has moved; the guard wants 4 s beside that.
DEAD_MAN_S = 10
WAYS = {"kill": "-", "ssh": "iam-a", "power": "iam-b"}


def campaign(lab: ActingLab, actions: list[str], ways: list[str]) -> Iterator[str]:
    """One line per action and way."""
    for action in actions:
        lab.make_whole()
        names = boundaries(lab, action)
        lab.make_whole()
        for way in ways:
            began, outcomes = time.monotonic(), dict[str, int]()
            for at in range(len(names)):
                line = check_cut(lab, action, at, way, WAYS[way], names[at])
                print(line, names[at], file=sys.stderr, flush=True)
                outcome = line.split(" | ")[3]
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
                lab.make_whole()
            told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
            yield f"| {action} | {way} | {len(names)} | {told} | {time.monotonic() - began:.0f} s |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--action", action="append", choices=ACTIONS, help="only this one; may be repeated")
    parser.add_argument("--way", action="append", choices=sorted(WAYS), help="only this one; may be repeated")
    place_argument(parser)
    args = parser.parse_args()
    print("| action | cut by | boundaries | outcomes | took |\n|---|---|---|---|---|")
    with acting_lab(DEAD_MAN_S, place_of(args)) as lab:
        for line in campaign(lab, args.action or list(ACTIONS), args.way or list(WAYS)):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
