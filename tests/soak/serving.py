"""`python -m tests.soak.serving`: restarts under 200 requests a second, again and again, until 15 s after each.

Prints a Markdown table: way, runs, requests, failed. Any request that failed ends it with 1. About 80 minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable

from tests.lab.acting import ActingLab, Done, acting_lab
from tests.lab.serving import AFTER_SOAK_S, SOAK_RATE, by_default, clients, telling_nothing
from tests.soak.places import place_argument, place_of

UNIT = "iam-apiserver"
RUNS = 20


def rolling(lab: ActingLab) -> list[Done]:
    return [lab.act("restart", UNIT, "--rolling")]


def two_in_a_row(lab: ActingLab) -> list[Done]:
    first = lab.act("restart", UNIT, "iam-b")
    time.sleep(1.0)
    return [first, lab.act("restart", UNIT, "iam-a")]


def authz(lab: ActingLab) -> list[Done]:
    return [lab.act("restart", "iam-authz-server", "--rolling")]


def rendered(lab: ActingLab) -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext()


Act = Callable[[ActingLab], list[Done]]
Nginx = Callable[[ActingLab], contextlib.AbstractContextManager[None]]
WAYS: dict[str, tuple[Act, Nginx]] = {
    "rolling, rendered nginx": (rolling, rendered),
    "rolling, nginx's defaults": (rolling, by_default),
    "rolling, a log that names no backend": (rolling, telling_nothing),
    "two single restarts 1 s apart": (two_in_a_row, rendered),
    "two single restarts 1 s apart, a log that names no backend": (two_in_a_row, telling_nothing),
    "rolling, authz-server": (authz, rendered),
}


def campaign(lab: ActingLab, way: str, runs: int) -> tuple[int, int]:
    """Requests and failures of all runs."""
    act, nginx = WAYS[way]
    requests = failed = 0
    with nginx(lab):
        for number in range(runs):
            with clients(lab, after_s=AFTER_SOAK_S, rate=SOAK_RATE) as witness:
                done = act(lab)
            requests += witness.result["attempts"]
            failed += witness.failed
            for each in done:
                if each.code != 0:
                    raise SystemExit(f"{way}, run {number}: exit {each.code}: {each.err}\n{each.out}")
            if witness.failed:
                print(f"{way}, run {number}: {witness.failed} failed: {witness.result['gaps']}", file=sys.stderr)
    return requests, failed


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--way", choices=WAYS, action="append")
    place_argument(parser)
    args = parser.parse_args()
    print("| way | runs | requests | failed |\n|---|---|---|---|", flush=True)
    lost = 0
    with acting_lab(place=place_of(args)) as lab:
        for way in args.way or WAYS:
            requests, failed = campaign(lab, way, args.runs)
            lost += failed
            print(f"| {way} | {args.runs} | {requests} | {failed} |", flush=True)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
