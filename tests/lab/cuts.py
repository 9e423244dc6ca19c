"""Cutting runs at their boundaries on the lab, and what must be true afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.acting import RUN_TIMEOUT_S, ActingLab
from tests.lab.whole import whole_within

HEALED_BY = {"ssh": "ssh-blocked", "power": "power-off"}


def cut_run(
    lab: ActingLab,
    action: str,
    at: int = -1,
    how: str = "none",
    node: str = "-",
    *,
    profile: Path | None = None,
) -> dict[str, Any] | None:
    """One run in a process of its own; None when it was killed, as it should be."""
    command = [
        sys.executable,
        "-m",
        "tests.lab.cut_console",
        str(profile or lab.profile_file),
        str(lab.paths.state),
        lab.paths.prefix,
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
    for attempt in range(3):  # a busy machine may cost its clients more than the forecast
        if attempt:
            lab.make_whole()
        document = cut_run(lab, action)
        assert document is not None
        if document["outcome"] == "succeeded":
            break
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


WHERE = "/etc/nginx /etc/keepalived /etc/sudoers.d /usr/local/sbin /etc/logrotate.d /etc/systemd/system"
FILES = f"find {WHERE} -type f -exec sha256sum {{}} + -exec stat -c '%n %a %U:%G' {{}} + | sort"


def hashes(lab: ActingLab) -> dict[str, str]:
    """Every configuration file of every node, with its rights."""
    return {node: lab.shell(node, FILES) for node in lab.profile.nodes}


@dataclass(frozen=True)
class TwoWays:
    """Two profiles that differ in several files, and what the nodes have with each."""

    profiles: tuple[Path, Path]
    states: tuple[dict[str, str], dict[str, str]]
    names: tuple[str, ...]

    @classmethod
    def made(cls, lab: ActingLab, one: Path, other: Path) -> TwoWays:
        """By pushing each once, undisturbed. The nodes have `one` afterwards."""
        there = _pushed(lab, other)
        other_state = hashes(lab)
        _pushed(lab, one)
        assert hashes(lab) != other_state
        return cls((one, other), (hashes(lab), other_state), tuple(there["boundaries"]))

    def check_cut(self, lab: ActingLab, at: int, how: str, node: str) -> str:
        """Cuts a push away from what is there; every node is then old or new, and a second push succeeds."""
        before = hashes(lab)
        target = 1 if before == self.states[0] else 0
        assert before == self.states[1 - target]
        document = cut_run(lab, "config push", at, how, node, profile=self.profiles[target])
        if how in HEALED_BY:
            lab.heal(HEALED_BY[how], node)
        limit_s = lab.profile.safety.rollback_s + 20
        took = whole_within(lab, limit_s)
        after = hashes(lab)
        for name, state in after.items():
            assert state in (self.states[0][name], self.states[1][name]), f"{name} is neither old nor new"
        which = {name: "new" if state == self.states[target][name] else "old" for name, state in after.items()}
        _pushed(lab, self.profiles[target])
        assert hashes(lab) == self.states[target]
        outcome = document["outcome"] if document else "killed"
        left = "/".join(which.values())
        return f"config push | {how} | {at} | {outcome}, {left} | {took:.1f} s"


def _pushed(lab: ActingLab, profile: Path) -> dict[str, Any]:
    document = cut_run(lab, "config push", profile=profile)
    assert document is not None
    assert document["outcome"] == "succeeded", document["sentence"]
    return document
