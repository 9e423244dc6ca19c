"""Parses the cheap reads of a Linux machine: /proc/loadavg, /proc/meminfo, df, date. Pure."""

from __future__ import annotations

import re

from console.model.timestamps import moment
from console.parse.numbers import real


def load1(text: str) -> float | None:
    """The one-minute load average from /proc/loadavg."""
    first = text.split()[:1]
    return _float(first[0]) if first else None


def memory_used_pct(text: str) -> float | None:
    """Memory in use as the kernel sees it: 100 - MemAvailable/MemTotal, in percent."""
    sizes = {m[1]: int(m[2]) for m in re.finditer(r"^(\w+):\s+([0-9]{1,19}) kB", text, re.MULTILINE)}
    total, available = sizes.get("MemTotal"), sizes.get("MemAvailable")
    return round(100 * (1 - available / total), 1) if total and available is not None else None


def disk_used_pct(text: str) -> float | None:
    """The capacity column of `df -P /`, in percent."""
    match = re.search(r"\s([0-9]{1,19})%\s+/\s*$", text, re.MULTILINE)
    return float(match[1]) if match else None


def epoch_s(text: str) -> float | None:
    """The node's clock from `date +%s.%N`."""
    return moment(_float(text.strip()))


def _float(text: str) -> float | None:
    return real(text)
