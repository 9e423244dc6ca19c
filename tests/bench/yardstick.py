"""How slow the machine is just now: the speed of shared machines varies by half within a day.

The goals of the design are seconds on the machine on which docs/bench.md was begun. Elsewhere, and there at a
bad hour, a program of fixed work tells how much longer the same work takes, and a test's bound is stretched by
that much and no more. On a faster machine the bound stays what it is. `make bench` records what was measured,
unstretched.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time

# What a console does most of: start an interpreter, import, make small objects, slice and join text, hash bytes.
WORK = """
import argparse, asyncio, dataclasses, email.parser, hashlib, http.client, json, logging, ssl, xml.dom.minidom
rows = [{"at": n, "text": f"line {n} of the log", "ok": n % 7 != 0} for n in range(20_000)]
text = json.dumps(rows)
again = json.loads(text)
words = sorted(word for row in again for word in row["text"].split())
digest = hashlib.sha256()
for start in range(0, len(text), 64):
    digest.update(text[start : start + 64].encode())
"""
REFERENCE_S = 0.150
# Two of them at once: hardly longer than one on two free cores, 1.7 times as long where a program has one of them.
REFERENCE_OF_TWO_S = 0.155
RUNS = 5


def work_s() -> float:
    """Seconds for the fixed work, the median of a few runs."""
    return statistics.median(_once() for _ in range(RUNS))


def slowness() -> float:
    """1.0 on the reference machine or a faster one; 1.4 where everything takes 1.4 times as long."""
    return max(1.0, work_s() / REFERENCE_S)


def slowness_beside() -> float:
    """The same of what a console and the nodes of the lab do for each other: a part alone, a part at once."""
    of_two = statistics.median(_once(2) for _ in range(RUNS)) / REFERENCE_OF_TWO_S
    return max(1.0, (work_s() / REFERENCE_S + of_two) / 2)


def _once(at_once: int = 1) -> float:
    began = time.perf_counter()
    with contextlib.ExitStack() as stack:
        command = [sys.executable, "-I", "-c", WORK]
        for running in [stack.enter_context(subprocess.Popen(command)) for _ in range(at_once)]:
            if running.wait(60):
                raise RuntimeError(f"the fixed work ended with {running.returncode}")
    return time.perf_counter() - began
