"""Cutting runs at their boundaries on the lab, and what must be true afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from tests.lab.acting import RUN_TIMEOUT_S, ActingLab
from tests.lab.whole import whole_within

HEALED_BY = {"ssh": "ssh-blocked", "power": "power-off"}


def cut_run(
    lab: ActingLab, action: str, at: int = -1, how: str = "none", node: str = "-"
) -> dict[str, Any] | None:
    """One run in a process of its own; None when it was killed, as it should be."""
    command = [
        sys.executable,
        "-m",
        "tests.lab.cut_console",
        str(lab.profile_file),
        str(at),
        how,
        node,
        "--",
        *action.split(),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False, env=lab.environment
    )
    if how == "kill" and done.returncode == -9:
        return None
    assert done.returncode == 0, f"{action} cut at {at} ({how}): {done.stderr[-2000:]}"
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def boundaries(lab: ActingLab, action: str) -> list[str]:
    """The names of all boundaries of an undisturbed run."""
    document = cut_run(lab, action)
    assert document is not None
    assert document["outcome"] == "succeeded", document["sentence"]
    names: list[str] = document["boundaries"]
    return names


def check_cut(lab: ActingLab, action: str, at: int, how: str, node: str, name: str = "") -> str:
    """Cuts one run at one boundary and proves that everything comes back; returns a line for a table.

    `name` is the boundary's: a stop whose undo was disarmed has been carried out as it was asked for.
    """
    document = cut_run(lab, action, at, how, node)
    cut_at = time.monotonic()
    if how in HEALED_BY:
        lab.heal(HEALED_BY[how], node)
    asked = action.split()
    stays = (asked[2], asked[1]) if asked[0] == "stop" and (_kept(document) or _disarmed(name)) else None
    took = whole_within(lab, lab.profile.safety.dead_man_s + 15, may_stop=stays)
    outcome = document["outcome"] if document else "killed"
    return f"{action} | {how} | {at} | {outcome} | {took:.1f} s | {time.monotonic() - cut_at:.1f} s"


def _kept(document: dict[str, Any] | None) -> bool:
    """Was the stop carried out to its end, so that the unit is meant to stay stopped?"""
    return document is not None and document["outcome"] == "succeeded"


def _disarmed(name: str) -> bool:
    return (name.startswith("disarm ") and not name.endswith(": running")) or name == "over"
