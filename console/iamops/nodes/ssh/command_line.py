"""The command lines sent to a node: the one place where argv becomes text for a remote shell. Pure.

POSIX sh only; the text must also survive a login shell that is bash, zsh, ksh or fish.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from iamops.model.foreign import whole
from iamops.nodes.transport import CommandResult

# Everything that a node is asked to run stands in a frame: what is outside it is not the command's.
#
# A login shell may greet, complain, or run nothing at all. So the command's own output begins behind a mark that
# nobody can know before, and ends with that mark and the command's exit status.

SIGNALLED = 128
SIGNALS = 64
TAIL = 4096


@dataclass(frozen=True, slots=True)
class Frame:
    """The marks of one command. They do not stand in the command line: a shell that prints that fakes nothing."""

    mark: str = field(default_factory=lambda: f"iamops-{secrets.token_hex(8)}")

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

    def read(self, stdout: bytes, stderr: bytes, argv: tuple[str, ...] = ()) -> CommandResult | None:
        """The command's own output and exit status; None if it was not run to its end."""
        _, began, rest = stdout.partition(self.begin)
        inside, ended, after = rest.partition(self.end)
        if not (began and ended and b"\n" in after):
            return None
        return CommandResult(argv, status(after), inside, self.errors(stderr))

    def errors(self, stderr: bytes) -> bytes:
        """What the command wrote to stderr. If only the tail is kept, all of that is the command's."""
        before, found, errors = stderr.partition(self.begin_errors)
        return (errors if found else before).partition(self.end)[0]

    def ended_in(self, stream: bytearray) -> bool:
        """Whether the end mark has arrived, with its line's end."""
        return stream.find(b"\n", at) >= 0 if (at := stream.rfind(self.end, -TAIL)) >= 0 else False


def status(after: bytes) -> int | None:
    """The exit status behind the end mark. A shell reports a signal as 128 and its number."""
    number = whole(after.partition(b"\n")[0])
    return None if number is None or SIGNALLED < number <= SIGNALLED + SIGNALS else number


# An ordinary user's PATH on Debian lacks sbin; LC_ALL=C because output is parsed.
ENVIRONMENT = 'export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"; exec '

# The marks of the frame stand around the command, on stdout with its exit status. The command is started by exec,
# so that no builtin and no function of the shell stands in for it, and has the channel's stdin.
FRAMED = """\
printf "%s!\\n" "$0" >&2
printf "%s(\\n" "$0"
( exec "$@" )
status=$?
printf "%s)%s\\n" "$0" "$status" >&2
printf "%s)%s\\n" "$0" "$status"
exit "$status"
"""

# sshd does not end a command when its channel closes: an idle `tail -F` would stay on the node for
# ever. But sshd does close the command's stdin, also when the connection is cut. So a watcher waits
# for the end of stdin and then ends the command with all its children. The watcher writes nowhere:
# if it held stdout, the stream would not end when the command does. Nor does the shell that waits:
# it would die of SIGPIPE while reporting the end, and leave its watcher behind.
FOLLOW = """\
exec 3<&0
if command -v setsid >/dev/null 2>&1
then setsid "$@" </dev/null 3<&- &
else "$@" </dev/null 3<&- &
fi
command=$!
(
  while read -r _; do :; done
  kill -TERM "-$command" || kill -TERM "$command"
  sleep 2
  kill -KILL "-$command" || kill -KILL "$command"
) <&3 >/dev/null 2>&1 &
watcher=$!
exec 3<&- >/dev/null 2>&1
wait "$command"
status=$?
kill "$watcher"
exit "$status"
"""

# For a sshd that forbids forwarding: bash opens the connection itself, and says `+` once it stands. The frame only
# begins: what comes behind the `+` is the connection's. Either side's end ends both directions.
TCP_READY = b"+"
TCP = """\
printf "%s(\\n" "$2"
exec 3<>"/dev/tcp/$0/$1" || exit 1
exec 4<&0
printf +
cat <&3 2>/dev/null &
reader=$!
{ cat <&4 >&3; kill "$reader"; } >/dev/null 2>&1 &
writer=$!
exec 3<&- 4<&- >/dev/null 2>&1
wait "$reader"
kill "$writer"
"""


def command_line(argv: Sequence[str], frame: Frame) -> str:
    """The line for a command that runs to its end."""
    return ENVIRONMENT + shlex.join(("sh", "-c", FRAMED, frame.mark, *argv))


def stream_line(argv: Sequence[str], frame: Frame) -> str:
    """The line for a command that runs until it ends or its stdin is closed."""
    return command_line(("sh", "-c", FOLLOW, "iamops-stream", *argv), frame)


def tcp_line(host: str, port: int, frame: Frame) -> str:
    """The line for a TCP connection made by bash on the node."""
    return ENVIRONMENT + shlex.join(("bash", "-c", TCP, host, str(port), frame.mark))
