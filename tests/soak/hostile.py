"""`python -m tests.soak.hostile`: a watch, a console and commands beside a pair of which one node answers badly.

Thousands of generated bad answers over every question that is asked: no task dies, the other node stays live,
memory stays bounded, and no raw control reaches any output. Needs neither root nor the lab.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.standin.badness import KINDS
from tests.standin.pair import Pair, standin_pair
from tests.support.hostile import raw

ANSWERS, SEED = 2000, 20261129
AGE_MOST_S, MEMORY_MOST_MIB = 2.0, 200
COMMANDS = (
    ("status",),
    ("status", "--json"),
    ("triage", "--timeout", "15"),
    ("triage", "--json", "--timeout", "15"),
    ("traffic", "--since", "1h"),
    ("config", "diff"),
    ("restart", "nginx", "iam-b", "--dry-run"),
)
COMMAND_S = 90.0
# Until the watch and the console have seen a healthy pair.
SETTLE_S = 8.0
OURS = ("this is a bug in iamops", "Traceback", "a fault of iamops")


@dataclass(slots=True)
class Seen:
    """What came of it, so far."""

    wrong: list[str] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    memory_mib: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    cuts: int = 0

    def text(self, who: str, text: str) -> None:
        self.wrong += [f"{who}: {each}" for each in raw(text)[:3]]
        self.wrong += [f"{who}: {line[:300]}" for line in text.splitlines() if any(sign in line for sign in OURS)]

    def memory(self, who: str, pid: int) -> None:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
                if line.startswith("VmHWM"):
                    self.memory_mib[who] = max(self.memory_mib[who], int(line.split()[1]) // 1024)


class Campaign:
    def __init__(self, pair: Pair, seed: int, answers: int) -> None:
        self._pair, self._answers = pair, answers
        self._chance = Random(seed)
        self.seen = Seen()
        home = str(pair.path)
        self._environment = os.environ | {
            "HOME": home,
            "XDG_STATE_HOME": f"{home}/state",
            "XDG_CONFIG_HOME": f"{home}/config",
            "PYTHONPATH": os.getcwd(),
            "PYTHONUNBUFFERED": "1",
        }

    async def run(self) -> None:
        watch = await self._started("-m", "iamops", "--profile", str(self._pair.profile), "watch", "--json")
        console = await self._started("-m", "tests.soak.hostile_console", str(self._pair.profile))
        reading = [
            asyncio.create_task(self._watched(watch)),
            asyncio.create_task(self._beside(console)),
            asyncio.create_task(self._written()),
        ]
        try:
            await asyncio.sleep(SETTLE_S)
            self._pair.turn_bad(self._chance)
            while self._pair.given.total() < self._answers:
                for command in COMMANDS:
                    await self._command(command)
                    self.seen.cuts += self._pair.cut("iam-b")
                    print(f"{self._pair.given.total()} bad answers", file=sys.stderr, flush=True)
            self._pair.turn_good()
            await asyncio.sleep(15)
            for who, process in (("watch", watch), ("console", console)):
                if process.returncode is not None:
                    self.seen.wrong.append(f"{who} has ended with {process.returncode}")
        finally:
            for process in (watch, console):
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)

    async def _started(self, *args: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            sys.executable, *args, stdout=pipe, stderr=pipe, env=self._environment, limit=2**24
        )

    async def _command(self, words: tuple[str, ...]) -> None:
        """One command from its start to its end, whatever the pair says meanwhile."""
        process = await self._started("-m", "iamops", "--profile", str(self._pair.profile), *words)
        name = " ".join(words)
        try:
            async with asyncio.timeout(COMMAND_S):
                out, errors = await process.communicate()
        except TimeoutError:
            self.seen.wrong.append(f"{name}: no end within {COMMAND_S:g} s")
            process.kill()
            await process.wait()
            return
        self.seen.commands[f"{words[0]} exit {process.returncode}"] += 1
        self.seen.text(name, (out + errors).decode("utf-8", "surrogateescape"))

    async def _watched(self, process: asyncio.subprocess.Process) -> None:
        async def read(stream: asyncio.StreamReader | None) -> None:
            assert stream is not None
            while line := await stream.readline():
                self.seen.lines += 1
                self.seen.text("watch", line.decode("utf-8", "surrogateescape"))
                self.seen.memory("watch", process.pid)

        await asyncio.gather(read(process.stdout), read(process.stderr))

    async def _beside(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        errors = asyncio.create_task(process.stderr.read())
        warm = False
        while line := await process.stdout.readline():
            self.seen.memory("console", process.pid)
            told = json.loads(line)
            self.seen.wrong += [f"console: {each}" for each in (*told["raw"], *told["faults"])]
            warm = warm or told["live"] == "live"
            if not warm:
                continue
            if told["age_s"] is None or told["live"] != "live":
                self.seen.wrong.append(f"console: iam-a is {told['live']}, {told['links']}")
            else:
                self.seen.ages.append(told["age_s"])
        if said := (await errors).decode("utf-8", "replace").strip():
            self.seen.wrong.append(f"console: {said[-600:]}")

    async def _written(self) -> None:
        """A line of the access log now and then: both nodes read one."""
        line = '127.0.0.1 - - [29/Nov/2026:23:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "curl"\n'
        with self._pair.log.open("a", encoding="utf-8") as log:
            while True:
                log.write(line)
                log.flush()
                await asyncio.sleep(0.3)


def told(pair: Pair, seen: Seen, took_s: float) -> str:
    """The numbers, as Markdown."""
    questions = sorted({question for question, _ in pair.given})
    rows = [f"| {q} | " + " | ".join(str(pair.given[q, kind]) for kind in KINDS) + " |" for q in questions]
    ages = sorted(seen.ages) or [0.0]
    memory = ", ".join(f"{who} {mib} MiB" for who, mib in sorted(seen.memory_mib.items()))
    commands = ", ".join(f"{count} {name}" for name, count in sorted(seen.commands.items()))
    return "\n".join(
        (
            f"| question | {' | '.join(KINDS)} |",
            "|---" * (len(KINDS) + 1) + "|",
            *rows,
            "",
            f"{pair.given.total()} bad answers to {len(questions)} questions in {took_s:.0f} s. "
            f"{seen.cuts} connections cut. iam-a's age in {len(ages)} looks: at most {ages[-1]:.2f} s. "
            f"Memory at most: {memory}. Commands: {commands}. Wrong: {len(seen.wrong)}.",
        )
    )


def problems(pair: Pair, seen: Seen) -> list[str]:
    found = list(dict.fromkeys(seen.wrong)) + ([] if seen.ages else ["iam-a was never live in the console"])
    asked = pair.nodes["iam-a"].asked.keys() - {question for question, _ in pair.given}
    found += [f"answered badly never: {question}" for question in sorted(asked)]
    if seen.ages and max(seen.ages) > AGE_MOST_S:
        found.append(f"iam-a was {max(seen.ages):.2f} s old")
    found += [f"{who} took {mib} MiB" for who, mib in seen.memory_mib.items() if mib > MEMORY_MOST_MIB]
    return found


async def _campaign(seed: int, answers: int) -> int:
    with tempfile.TemporaryDirectory(prefix="iamops-hostile-") as place:
        async with standin_pair(Path(place)) as pair:
            campaign, began = Campaign(pair, seed, answers), time.monotonic()
            await campaign.run()
            print(told(pair, campaign.seen, time.monotonic() - began))
            found = problems(pair, campaign.seen)
            for each in found:
                print(f"WRONG: {each}", file=sys.stderr)
            return 1 if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.hostile", description=__doc__)
    parser.add_argument("--answers", type=int, default=ANSWERS, help="how many bad answers at least")
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args()
    return asyncio.run(_campaign(args.seed, args.answers))


if __name__ == "__main__":
    sys.exit(main())
