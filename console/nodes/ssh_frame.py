"""The frame around everything that a node is asked to run: what stands outside it is not the command's. No I/O.

A login shell may greet, complain, or run nothing at all. So the command's own output begins behind a mark that
nobody can know before, and ends with that mark and the command's exit status.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from console.parse.numbers import whole

SIGNALLED = 128
SIGNALS = 64
TAIL = 4096


def _new_mark() -> str:
    return f"iamops-{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Framed:
    """What stood inside a frame. `exit_status` None: a signal ended the command."""

    stdout: bytes
    stderr: bytes
    exit_status: int | None


@dataclass(frozen=True, slots=True)
class Frame:
    """The marks of one command. None stands in the command line: a shell that prints that fakes nothing."""

    mark: str = field(default_factory=_new_mark)

    @property
    def begin(self) -> bytes:
        return f"{self.mark}(\n".encode()

    @property
    def begin_errors(self) -> bytes:
        return f"{self.mark}!\n".encode()

    @property
    def end(self) -> bytes:
        return f"{self.mark})".encode()

    def noise(self, stdout: bytes, stderr: bytes) -> bytes:
        """What was written before the command began, or all of it if that never was."""
        return stdout.partition(self.begin)[0] + stderr.partition(self.begin_errors)[0]

    def read(self, stdout: bytes, stderr: bytes) -> Framed | None:
        """The command's own output and exit status; None if it was not run to its end."""
        _, began, rest = stdout.partition(self.begin)
        inside, ended, after = rest.partition(self.end)
        if not (began and ended and b"\n" in after):
            return None
        return Framed(inside, self.errors(stderr), status(after))

    def errors(self, stderr: bytes) -> bytes:
        """What the command wrote to stderr. Of a long one only the tail is kept: that is all the command's."""
        before, apart, errors = stderr.partition(self.begin_errors)
        return (errors if apart else before).partition(self.end)[0]

    def ended_in(self, stream: bytearray) -> bool:
        """Whether the end mark has come whole."""
        return stream.find(b"\n", at) >= 0 if (at := stream.rfind(self.end, -TAIL)) >= 0 else False


def status(after: bytes) -> int | None:
    """The exit status behind the end mark. A shell tells of a signal as 128 and its number."""
    number = whole(after.partition(b"\n")[0])
    return None if number is None or SIGNALLED < number <= SIGNALLED + SIGNALS else number
