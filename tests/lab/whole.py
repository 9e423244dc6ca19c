"""Whether a pair is as it should be: units, timers, locks, priorities, one owner."""

from __future__ import annotations

import time

from tests.lab.conftest import LabForTests


def wrong(lab: LabForTests, *, may_stop: tuple[str, str] | None = None) -> list[str]:
    """What is not as a whole pair should be. `may_stop` (node, unit) was asked to be stopped."""
    found: list[str] = []
    for name in lab.profile.nodes:
        units = [u for u in lab.profile.actionable_units_on(name) if (name, u) != may_stop]
        states = lab.exec(name, ["systemctl", "is-active", *units]).stdout.decode().split()
        active = dict(zip(units, states, strict=False))
        found += [f"{u} is {active.get(u, 'unknown')} on {name}" for u in units if active.get(u) != "active"]
        timers = _words(lab, name, "ls /run/systemd/transient | grep ^iamops-")
        found += [f"{timer} is left on {name}" for timer in timers]
        if lab.exec(name, ["flock", "--nonblock", "/run", "true"]).returncode != 0:
            found.append(f"{name} is still locked")
        raised = _words(lab, name, "cat /run/iamops-priority.*")
        found += [f"priority raised by {value} on {name}" for value in raised if value != "0"]
        # A node in FAULT takes nothing over, whatever runs on it.
        entered = _words(lab, name, "grep -o 'notify_[a-z]*' /var/log/keepalived.log | tail -n 1")
        found += [f"{name} is in FAULT"] if entered == ["notify_fault"] else []
    owners = lab.status().owners
    return found if len(owners) == 1 else [*found, f"the VIP is on {owners or 'no node'}"]


def whole_within(lab: LabForTests, limit_s: float, *, may_stop: tuple[str, str] | None = None) -> float:
    """Seconds until the pair was whole by itself; fails with what was still wrong."""
    started = time.monotonic()
    while left := wrong(lab, may_stop=may_stop):
        waited = time.monotonic() - started
        assert waited < limit_s, f"after {waited:.0f} s: {left}"
        time.sleep(0.2)
    return time.monotonic() - started


def _words(lab: LabForTests, node: str, line: str) -> list[str]:
    return lab.exec(node, ["sh", "-c", line]).stdout.decode().split()
