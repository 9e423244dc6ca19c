"""A watch over all faults of the lab, with destinations that come and go: everybody hears everything, once.

Webhooks are added, corrected, taken out and put back, and down for minutes; the watch is restarted for that, or
killed. At the end each destination's messages are compared with what the watch has decided.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import re
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from iamops.lab.faults.catalogue import CATALOGUE, FaultScope
from tests.lab.acting import ActingLab, acting_lab
from tests.lab.test_watch import WatchCommand, free_port
from tests.soak.places import place_argument, place_of
from tests.support.sinks import Webhook

HELD_S, CALM_S = 18.0, 14.0
# From the watch's start to its first look at the findings it may take so long; then the longest hold.
SETTLES_S = 16.0
LAST_S = 150.0
NUMBER = re.compile(r"iamops watch, message (\S+)")
BAD = ("finding", "digest")
SERVICES = ("iam-apiserver", "iam-authz-server")
UNITS = ("keepalived", "nginx", "iam-pump", *SERVICES)
ANY_UNIT = ("stop-unit", "kill-unit", "hang-unit")


@dataclass
class Destination:
    """A webhook, and when it was asked for. `wrong`: at first its URL leads nowhere."""

    name: str
    hook: Webhook = field(default_factory=Webhook)
    wrong: int = 0
    asked: list[list[float]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.wrong}/" if self.wrong else self.hook.url


@dataclass(frozen=True)
class Told:
    """A message about a finding, as a destination or the watch itself has it."""

    at: float
    key: str
    kind: str
    severity: str
    title: str


# The database remembers what was put into it, though it leaves again: a webhook gets only a message's words.
REMEMBERED = """
    CREATE TABLE IF NOT EXISTS records (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE put (value TEXT);
    CREATE TRIGGER remembered AFTER INSERT ON records WHEN new.name LIKE '0%'
        BEGIN INSERT INTO put VALUES (new.value); END;
"""


class Messages:
    """Every message that was put into the outbox, by its number."""

    def __init__(self, outbox: Path) -> None:
        self.by_number: dict[str, Told] = {}
        self._path = outbox
        with contextlib.closing(sqlite3.connect(outbox)) as database:
            database.executescript(REMEMBERED)

    def end(self) -> None:
        with contextlib.closing(sqlite3.connect(self._path)) as database:
            for (value,) in database.execute("SELECT value FROM put"):
                document = json.loads(value)["message"]
                self.by_number[document["id"]] = told_of(document)


def told_of(document: Mapping[str, Any]) -> Told:
    at = datetime.fromisoformat(document["at"]).timestamp()
    return Told(at, document["key"] or "", document["kind"], document["severity"], document["title"])


class Campaign:
    def __init__(self, lab: ActingLab, directory: Path, dice: random.Random) -> None:
        self._lab, self._directory, self._dice = lab, directory, dice
        self.destinations = {
            name: Destination(name) for name in ("steady", "flaky", "added", "leaving", "corrected")
        }
        self.destinations["corrected"].wrong = free_port()
        self._present = ["steady", "flaky", "leaving", "corrected"]
        self.decided: list[Told] = []
        self.restarts = Counter[str]()
        (directory / "state").mkdir(mode=0o700)
        self.messages = Messages(directory / "state" / "outbox.db")
        self._watch = self._start()

    def run(self, minutes: float) -> int:
        """Breaks and heals until the time is over; returns how many faults that were."""
        until, count = time.monotonic() + 60 * minutes, 0
        while time.monotonic() < until:
            for argv in faults(self._lab, self._dice):
                if time.monotonic() >= until:
                    break
                self._fault(argv, count)
                count += 1
        self._settle()
        return count

    def _fault(self, argv: tuple[str, ...], count: int) -> None:
        name, *target = argv
        print(f"{time.strftime('%H:%M:%S')} {' '.join(argv)}; asked: {' '.join(self._present)}", flush=True)
        self._lab.fault(name, *target)
        time.sleep(HELD_S / 2)
        self._come_and_go(count)
        time.sleep(HELD_S / 2)
        self._lab.heal(name, *target)
        time.sleep(CALM_S)

    def _come_and_go(self, count: int) -> None:
        """In the middle of a fault, so that something is open."""
        flaky, corrected = self.destinations["flaky"], self.destinations["corrected"]
        flaky.hook.status = 503 if count % 8 in (2, 3, 4, 5) else 200
        before = (list(self._present), corrected.wrong)
        if count % 5 in (1, 3):
            self._toggle("leaving")
        if count % 7 in (2, 6):
            self._toggle("added")
        if count % 4 == 3:
            corrected.wrong = 0 if corrected.wrong else free_port()
        if before != (self._present, corrected.wrong):
            self._restart(signal.SIGKILL if self._dice.random() < 0.3 else signal.SIGTERM)

    def _toggle(self, name: str) -> None:
        (self._present.remove if name in self._present else self._present.append)(name)

    # --- the watch ---

    def _start(self) -> WatchCommand:
        now = time.time()
        for name in self._present:
            if not self.destinations[name].wrong:
                self.destinations[name].asked.append([now, now])
        urls = [self.destinations[name].url for name in self._present]
        return WatchCommand(self._directory, urls, profile=str(self._lab.profile_file))

    def _restart(self, how: signal.Signals) -> None:
        self._stop(how)
        self.restarts[how.name] += 1
        self._watch = self._start()

    def _stop(self, how: signal.Signals) -> None:
        self._watch.end(how)
        self.decided += [told_of(each) for each in self._watch.told if each.get("key")]
        for each in self.destinations.values():
            for span in each.asked[-1:]:
                span[1] = time.time() if span[1] == span[0] else span[1]

    def _settle(self) -> None:
        """All of them up and asked for, everything healed: what was open is over, what waits is delivered."""
        self._lab.make_whole()
        self.destinations["flaky"].hook.status, self.destinations["corrected"].wrong = 200, 0
        self._present = list(self.destinations)
        self._restart(signal.SIGTERM)
        time.sleep(LAST_S)
        self._stop(signal.SIGTERM)
        self.messages.end()

    # --- what came of it ---

    def arrived(self, name: str) -> list[Told]:
        """What a destination got about findings, in order; what was repeated after a kill counts once."""
        numbers = [
            found[1] for each in self.destinations[name].hook.arrived if (found := NUMBER.search(each.body))
        ]
        told = [self.messages.by_number[number] for number in dict.fromkeys(numbers)]
        return [each for each in told if each.key]


def faults(lab: ActingLab, dice: random.Random) -> list[tuple[str, ...]]:
    """Each of them once, on any node and unit that it takes, in any order."""
    found = []
    for fault in CATALOGUE.values():
        node, unit = dice.choice(list(lab.profile.nodes)), dice.choice(UNITS)
        target = {FaultScope.CLUSTER: (), FaultScope.UNIT: (node, unit)}.get(fault.scope, (node,))
        if fault.scope is FaultScope.UNIT and fault.name not in ANY_UNIT:
            target = (node, dice.choice(SERVICES))
        found.append((fault.name, *target))
    dice.shuffle(found)
    return found


def twice(told: Sequence[Told]) -> Iterator[str]:
    """What was said again in the same state, and ends of what had not begun."""
    state: dict[str, str] = {}
    for each in told:
        if each.kind == "resolved" and each.key not in state:
            yield f"the end of what it had not heard: {each.title}"
        if each.kind == "finding" and state.get(each.key) == each.severity:
            yield f"twice: {each.title}"
        if each.kind == "resolved":
            state.pop(each.key, None)
        else:
            state[each.key] = each.severity if each.kind == "finding" else "flapping"
    yield from (f"no end: {key}" for key in state)


def episodes(decided: Sequence[Told]) -> Iterator[tuple[Told, float]]:
    """Each finding that was opened, and when it was resolved."""
    begun: dict[str, Told] = {}
    for each in decided:
        if each.kind in BAD:
            begun.setdefault(each.key, each)
        elif each.key in begun:
            yield begun.pop(each.key), each.at


def missed(
    found: Sequence[tuple[Told, float]], told: Sequence[Told], asked: Sequence[Sequence[float]]
) -> list[str]:
    """What was open while the destination was asked for, and it never knew."""
    wrong = []
    for begin, end in found:
        there = any(min(end, until) - max(begin.at, since) > SETTLES_S for since, until in asked)
        known = [each for each in told if each.key == begin.key and each.at < end]
        if there and not (known and known[-1].kind in BAD):
            wrong.append(f"never heard: {begin.title} ({end - begin.at:.0f} s)")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.watch", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    place_argument(parser)
    args = parser.parse_args()
    print(f"seed {args.seed}")
    wrong = list[str]()
    with tempfile.TemporaryDirectory() as directory, acting_lab(place=place_of(args)) as lab:
        campaign = Campaign(lab, Path(directory), random.Random(args.seed))
        count = campaign.run(args.minutes)
        found = list(episodes(campaign.decided))
        print(f"\n{count} faults, {len(found)} findings opened and ended, restarts: {dict(campaign.restarts)}\n")
        print("| destination | asked for | findings | sums | ends | wrong |\n|---|---|---|---|---|---|")
        for name, each in campaign.destinations.items():
            told = campaign.arrived(name)
            mine = [*twice(told), *missed(found, told, each.asked)]
            kinds = Counter(one.kind for one in told)
            numbers = (f"{len(each.asked)} times", *(kinds[kind] for kind in (*BAD, "resolved")), len(mine))
            print(f"| {name} | {' | '.join(map(str, numbers))} |")
            wrong += [f"{name}: {text}" for text in mine]
        if wrong:
            print((Path(directory) / "log").read_text()[-20000:], file=sys.stderr)
    print("\n".join(["", *(wrong or ["Everybody heard everything, nothing twice, and each end."])]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
