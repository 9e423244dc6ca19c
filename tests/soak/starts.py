"""`python -m tests.soak.starts`: the console started again and again on a machine that has no time for it.

The pair is whole, so whatever is found beside what a quiet start finds is not so. One such finding is exit code 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.terminal import Terminal
from tests.lab.acting import acting_lab
from tests.soak.places import place_argument, place_of

STARTS, LOOPS, WATCHED_S = 20, 4, 8.0
OWNER = r"-> iam-[ab]"


@dataclass(frozen=True)
class Start:
    """One start: after how many seconds the owner was on the screen, and every finding that was shown."""

    owner_s: float | None
    findings: tuple[dict[str, Any], ...]

    @property
    def keys(self) -> frozenset[tuple[str, str | None]]:
        return frozenset((each["code"], each["node"]) for each in self.findings)


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many processes that never rest."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.wait()


def started(profile: str, watched_s: float = WATCHED_S) -> Start:
    with tempfile.TemporaryDirectory(prefix="iamops-starts-") as directory:
        notes = Path(directory) / "findings"
        terminal = Terminal([sys.executable, "-m", "tests.soak.console_findings", profile, str(notes)])
        try:
            at = terminal.painted(OWNER, since=0, timeout_s=30)
            terminal.painted("this is on no screen of ours", since=0, timeout_s=watched_s)
        finally:
            terminal.close()
        lines = notes.read_text().splitlines() if notes.exists() else []
        return Start(None if at is None else at - terminal.started, tuple(map(json.loads, lines)))


def not_so(start: Start, truth: Start) -> tuple[dict[str, Any], ...]:
    return tuple(each for each in start.findings if (each["code"], each["node"]) not in truth.keys)


def campaign(
    profile: str, starts: int, loops: int, watched_s: float = WATCHED_S
) -> Iterator[tuple[Start, tuple[dict[str, Any], ...]]]:
    """Each start under load, with what it said that is not so."""
    truth = started(profile, watched_s)
    with busy(loops):
        for _ in range(starts):
            start = started(profile, watched_s)
            yield start, not_so(start, truth)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.starts", description=__doc__)
    parser.add_argument("--starts", type=int, default=STARTS)
    parser.add_argument("--loops", type=int, default=LOOPS)
    place_argument(parser)
    args = parser.parse_args()
    wrong, slowest = 0, 0.0
    with acting_lab(place=place_of(args)) as lab:
        for number, (start, said) in enumerate(campaign(str(lab.profile_file), args.starts, args.loops), 1):
            wrong += len(said)
            slowest = max(slowest, start.owner_s or 99.0)
            shown = "never" if start.owner_s is None else f"after {start.owner_s:.1f} s"
            print(f"- start {number}: owner {shown}, {len(said)} findings that are not so", flush=True)
            for each in said:
                print(f"  - {json.dumps(each)}", flush=True)
    print(f"\n{args.starts} starts under {args.loops} busy loops: {wrong} findings that are not so", end="")
    print(f", the owner on the screen after {slowest:.1f} s at most")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
