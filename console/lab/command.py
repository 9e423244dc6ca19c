"""Runs the tools of this machine. A failure carries the command and the last lines it printed."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence

from console.lab.errors import CommandFailed

LAST_LINES = 12


def run(argv: Sequence[str], *, stdin: str = "", timeout_s: float = 60.0) -> str:
    """Runs a command to its end and returns its stdout. Raises CommandFailed."""
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise CommandFailed(f"{argv[0]} is not installed", "iamops lab up names the packages") from error
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(
            f"`{shlex.join(argv)}` did not end within {timeout_s:g} s", "try again; the machine may be busy"
        ) from error
    if done.returncode:
        raise CommandFailed(
            f"`{shlex.join(argv)}` ended with {done.returncode}: {last_lines(done.stderr or done.stdout)}",
            "`iamops lab reset` makes a fresh pair",
        )
    return done.stdout


def succeeds(argv: Sequence[str], *, timeout_s: float = 60.0) -> bool:
    """Whether a command ends with 0; for cleaning up what may not be there."""
    try:
        run(argv, timeout_s=timeout_s)
    except CommandFailed:
        return False
    return True


def last_lines(output: str, count: int = LAST_LINES) -> str:
    """The end of a tool's output, where the reason stands."""
    return "\n".join(output.strip().splitlines()[-count:])
