"""Is there room in /run, where systemd keeps the timers of undos? Pure; one look."""

from __future__ import annotations

from console.parse.numbers import whole

ASK = ("df", "--output=avail,iavail", "/run")


def no_room(node: str, text: str) -> str:
    """Why no timer can be made there; empty: there is room, or df did not tell."""
    left = [whole(word) for word in text.splitlines()[-1].split()] if text.strip() else []
    if 0 not in left:
        return ""
    what = "is full" if left[0] == 0 else "has no room for another file"
    return f"/run on {node} {what}, and systemd keeps the timers of undos there (du -x /run)"
