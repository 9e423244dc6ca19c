"""A target for a given time: inputs that go where none has gone are kept, and mutated in their turn."""

from __future__ import annotations

import hashlib
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.fuzz.mutations import mutated
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS
from tests.fuzz.trying import Ways, tried

MEMORY_MAX_MB = 300
# What is followed step by step is some thirty times slower: long inputs are only tried.
FOLLOWED_MAX = 4096
SPECIMENS = Path(__file__).parent / "specimens"


@dataclass(slots=True)
class Found:
    """What a campaign has to tell. `faults`: the first input for each kind of fault."""

    target: str
    inputs: int = 0
    kept: int = 0
    ways: int = 0
    slowest_s: float = 0.0
    peak_mb: float = 0.0
    faults: dict[str, bytes] = field(default_factory=dict)

    @property
    def line(self) -> str:
        told = f"{self.inputs:>9} inputs {self.kept:>5} kept {self.ways:>6} ways"
        worst = f"slowest {self.slowest_s * 1000:6.0f} ms, peak {self.peak_mb:4.0f} MB"
        return f"{self.target:<22} {told}, {worst}, {len(self.faults)} faults"


def campaign(name: str, seconds: float, seed: int) -> Found:
    """Runs in this process; its memory is bounded here, so it should be one of its own."""
    _bound_memory()
    target = TARGETS[name]
    chance, ways, found = Random(seed), Ways(), Found(target.name)
    pool = [*target.seeds, *specimens(target.name)] or [b""]
    for text in pool:
        ways.new(target, text)
        _try(target, text, found)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        text = mutated(chance, chance.choice(pool), pool, target.words)
        _try(target, text, found)
        if len(text) <= FOLLOWED_MAX and ways.new(target, text):
            pool.append(text)
            found.kept += 1
    found.ways = len(ways.known)
    found.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def specimens(name: str) -> list[bytes]:
    """Inputs that were wrong once."""
    return [path.read_bytes() for path in sorted((SPECIMENS / name.replace(" ", "-")).glob("*"))]


def kept(target: str, text: bytes) -> Path:
    """The input as a specimen: from now on it is tried with every test run."""
    path = SPECIMENS / target.replace(" ", "-") / hashlib.sha256(text).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return path


def _try(target: Target, text: bytes, found: Found) -> None:
    result = tried(target, text)
    found.inputs += 1
    found.slowest_s = max(found.slowest_s, result.took_s)
    if result.fault:
        found.faults.setdefault(result.kind, text)


def _bound_memory() -> None:
    """Of what comes on top of the interpreter, its libraries and their address space."""
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    most = now + MEMORY_MAX_MB * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
