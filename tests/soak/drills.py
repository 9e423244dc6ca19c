"""`python -m tests.soak.drills`: the seed drill again and again beside a witness, and killed at random instants.

About a quarter of an hour on the lab. Prints Markdown tables; exits 1 when something did not hold.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from iamops.lab.lab import Lab
from iamops.lab.processes import wait_until
from iamops.session.profiles import load_profile
from tests.lab.conftest import LabForTests, alone_with
from tests.lab.test_drills import AGREEMENT_MS, HOST, NAMESPACE, VIP, Drills, killed_after
from tests.support.independent_probe import probing


def agreement(drills: Drills, name: str, runs: int, *, alternate: bool) -> Iterator[bool]:
    """One line for each run: verdict, our outage, the witness's. `alternate`: each from the other owner."""
    for number in range(runs):
        if alternate and number == runs // 2:
            _give_vip_to(drills, "iam-b")
        owner = drills.lab.status().owners[0]
        with probing(VIP, HOST, namespace=NAMESPACE, seconds=90) as witness:
            done = drills.run(name)
        ours, theirs = done.report["client"]["longest_gap_ms"], witness.longest_ms
        good = done.code == 0 and abs(ours - theirs) <= AGREEMENT_MS
        print(
            f"| {name} | {owner} | {done.report['verdict']} | {ours:.1f} | {theirs:.1f} | {ours - theirs:+.1f} |",
            flush=True,
        )
        if done.told:
            print(done.told, file=sys.stderr, flush=True)
        yield good


def _give_vip_to(drills: Drills, node: str) -> None:
    """A switchover, so that the next drills begin from the other owner."""
    assert drills.run("keepalived-stop").code == 0
    assert wait_until(lambda: drills.lab.status().owners == (node,), wait_s=10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--stops", type=int, default=10)
    parser.add_argument("--kills", type=int, default=20)
    args = parser.parse_args()
    lab = LabForTests(Lab(load_profile("lab")))
    good = True
    with alone_with(Lab(load_profile("lab"))) as real, tempfile.TemporaryDirectory() as temporary:
        real.up()
        lab.make_whole()
        drills = Drills(lab, Path(temporary))
        print("| drill | from | verdict | ours, ms | witness, ms | difference |\n|---|---|---|---|---|---|")
        good &= all(list(agreement(drills, "seed", args.seeds, alternate=True)))
        good &= all(list(agreement(drills, "keepalived-stop", args.stops, alternate=False)))
        print()
        rng = random.Random(20)
        for _ in range(args.kills):
            lab.make_whole()
            print(f"- {killed_after(drills, rng.uniform(0.5, 22.0))}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
