"""Lets a stand-in SSH server answer within the frame that the transport puts around every command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from iamops.nodes.ssh.command_line import FOLLOW, FRAMED, Frame


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as it was sent: what was meant, and the frame in which its answer counts."""

    argv: tuple[str, ...]
    frame: Frame

    @property
    def begin(self) -> bytes:
        return self.frame.begin

    def end(self, status: int = 0) -> bytes:
        return self.frame.end + f"{status}\n".encode()

    def answer(self, stdout: bytes, status: int = 0) -> bytes:
        """All of stdout that a well-behaved shell sends."""
        return self.begin + stdout + self.end(status)


def asked(command: str) -> Asked:
    """Reads the line that came over SSH. Raises ValueError for one without a frame (TCP through bash)."""
    words = shlex.split(command.partition("; exec ")[2])
    if words[:3] != ["sh", "-c", FRAMED]:
        raise ValueError(f"not in a frame: {command[:80]}")
    argv = words[4:]
    return Asked(tuple(argv[4:] if argv[:3] == ["sh", "-c", FOLLOW] else argv), Frame(words[3]))


class FramedProcess:
    """An asyncssh server process whose stdout and `exit` stay within the frame; all else is the process' own."""

    def __init__(self, process: Any, frame: Asked) -> None:
        self._process = process
        self._frame = frame
        process.stdout.write(frame.begin)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._process, name)

    def exit(self, status: int) -> None:
        self._process.stdout.write(self._frame.end(status))
        self._process.exit(status)


def framed(process: Any) -> FramedProcess:
    """The process of a command, to be answered as if there were no frame."""
    return FramedProcess(process, asked(process.command or ""))
