"""Whether a pair is as it should be: units, timers, locks, priorities, one owner."""

from __future__ import annotations

import time

from tests.lab.conftest import LabForTests

# One command, as this is asked again and again: units, timers, the lock, priorities, keepalived's last word.
# A node in FAULT takes nothing over, whatever runs on it.
LOOK = """\
systemctl is-active "$@"
echo --
ls /run/systemd/transient | grep ^iamops-
echo --
flock --nonblock /run true || echo locked
echo --
cat /run/iamops-priority.*
echo --
grep -o 'notify_[a-z]*' /var/log/keepalived.log | tail -n 1
"""


def wrong(lab: LabForTests, *, may_stop: tuple[str, str] | None = None) -> list[str]:
    """What is not as a whole pair should be. `may_stop` (node, unit) was asked to be stopped."""
    found: list[str] = []
    for name in lab.profile.nodes:
        units = [u for u in lab.profile.actionable_units_on(name) if (name, u) != may_stop]
        told = lab.exec(name, ["sh", "-c", LOOK, "look", *units]).stdout.decode()
        states, timers, locked, raised, entered = (part.split() for part in told.split("--\n"))
        active = dict(zip(units, states, strict=False))
        found += [f"{u} is {active.get(u, 'unknown')} on {name}" for u in units if active.get(u) != "active"]
        found += [f"{timer} is left on {name}" for timer in timers]
        found += [f"{name} is still locked"] if locked else []
        found += [f"priority raised by {value} on {name}" for value in raised if value != "0"]
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
