"""One living SSH connection as a Transport: commands, streams, TCP from the node."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import asyncssh

from iamops.nodes.ssh import errors
from iamops.nodes.ssh.channels import ChannelBytes, ChannelLines, ChannelOutput
from iamops.nodes.ssh.command_line import TCP_READY, Frame, command_line, stream_line, tcp_line
from iamops.nodes.ssh.peer import Peer
from iamops.nodes.transport import (
    ByteStream,
    CommandResult,
    CommandTimeout,
    ForwardingForbidden,
    OutputTooLong,
    TransportError,
)
from iamops.parse.host import without_warnings
from iamops.redact.clean import clean_text

# sshd allows 10 sessions on a connection (MaxSessions). It frees one a moment after we close it.
SESSIONS = 8
REOPEN_AFTER_S = (0.02, 0.05, 0.1, 0.2)
OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0
WORD_SHOWN = 60

S = TypeVar("S", ChannelOutput, ChannelLines, ChannelBytes)
T = TypeVar("T")


def shown_command(argv: Sequence[str]) -> str:
    """Enough of a command to recognise it: the scripts within it are our own, and nobody types them."""
    return clean_text(" ".join("…" if "\n" in word or len(word) > WORD_SHOWN else word for word in argv), 80)


class SshTransport:
    """A Transport over asyncssh. The connections it rides on, if any, are its peer's and end with it."""

    def __init__(self, connection: asyncssh.SSHClientConnection, peer: Peer) -> None:
        self._connection = connection
        self._peer = peer
        self._sessions = asyncio.Semaphore(SESSIONS)
        self._openings: set[asyncio.Task[Any]] = set()
        self._forwarding = True

    @property
    def node(self) -> str:
        return self._peer.node

    @property
    def heard_at(self) -> float:
        return self._peer.heard_at

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        """Runs a command to its end. At the deadline it is asked to terminate and forgotten."""
        output = ChannelOutput(self._lost, frame := Frame())
        line = command_line(argv, frame)
        try:
            async with asyncio.timeout(timeout_s), self._sessions:
                channel = await self._session(output, line)
                try:
                    with contextlib.suppress(BrokenPipeError):  # it ended without reading its input
                        channel.write(stdin)
                        channel.write_eof()
                    await output.ended()
                finally:
                    if not output.closed:
                        if not output.complete:
                            channel.terminate()
                        channel.abort()
        except TimeoutError:
            if output.opened and not output.begun:
                raise errors.not_begun(self.node, timeout_s, output.noise) from None
            what = f"no end of `{shown_command(argv)}` within {timeout_s:g} s"
            raise CommandTimeout(self.node, what, errors.OUTCOME_UNKNOWN) from None
        if output.overflow:
            reason = f"{clean_text(argv[0], 80)} wrote more than expected and was ended"
            raise OutputTooLong(self.node, reason, "report it: this command should not write so much")
        result = output.result(tuple(argv))
        if result is not None:
            return replace(result, stderr=without_warnings(result.stderr))
        if output.begun:
            raise errors.cut_short(self.node, shown_command(argv), output.errors)
        raise errors.ran_nothing(self.node, output.noise, output.exit_status)

    @contextlib.asynccontextmanager
    async def stream(self, argv: Sequence[str], *, feed: bool = False) -> AsyncIterator[ChannelLines]:
        """Starts a long-lived command. Leaving the context, or losing the link, ends it on the node.

        A command that is fed has its own stdin, and sees there that we have gone.
        """
        async with self._sessions:
            lines = ChannelLines(self._lost, tuple(argv), frame := Frame())
            line = command_line(argv, frame) if feed else stream_line(argv, frame)
            channel = await self._started(lines, line, clean_text(argv[0], 80))
            try:
                yield lines
            finally:
                channel.abort()

    async def open_tcp(self, host: str, port: int, *, timeout_s: float) -> ByteStream:
        """A TCP connection made by sshd, or by bash on the node once sshd has refused to forward."""
        what = f"no connection from {self.node} to {host}:{port}"
        step = f"a firewall may drop it; on {self.node}: ip route get {host}"
        return await self._within(timeout_s, what, step, self._open_tcp(host, port))

    async def wait_closed(self) -> TransportError | None:
        return await self._peer.wait_closed()

    async def close(self) -> None:
        """Sends a disconnect, and waits a moment for it to be sent."""
        self._peer.closing = True
        self._connection.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()
            await self._connection.wait_closed()
        await asyncio.gather(*self._openings, return_exceptions=True)
        await self._peer.close_hops()

    async def _started(self, lines: ChannelLines, line: str, name: str) -> asyncssh.SSHClientChannel[bytes]:
        """A channel whose command has begun."""
        what = f"`{name}` did not start"
        opening = self._session(lines, line)
        channel = await self._within(OPEN_TIMEOUT_S, what, "nothing to do: it is tried again", opening)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                if await lines.started():
                    return channel
        except BaseException as error:
            channel.abort()
            if isinstance(error, TimeoutError):
                raise errors.not_begun(self.node, OPEN_TIMEOUT_S, lines.noise) from None
            raise
        raise (
            lines.failure or self._link_failure() or errors.ran_nothing(self.node, lines.noise, lines.exit_status)
        )

    async def _open_tcp(self, host: str, port: int) -> ChannelBytes:
        if self._forwarding:
            stream = ChannelBytes(self._lost)
            try:
                await self._opened(self._connection.create_connection(lambda: stream, host, port))
                return stream
            except asyncssh.ChannelOpenError as error:
                failure = self._link_failure() or errors.forward_failed(self.node, f"{host}:{port}", error)
            if not isinstance(failure, ForwardingForbidden):
                raise failure
            self._forwarding = False
        return await self._through_bash(host, port)

    async def _through_bash(self, host: str, port: int) -> ChannelBytes:
        stream = ChannelBytes(self._lost)
        frame = Frame()
        channel = await self._session(stream, tcp_line(host, port, frame))
        try:
            begun = await stream.passed(frame.begin)
            if begun and await stream.read(len(TCP_READY)) == TCP_READY:
                return stream
        except BaseException:
            channel.terminate()  # the kernel would let bash wait for two minutes
            channel.abort()
            raise
        stream.close()
        if stream.exit_status == 127:
            reason = "sshd forbids TCP forwarding, and there is no bash on the node to do without it"
            raise ForwardingForbidden(self.node, reason, "AllowTcpForwarding local in sshd_config")
        if not begun:
            noise = stream.noise or stream.complaint.encode()
            raise errors.ran_nothing(self.node, noise, stream.exit_status)
        raise errors.connect_failed(self.node, f"{host}:{port}", stream.complaint.rpartition(": ")[2])

    async def _session(self, session: S, line: str) -> asyncssh.SSHClientChannel[bytes]:
        """A channel that runs `line`; what it writes goes to `session`.

        sshd counts a session until it has buried its process, a moment after we saw the channel close.
        In a burst it therefore refuses sessions that there is room for: those are asked for again.
        """
        pauses_s = iter(REOPEN_AFTER_S)
        while True:
            opening = self._connection.create_session(
                lambda: session,
                line,
                env=None,
                send_env=None,
                request_pty=False,
                x11_forwarding=False,
                encoding=None,
            )
            try:
                channel: asyncssh.SSHClientChannel[bytes] = await self._opened(opening)
            except asyncssh.ChannelOpenError as error:
                if (pause_s := next(pauses_s, None)) is None:
                    raise self._link_failure() or errors.channel_refused(self.node, error) from None
                await asyncio.sleep(pause_s)
            except AttributeError:  # of asyncssh: it was closed between its request and the answer to that
                refusal = asyncssh.ChannelOpenError(asyncssh.OPEN_REQUEST_SESSION_FAILED, "closed as it opened")
                raise self._link_failure() or errors.channel_refused(self.node, refusal) from None
            else:
                self._peer.settled()
                return channel

    async def _opened(self, opening: Coroutine[Any, Any, tuple[Any, Any]]) -> Any:
        """Waits for a channel. If the caller gives up, a channel that opens later is closed again."""
        task = asyncio.ensure_future(opening)
        self._openings.add(task)
        task.add_done_callback(self._openings.discard)
        try:
            channel, _ = await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_abandoned)
            raise
        except asyncssh.DisconnectError as error:
            raise self._lost(error) from None
        return channel

    async def _within(self, timeout_s: float, what: str, step: str, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(timeout_s):
                return await work
        except TimeoutError:
            raise CommandTimeout(self.node, f"{what} within {timeout_s:g} s", step) from None

    def _link_failure(self) -> TransportError | None:
        """Why the connection has ended, if it has."""
        return self._lost(None) if self._connection.is_closed() else None

    def _lost(self, error: Exception | None) -> TransportError:
        """Why the connection ended: the peer's reason if it has one."""
        return self._peer.failure or errors.lost(self.node, error)


def _abandoned(task: asyncio.Task[tuple[Any, Any]]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result()[0].abort()
