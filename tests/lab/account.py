"""What is needed to understand a test that failed: the machine, the lab's state, a timeline of its journals."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

READ, LINES = 2000, 150
RECORDS = 3
TIMEOUT_S = 10.0
WIDTH = 200
# What the console's own questions leave there all the time.
ALWAYS = re.compile(
    r"pam_(unix|limits)|/tmp/keepalived\.|Printing (VRRP|parent)|Sent signal SIG(RTMIN|USR1)|SIGUSR1|=36 "
)


def account(lab: Any, since: float) -> str:
    """Since this moment, epoch seconds. Never raises: what cannot be had is said."""
    parts = (_machine, _state, _audit)
    told = [line for part in parts for line in _said(part, lab)]
    return "\n".join([*told, *_said(lambda: _timeline(lab, since))])


def _said(part: Any, *args: Any) -> list[str]:
    try:
        return [line[:WIDTH] for line in part(*args)]
    except Exception as failure:
        return [f"({getattr(part, '__name__', 'timeline')} cannot be told: {failure!r})"]


def _machine(lab: Any) -> Iterator[str]:
    """A neighbour that takes the processor explains a time that was missed."""
    yield f"load {' '.join(f'{each:.1f}' for each in os.getloadavg())} on {os.cpu_count()} cores; busiest:"
    argv = ["ps", "-eo", "pcpu,etimes,args", "--sort=-pcpu", "--no-headers"]
    yield from _lines(subprocess.run(argv, capture_output=True, timeout=TIMEOUT_S, check=False).stdout)[:5]


def _state(lab: Any) -> Iterator[str]:
    status = lab.status()
    owners, faults = (", ".join(each) for each in (status.owners, status.faults))
    yield f"VIP {status.vip} on {owners or 'nobody'}; faults: {faults or 'none'}"
    for name, node in status.nodes.items():
        units = ", ".join(f"{unit.name} {unit.active}" for unit in node.units or () if unit.active != "active")
        yield f"{name}: {units or 'all units are active'}"


def _audit(lab: Any) -> Iterator[str]:
    """What iamops itself says that it has done."""
    directory = getattr(lab, "directory", None)
    for ledger in sorted(Path(directory).glob("state*/iamops/audit.jsonl")) if directory else ():
        for line in ledger.read_text().splitlines()[-RECORDS:]:
            record = json.loads(line)
            told = {
                key: record.get(key) for key in ("at", "kind", "action", "outcome", "sentence") if key in record
            }
            yield f"{ledger.parent.parent.name}: {told}"


def _timeline(lab: Any, since: float) -> Iterator[str]:
    argv = ["journalctl", "--no-pager", "-o", "short-unix", f"--since=@{since:.0f}", "-n", str(READ)]
    lines = [
        (line.split(" ", 1)[0], name, line.partition(" ")[2])
        for name in lab.profile.nodes
        for line in _lines(lab.exec(name, argv, timeout_s=TIMEOUT_S).stdout)
        if not line.startswith("-- ") and not ALWAYS.search(line)
    ]
    yield f"the journals of {' and '.join(lab.profile.nodes)}:"
    yield from (f"{float(at) - since:8.3f} s {name} {text}" for at, name, text in sorted(lines)[-LINES:])


def _lines(raw: bytes) -> list[str]:
    return raw.decode("utf-8", "replace").splitlines()
