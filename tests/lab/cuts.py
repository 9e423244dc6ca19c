"""Cutting runs at their boundaries on the lab, and what must be true afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from tests.lab.acting import RUN_TIMEOUT_S, ActingLab

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


def wrong(lab: ActingLab, *, may_stop: tuple[str, str] | None = None) -> list[str]:
    """What is not as a whole pair should be. `may_stop` (node, unit) was asked to be stopped."""
    found: list[str] = []
    for name in lab.profile.nodes:
        units = [u for u in lab.profile.actionable_units_on(name) if (name, u) != may_stop]
        states = lab.says(name, "systemctl", "is-active", *units).split()
        active = dict(zip(units, states, strict=False))
        found += [f"{u} is {active.get(u, 'unknown')} on {name}" for u in units if active.get(u) != "active"]
        timers = lab.shell(name, "ls /run/systemd/transient | grep ^iamops-").split()
        found += [f"{timer} is left on {name}" for timer in timers]
        if lab.exec(name, ["flock", "--nonblock", "/run", "true"]).returncode != 0:
            found.append(f"{name} is still locked")
        raised = lab.shell(name, "cat /run/iamops-priority.*").split()
        found += [f"priority raised by {value} on {name}" for value in raised if value != "0"]
    owners = lab.status().owners
    return found if len(owners) == 1 else [*found, f"the VIP is on {owners or 'no node'}"]


def whole_within(lab: ActingLab, limit_s: float, *, may_stop: tuple[str, str] | None = None) -> float:
    """Seconds until the pair was whole by itself; fails with what was still wrong."""
    started = time.monotonic()
    while left := wrong(lab, may_stop=may_stop):
        waited = time.monotonic() - started
        assert waited < limit_s, f"after {waited:.0f} s: {left}"
        time.sleep(0.2)
    return time.monotonic() - started


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
