"""Planned moves of the VIP on the lab, as an independent client every 5 ms saw them, beside plain stops."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from tests.bench.figures import percentile
from tests.bench.flips import VIP
from tests.support.independent_probe import probing

HOST = "iam.api.marmotedu.com"
NAMESPACE = "iamops-op"
RUN_TIMEOUT_S = 60
# Skew of the taker: (256 - priority) / 256 s.
THEORY_MS = {"iam-a": 609.4, "iam-b": 804.7}


@dataclass(frozen=True, slots=True)
class Switched:
    """One move: who took the VIP, the gap a client saw by the witness and by the product, how long it took."""

    to: str
    witness_ms: float
    ours_ms: float
    took_s: float


def switchovers(count: int, *, plain: bool = False) -> list[Switched]:
    """So many moves back and forth. Raises RuntimeError for one that did not succeed."""
    return [_switchover(plain=plain) for _ in range(count)]


def _switchover(*, plain: bool) -> Switched:
    how = ["--plain"] if plain else []
    command = [sys.executable, "-m", "iamops", "--profile", "lab", "switchover", *how, "--yes", "--json"]
    command += ["--override", "anti-flap", "--reason", "bench"]
    with probing(VIP, HOST, namespace=NAMESPACE) as witness:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"a switchover failed: {done.stderr}")
    document = json.loads(done.stdout)
    client = document["client"]
    return Switched(
        client["answered_by"], witness.longest_ms, client["longest_gap_ms"] or 0.0, document["duration_s"]
    )


def move_table(fast: list[Switched], plain: list[Switched]) -> str:
    """A Markdown table of both ways, and how far the product's own measurement was off."""
    lines = ["| way | to | n | median | p95 | max | theory |", "|---|---|---|---|---|---|---|"]
    for way, moves in (("raised to 254", fast), ("plain stop", plain)):
        for node in sorted({move.to for move in moves}):
            gaps = [move.witness_ms for move in moves if move.to == node]
            theory = 7.8 if way.startswith("raised") else THEORY_MS[node]
            lines.append(
                f"| {way} | {node} | {len(gaps)} | {percentile(gaps, 0.5):.1f} ms | "
                f"{percentile(gaps, 0.95):.1f} ms | {max(gaps):.1f} ms | {theory:.0f} ms |"
            )
    return "\n".join(lines)


def disagreement_ms(moves: list[Switched]) -> list[float]:
    """How far the product's gap was from the witness's, per move."""
    return [abs(move.witness_ms - move.ours_ms) for move in moves]
