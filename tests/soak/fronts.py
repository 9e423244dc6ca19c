"""`python -m tests.soak.fronts`: a front whose terminal is closed, stalled, asked to suspend, or whose process is
stopped, at every step of a switchover, a restart, a push and a drill, in the console and in a shell.

Closed: undone, gone within 3 s, told in the audit. Stalled, suspended: as quick as undisturbed. Stopped: goes on
or is undone, and the time in between is not measured. The pair is whole after each. About an hour and a half.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

from tests.lab import fronts
from tests.lab.acting import ActingLab, acting_lab
from tests.soak.places import place_argument, place_of

ACTIONS = ("switchover", "restart", "push", "drill")
FRONTS = ("console", "shell")
WAYS = ("closed", "stalled", "suspended", "stopped")
# A stopped console must not be overtaken by the nodes' timers in each and every run.
DEAD_MAN_S = 20


def campaign(lab: ActingLab, args: argparse.Namespace) -> Iterator[str]:
    """One line per action, front and way."""
    for action in (fronts.actions(lab)[name] for name in args.action or ACTIONS):
        for front in args.front or FRONTS:
            alone_s, names = fronts.undisturbed(lab, action, front)
            steps = [at for at, name in enumerate(names) if name.endswith(": running")][:: args.every]
            for way in args.way or WAYS:
                began, failed = time.monotonic(), list[str]()
                for at in steps:
                    try:
                        print(
                            fronts.disturbed(lab, action, front, way, at, args.seconds, alone_s),
                            file=sys.stderr,
                            flush=True,
                        )
                    except AssertionError as failure:
                        failed.append(str(failure))
                        print(f"FAILED {action.name} {front} {way} {at}: {failure}", file=sys.stderr, flush=True)
                told = f"{len(failed)} of {len(steps)} failed: {failed[0]}" if failed else f"{len(steps)} held"
                yield f"| {action.name} | {front} | {way} | {told} | {time.monotonic() - began:.0f} s |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.fronts", description=__doc__)
    parser.add_argument("--action", action="append", choices=ACTIONS, help="only this one; may be repeated")
    parser.add_argument("--front", action="append", choices=FRONTS, help="only this one; may be repeated")
    parser.add_argument("--way", action="append", choices=WAYS, help="only this one; may be repeated")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth step")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long a terminal stalls, a process stops")
    place_argument(parser)
    args = parser.parse_args()
    failed = False
    print("| action | front | terminal | steps | took |\n|---|---|---|---|---|")
    with acting_lab(DEAD_MAN_S, place_of(args)) as lab:
        for line in campaign(lab, args):
            failed |= " failed: " in line
            print(line, flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
