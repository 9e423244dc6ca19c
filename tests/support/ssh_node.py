"""Real SSH servers inside the test, on 127.0.0.1: they run real commands and forward real connections."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from iamops.model.profile import Profile
from iamops.nodes.ssh.connector import SshConnector, SshLimits
from iamops.nodes.ssh.host_keys import entry_name
from iamops.nodes.ssh.settings import UserFiles
from iamops.nodes.ssh.transport import SshTransport

USER_KEY = asyncssh.generate_private_key("ssh-ed25519", comment="operator@test")
HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
# Of a machine that works: the test's machine may be busy. Who waits for a limit asks for QUICK.
PATIENT = SshLimits(connect_s=30.0, login_s=30.0, keepalive_s=15.0)
QUICK = SshLimits(connect_s=0.3, login_s=0.5, keepalive_s=5.0)


def public(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key().decode().split()[:2])


class Door(asyncssh.SSHServer):
    """Lets every user in who has the key; forwards unless told not to."""

    def __init__(self, node: SshNode) -> None:
        self.node = node

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.node.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        self.node.logins.append(username)
        if self.node.banner:
            self.node.connections[-1].send_auth_banner(self.node.banner)
        return True

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        self.node.forwards.append((dest_host, dest_port))
        if not self.node.forwarding:
            raise asyncssh.ChannelOpenError(1, "administratively prohibited")
        return self._forward(dest_host, dest_port)

    async def _forward(self, host: str, port: int) -> Any:
        if self.node.before_forward:
            await self.node.before_forward.wait()
        try:
            return await self.node.connections[-1].forward_connection(host, port)
        except asyncssh.ChannelOpenError as error:
            # OpenSSH sends strerror() and nothing else.
            refused = f"Errno {errno.ECONNREFUSED}" in error.reason
            reason = os.strerror(errno.ECONNREFUSED) if refused else error.reason
            raise asyncssh.ChannelOpenError(error.code, reason) from error


@dataclass
class SshNode:
    """A running server, and what it has seen. `prelude` is put before every command; `answer` stands in for it."""

    host_key: asyncssh.SSHKey
    forwarding: bool = True
    before_forward: asyncio.Event | None = None
    prelude: str = ""
    banner: str = ""
    answer: Callable[[Any], Awaitable[None]] | None = None
    port: int = 0
    logins: list[str] = field(default_factory=list)
    forwards: list[tuple[str, int]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    running: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def known_hosts_line(self) -> str:
        return f"{entry_name('127.0.0.1', self.port)} {public(self.host_key)}"

    async def run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Does what sshd does: a session of its own, stdin closed when the channel is."""
        command = process.command or ""
        self.commands.append(command)
        if self.answer is not None:
            await self.answer(process)
            return
        task = asyncio.current_task()
        assert task
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        child = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", self.prelude + command, stdin=-1, stdout=-1, stderr=-1, start_new_session=True
        )
        process.signal_received = lambda name: os.killpg(child.pid, getattr(signal, f"SIG{name}"))
        feeding = asyncio.ensure_future(_feed(process, child))
        await asyncio.gather(_pump(child, 1, process.stdout), _pump(child, 2, process.stderr))
        with contextlib.suppress(OSError, asyncssh.Error):
            process.exit(await child.wait())
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


async def _feed(process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process) -> None:
    assert child.stdin
    with contextlib.suppress(OSError, asyncssh.Error):
        while chunk := await process.stdin.read(65536):
            child.stdin.write(chunk)
            await child.stdin.drain()
    child.stdin.close()


async def _pump(child: asyncio.subprocess.Process, fd: int, sink: asyncssh.SSHWriter[bytes]) -> None:
    source = child.stdout if fd == 1 else child.stderr
    assert source
    try:
        while chunk := await source.read(65536):
            sink.write(chunk)
            await sink.drain()
    except (OSError, asyncssh.Error):
        # Nobody listens any more: like sshd, leave the command to its SIGPIPE.
        child._transport.get_pipe_transport(fd).close()  # type: ignore[attr-defined]


StartNode = Callable[..., Any]


@pytest.fixture
async def start_node() -> AsyncIterator[StartNode]:
    """Starts servers; they end with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            host_key: asyncssh.SSHKey = HOST_KEY,
            host_certificate: asyncssh.SSHCertificate | None = None,
            compression_algs: list[str] | None = None,
            at: str = "127.0.0.1",
            **options: Any,
        ) -> SshNode:
            node = SshNode(host_key, **options)
            acceptor = await asyncssh.listen(
                at,
                0,
                server_factory=lambda: Door(node),
                process_factory=node.run,
                server_host_keys=[(host_key, host_certificate) if host_certificate else host_key],
                authorized_client_keys=asyncssh.import_authorized_keys(public(USER_KEY)),
                compression_algs=compression_algs or (),
                encoding=None,
            )
            node.port = acceptor.get_port()
            stack.push_async_callback(_stop, acceptor, node)
            return node

        yield start


async def _stop(acceptor: asyncssh.SSHAcceptor, node: SshNode) -> None:
    acceptor.close()
    await acceptor.wait_closed()
    for connection in node.connections:
        connection.abort()
        await connection.wait_closed()
    async with asyncio.timeout(60):
        await asyncio.gather(*node.running, return_exceptions=True)


@dataclass
class Operator:
    """A person with a home directory of their own, whose SSH files are all under it."""

    home: Path

    def __post_init__(self) -> None:
        self.ssh.mkdir(mode=0o700, parents=True)

    @property
    def ssh(self) -> Path:
        return self.home / ".ssh"

    @property
    def files(self) -> UserFiles:
        return UserFiles(self.home, agent=None)

    @property
    def known_hosts(self) -> Path:
        return self.ssh / "known_hosts"

    def has_key(self, key: asyncssh.SSHKey = USER_KEY, name: str = "id_ed25519") -> Path:
        file = self.ssh / name
        file.write_bytes(key.export_private_key())
        return file

    def knows(self, *lines: str) -> None:
        with self.known_hosts.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def has_config(self, text: str) -> None:
        (self.ssh / "config").write_text(text)

    def connector(
        self, port: int, *, limits: SshLimits = PATIENT, files: UserFiles | None = None, **ssh: Any
    ) -> SshConnector:
        profile = reached_at(port, **ssh)
        return SshConnector(profile, profile.nodes["iam-a"], limits=limits, files=files or self.files)


def reached_at(port: int | None, **ssh: Any) -> Profile:
    """A profile whose node iam-a is this machine."""
    return Profile.model_validate(
        {
            "name": "test",
            "environment": "lab",
            "nodes": {
                "iam-a": {
                    "address": "127.0.0.1",
                    "priority": 100,
                    "ssh": {"user": "iamops", "port": port} | ssh,
                }
            },
            "vrrp": {"VI_1": {"virtual_router_id": 51, "vip": "10.0.4.99"}},
        }
    )


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path / "home")


@pytest.fixture
async def transport(start_node: StartNode, operator: Operator) -> AsyncIterator[SshTransport]:
    """A connection to a fresh server."""
    node = await start_node()
    operator.has_key()
    operator.knows(node.known_hosts_line)
    transport = await operator.connector(node.port).connect()
    yield transport
    await transport.close()
