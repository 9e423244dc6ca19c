"""A command that a node runs only while the timer that would undo it is still to fire."""

from __future__ import annotations

from collections.abc import Sequence

# A console that stood still may send a command after its undo has fired: only the node can tell, and only then.
# An undo that is at work has an active timer, too: `running`, not `waiting`.
_ONLY_THEN = (
    'case "$(systemctl show -p SubState "$1.timer")" in SubState=waiting) ;; '
    '*) echo "$0: $1.timer" >&2; exit 75;; esac; shift; exec "$@"'
)
_REFUSED, _REFUSES = 75, "iamops-not-armed"


def while_armed(dead_man: str, argv: Sequence[str]) -> tuple[str, ...]:
    """`dead_man`: the timer's unit without its suffix. Sudo sees `argv` as it is."""
    return ("sh", "-c", _ONLY_THEN, _REFUSES, dead_man, *argv)


def was_over(exit_status: int | None, stderr: str) -> bool:
    """Did the node refuse because the timer had fired or was stopped? Then nothing was done."""
    return exit_status == _REFUSED and any(line.startswith(f"{_REFUSES}:") for line in stderr.splitlines())
