"""`python -m tests.fuzz`: every target for a given time, two at once. Exit code 1 where one found something."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.fuzz.campaign import campaign, kept
from tests.fuzz.targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="for each target (600)")
    parser.add_argument(
        "--target", action="append", choices=sorted(TARGETS), help="only this one; may be repeated"
    )
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the chance (the time)")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    wrong = False
    with ProcessPoolExecutor(max_workers=2, max_tasks_per_child=1) as pool:
        runs = [pool.submit(campaign, name, args.seconds, args.seed) for name in args.target or TARGETS]
        for run in as_completed(runs):
            found = run.result()
            print(found.line, flush=True)
            wrong |= bool(found.faults)
            for fault, text in found.faults.items():
                print(f"    {fault}: {kept(found.target, text)}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
