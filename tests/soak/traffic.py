"""A million known lines over twenty rotations, and twenty cuts of the link: is every count the truth?"""

from __future__ import annotations

import argparse
import asyncio
import sys

from iamops.lab.lab import Lab
from iamops.session.profiles import load_profile
from tests.lab.traffic_campaign import campaign


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.traffic", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rotations", type=int, default=20)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--rate", type=int, default=15_000, help="lines per second")
    args = parser.parse_args()
    lab = Lab(load_profile("lab"))
    lab.up(print)
    done = asyncio.run(campaign(lab, args.lines, args.rotations, args.cuts, args.rate))
    print(f"written {done.truth['total']:,} lines over {args.rotations} rotations, {done.cuts} cuts")
    print(f"counted {done.total:,}; {done.cpu_s:.1f} s of processor time here in {done.wall_s:.0f} s")
    print("\n".join(done.wrong) if done.wrong else "every count is the truth")
    return 1 if done.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
