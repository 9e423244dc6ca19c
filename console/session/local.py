"""Commands on the operator's own machine: a profile's fencing, now or in a while."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from console.engine.ports import Answer, OutcomeUnknown
from console.parse.words import lines_of
from console.session.own_command import run_own

# Ourselves, wherever we are installed: a profile may simply say `iamops`.
OURSELVES = "iamops"
# Waits in a session of its own, so that neither our end nor a closed terminal ends it. USR1 ends it while it
# waits; from the moment at which it goes to work it is deaf to that.
_LATER = 'sleep "$1" & s=$!; trap "kill $s; exit 0" USR1; wait $s || exit; trap "" USR1; shift; exec "$@"'
FORGOTTEN_WITHIN_S = 0.3


class LocalCommands:
    """Runs commands, and keeps track of those that wait."""

    def __init__(self) -> None:
        self._waiting: dict[str, subprocess.Popen[bytes]] = {}
        self._at_work: list[subprocess.Popen[bytes]] = []

    async def run(self, argv: Sequence[str], timeout_s: float) -> Answer:
        """Raises OutcomeUnknown when it takes too long: nobody knows what it has done."""
        try:
            ended = await run_own(resolved(argv), deadline_s=timeout_s)
        except TimeoutError:
            raise OutcomeUnknown(f"{argv[0]} took longer than {timeout_s:g} s") from None
        except OSError as error:
            return Answer(127, "", f"{argv[0]}: {error.strerror}")
        return Answer(ended.exit_code, _text(ended.stdout), _text(ended.stderr))

    def later(self, name: str, argv: Sequence[str], delay_s: float) -> Answer:
        command = ["sh", "-c", _LATER, "later", f"{delay_s:g}", *resolved(argv)]
        try:
            self._waiting[name] = subprocess.Popen(
                command,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            return Answer(127, "", f"{argv[0]}: {error.strerror}")
        return Answer(0, "", "")

    def forget(self, name: str) -> Answer:
        """Ends what waits, unless it is already at work: then it is left to finish."""
        waiting = self._waiting.pop(name, None)
        if waiting is None or waiting.poll() is not None:
            return Answer(0, "", "")
        os.kill(waiting.pid, signal.SIGUSR1)
        try:
            waiting.wait(FORGOTTEN_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._at_work.append(waiting)
            return Answer(0, "it is at work already, and is left to finish\n", "")
        return Answer(0, "", "")


def resolved(argv: Sequence[str]) -> list[str]:
    if argv and argv[0] == OURSELVES:
        return [sys.executable, "-m", "console", *argv[1:]]
    return list(argv)


def _text(raw: bytes) -> str:
    return "\n".join(lines_of(raw))
