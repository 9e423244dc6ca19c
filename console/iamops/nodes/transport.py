"""The transport: the few things a node can be asked to do, and every way in which that can fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

Clock = Callable[[], float]


class TransportError(Exception):
    """Base of all transport errors: which node, what happened, and what to do next.

    `kind` is a stable word for JSON and exit codes; `next_step` is a sentence or a command.
    """

    kind = "transport"

    def __init_subclass__(cls, *, kind: str = "") -> None:
        cls.kind = kind or cls.kind

    def __init__(self, node: str, reason: str, next_step: str) -> None:
        super().__init__(f"{node}: {reason}")
        self.node = node
        self.reason = reason
        self.next_step = next_step


class HostKeyUnknown(TransportError, kind="host-key-unknown"):
    """The node's host key is in no known_hosts file."""


class HostKeyChanged(TransportError, kind="host-key-changed"):
    """The node presented another key than the one on file, or one that is marked as revoked."""


class SshConfigInvalid(TransportError, kind="ssh-config"):
    """The user's OpenSSH configuration, or what the profile says about SSH, cannot be used."""


class ConnectRefused(TransportError, kind="refused"):
    """Nothing listens at the SSH port."""


class Unreachable(TransportError, kind="unreachable"):
    """No route, no name, or the network namespace is not there."""


class HandshakeFailed(TransportError, kind="handshake"):
    """Something answered, but no SSH login came of it: no SSH server, or nothing in common with it."""


class AuthFailed(TransportError, kind="auth-failed"):
    """The node is there but did not let us in."""


class ConnectTimeout(TransportError, kind="timeout"):
    """No answer in time while connecting or logging in."""


class PeerHung(TransportError, kind="hung"):
    """The connection was up, and then nothing came any more."""


class LinkLost(TransportError, kind="link-lost"):
    """The connection was closed under us."""


REPORT_IT = "report it, with what IAMOPS_DEBUG=1 prints"


class OwnFault(TransportError, kind="fault"):
    """A fault of iamops, met while it dealt with the node."""


class CommandFailed(TransportError, kind="command-failed"):
    """Base of what goes wrong with one request while the connection itself is still good."""


class CommandTimeout(CommandFailed, kind="command-timeout"):
    """A command did not end before its deadline. Its outcome is unknown."""


class NothingRan(CommandFailed, kind="nothing-ran"):
    """The login shell did not run what it was given, or ended in the middle of it: it has no answer."""


class OutputTooLong(CommandFailed, kind="output-too-long"):
    """A command wrote more than the console keeps; it was ended."""


class ChannelRefused(CommandFailed, kind="channel-refused"):
    """sshd would not open another channel on a living connection."""


class ForwardingForbidden(CommandFailed, kind="forwarding-forbidden"):
    """sshd does not allow TCP forwarding."""


class ConnectFailed(CommandFailed, kind="connect-failed"):
    """The TCP channel could not reach its target. `refused`: a closed port, else no route."""

    def __init__(self, node: str, reason: str, next_step: str, *, refused: bool) -> None:
        super().__init__(node, reason, next_step)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a finished command itself wrote, without its shell's. `exit_status` None: a signal ended it."""

    argv: tuple[str, ...]
    exit_status: int | None
    stdout: bytes
    stderr: bytes

    @property
    def ok(self) -> bool:
        return self.exit_status == 0

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")


class ByteStream(Protocol):
    """A TCP connection made from the node.

    Raises ConnectionError when the far end is gone, TransportError when the SSH connection is.
    """

    async def read(self, limit: int) -> bytes:
        """Up to `limit` bytes; b"" at the end."""

    async def write(self, chunk: bytes) -> None: ...

    def close(self) -> None: ...


class LineStream(Protocol):
    """The running output of a long-lived command."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Lines without their newline; a line over the limit is cut, never buffered without bound.

        Ends when the command ends. Raises LinkLost or PeerHung when the connection does.
        """

    async def write(self, chunk: bytes) -> None:
        """Hands bytes to a command that was started with `feed`. Raises TransportError once it has ended."""

    @property
    def ending(self) -> CommandResult | None:
        """How the command ended by itself (no stdout; the tail of stderr), or None while it runs."""


class Transport(Protocol):
    """One node's connection. Every method raises TransportError subclasses, nothing else."""

    @property
    def node(self) -> str: ...

    @property
    def heard_at(self) -> float:
        """Monotonic time at which anything last arrived from the node, keepalive answers included."""

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        """Runs a command to its end. Raises CommandTimeout, LinkLost, NothingRan, OutputTooLong."""

    def stream(self, argv: Sequence[str], *, feed: bool = False) -> AbstractAsyncContextManager[LineStream]:
        """Starts a long-lived command; leaving the context ends it on the node too.

        With `feed` the command reads what is written to the stream, and must end when that ends.
        """

    async def open_tcp(self, host: str, port: int, *, timeout_s: float) -> ByteStream:
        """A TCP connection from the node to host:port. Raises ConnectFailed, CommandTimeout, LinkLost."""

    async def wait_closed(self) -> TransportError | None:
        """Returns when the connection has ended, with the reason (None: we closed it)."""

    async def close(self) -> None: ...


class Connector(Protocol):
    """Makes a connected transport, or raises the TransportError that says why not."""

    async def connect(self) -> Transport: ...
