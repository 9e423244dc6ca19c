"""What a journal says of its own beginning, and whether silence in it means peace."""

from __future__ import annotations

NOW = 1_700_000_000


def said(**parts: str) -> str:
    return "".join(f"\n==iamops begin {name}==\n{text}\n==iamops end 0==\n" for name, text in parts.items())


def entry(at: float) -> str:
    return f'{{"__REALTIME_TIMESTAMP":"{int(at * 1e6)}","_BOOT_ID":"1"}}'


WELL = {"now": f"{NOW}", "init": "  90000", "storage": "", "newest": entry(NOW - 2), "oldest": entry(NOW - 86400)}
