"""The stand-in pair: an SSH server for each node, which does here what it is asked; and the VIP's nginx."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import asyncssh

from tests.standin.badness import bad
from tests.standin.questions import DUMP, question_of, write_files, write_stubs
from tests.support.framed import asked

ADDRESSES = {"iam-a": "127.0.0.2", "iam-b": "127.0.0.3"}
VIP = "127.0.0.1"
PRIORITIES = {"iam-a": 100, "iam-b": 50}
SERVICES = {8080: "iam-apiserver", 9090: "iam-authz-server"}
STORES = {3306: "mariadb", 6379: "redis", 27017: "mongodb"}
# What is answered by a script here, as it would touch the machine's own keepalived.
SCRIPTED = ("to write a dump", "keepalived's dump", "keepalived's data dump", "alarm")
STREAMS = ("addresses as they change", "the journal as it is written", "log files as they are written")
FIRST = ("whether keepalived runs", "keepalived's signal", "to write a dump", "HTTP of nginx", "other: true")
GOOD_S = 3.0
CHUNK = 64 * 1024


def http(body: bytes = b'{"status":"ok"}') -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Served-By: iam-a\r\nConnection: close\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


class StandIn:
    """One node. While `chance` is set, each answer is bad with the probability `share`; `given` counts those."""

    def __init__(self, name: str, pair: Pair) -> None:
        self.name, self.pair = name, pair
        self.chance: Random | None = None
        self.share = 0.8
        self.port = 0
        # What its login shell does before each command, how long a login takes, whether sshd opens sessions then.
        self.prelude = ""
        self.login_s = 0.0
        self.sessions = True
        self.asked: Counter[str] = Counter()
        self.given: Counter[tuple[str, str]] = Counter()

    async def run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        command = process.command or ""
        question = question_of(command)
        self.asked[question] += 1
        self.pair.under_way()
        with contextlib.suppress(OSError, asyncssh.Error, ValueError):
            if self._is_bad(question):
                await self._badly(process, question, command)
            elif question in SCRIPTED:
                await self._by_script(process, asked(command).answer(self._scripted(question)))
            else:
                await self._locally(process, command)

    async def _by_script(self, process: asyncssh.SSHServerProcess[bytes], answer: bytes) -> None:
        if self.prelude:
            told = self.pair.path / self.name / f"answer-{self.asked.total()}"
            told.write_bytes(answer)
            await self._locally(process, f"cat {told}")
        else:
            process.stdout.write(answer)
            process.exit(0)

    def _is_bad(self, question: str) -> bool:
        """What others are asked behind must be answered well now and then."""
        share = self.share / 4 if question in FIRST else self.share
        return self.chance is not None and self.chance.random() < share

    async def _badly(self, process: asyncssh.SSHServerProcess[bytes], question: str, command: str) -> None:
        assert self.chance is not None
        good = await self._good(question, command)
        answer = bad(self.chance, good)
        self.given[question, answer.kind] += 1
        frame = asked(command)
        errors = answer.kind in ("escapes", "binary", "words")
        if answer.framed:
            process.stderr.write(frame.frame.begin_errors)
            process.stdout.write(frame.begin)
        async for piece in answer.pieces:
            if errors:
                process.stderr.write(piece[:20_000])
            if process.stdout.is_closing():
                break
            process.stdout.write(piece)
            await process.stdout.drain()
        if answer.framed and answer.ended:
            process.stdout.write(frame.frame.end + answer.status + b"\n")
        if answer.ended or question not in STREAMS:
            process.exit(int(answer.status) % 256 if answer.status.isdigit() and len(answer.status) < 4 else 0)
        else:
            process.close()

    async def _good(self, question: str, command: str) -> bytes:
        """What a healthy node would have said; of what never ends, a line or two."""
        if question in SCRIPTED:
            return self._scripted(question)
        if question == "addresses as they change":
            return b"[2026-11-29T23:00:00.000001] 2: eth0    inet 127.0.0.1/32 scope global eth0\n"
        if question in STREAMS:
            return b'{"MESSAGE":"(VI_1) Entering MASTER STATE","UNIT":"keepalived.service","PRIORITY":"6"}\n'
        if question == "the access log":
            return b"0123456789abcdef raw 5 100 1700000000\n0123456789abcdef end\n"
        nothing = asyncio.subprocess.DEVNULL
        child = await self._started(command, stdout=asyncio.subprocess.PIPE, stdin=nothing, stderr=nothing)
        try:
            async with asyncio.timeout(GOOD_S):
                said, _ = await child.communicate()
        except TimeoutError:
            return b""
        finally:
            await self._over(child)
        frame = asked(command).frame
        inside = frame.read(said, b"")
        return inside.stdout if inside is not None else said

    def _scripted(self, question: str) -> bytes:
        if question != "keepalived's dump":
            return b""
        master = self.name == self.pair.owner
        priority = PRIORITIES[self.name]
        return (DUMP % (2 if master else 1, priority, priority, 1_700_000_000.0)).encode()

    async def _started(self, command: str, **pipes: Any) -> asyncio.subprocess.Process:
        environment = {
            "PATH": f"{self.pair.stubs}:{os.environ['PATH']}",
            "STANDIN_ADDRESS": ADDRESSES[self.name],
            "STANDIN_FILES": str(self.pair.files),
            "STANDIN_STATE": str(self.pair.path / self.name),
            "STANDIN_VIP": VIP if self.name == self.pair.owner else "",
        }
        child = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", self.prelude + command, env=environment, start_new_session=True, **pipes
        )
        self.pair.children.add(child)
        return child

    async def _locally(self, process: asyncssh.SSHServerProcess[bytes], command: str) -> None:
        pipe = asyncio.subprocess.PIPE
        child = await self._started(command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL)
        feeding = asyncio.create_task(_fed(process, child))
        try:
            assert child.stdout is not None
            while chunk := await child.stdout.read(CHUNK):
                process.stdout.write(chunk)
                await process.stdout.drain()
            process.exit(await child.wait())
        finally:
            feeding.cancel()
            await self._over(child)

    async def _over(self, child: asyncio.subprocess.Process) -> None:
        _kill(child)
        await child.wait()
        self.pair.children.discard(child)

    # --- TCP from the node ---

    async def tcp(self, host: str, port: int, reader: Any, writer: Any) -> None:
        """The answer is that machine's: a good node's question to a bad one is answered badly."""
        target = next((n for n in self.pair.nodes.values() if ADDRESSES[n.name] == host), self)
        question = STORES.get(port) or f"HTTP of {SERVICES.get(port, 'nginx')}"
        self.pair.under_way()
        with contextlib.suppress(OSError, asyncssh.Error):
            if question == "mariadb":
                good = bytes.fromhex("4a0000000a") + b"10.11.6-MariaDB\0" + bytes(60)
            else:
                await reader.read(4096)
                good = {"redis": b"+PONG\r\n", "mongodb": b"\x24\0\0\0" + bytes(32)}.get(question, http())
            await target.answered(question, good, writer)
        writer.close()

    async def answered(self, question: str, good: bytes, writer: Any) -> None:
        if not self._is_bad(question):
            writer.write(good)
            return
        assert self.chance is not None
        answer = bad(self.chance, good)
        self.given[question, answer.kind] += 1
        async for piece in answer.pieces:
            if writer.is_closing():
                break
            writer.write(piece)
            await writer.drain()


class _Door(asyncssh.SSHServer):
    def __init__(self, node: StandIn) -> None:
        self._node = node

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        conn.set_extra_info(standin=self._node.name)
        if not self._node.sessions:  # asyncssh has no other way to refuse them as sshd does
            conn._process_factory = None
        self._node.pair.connections.append(conn)

    async def begin_auth(self, username: str) -> bool:
        await asyncio.sleep(self._node.login_s)
        return True

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        return lambda reader, writer: self._node.tcp(dest_host, dest_port, reader, writer)


class Pair:
    """Both nodes and the VIP. `owner` has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.owner = "iam-a"
        self.stubs = write_stubs(path / "stubs")
        self.files = write_files(path / "files")
        self.children: set[asyncio.subprocess.Process] = set()
        self.connections: list[asyncssh.SSHServerConnection] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self.nodes = {name: StandIn(name, self) for name in ADDRESSES}
        for name in ADDRESSES:
            (path / name).mkdir()
        self.client = StandIn("iam-b", self)
        self.profile = path / "pair.yaml"
        self.log = path / "access.log"
        self.log.write_text("", encoding="utf-8")

    @property
    def given(self) -> Counter[tuple[str, str]]:
        """Bad answers so far: (question, kind) -> how many."""
        return self.nodes["iam-b"].given + self.client.given

    def turn_bad(self, chance: Random, share: float = 0.8) -> None:
        for each in (self.nodes["iam-b"], self.client):
            each.chance, each.share = chance, share

    def turn_good(self) -> None:
        for each in (self.nodes["iam-b"], self.client):
            each.chance = None

    def under_way(self) -> None:
        """Whoever answers is ended with the pair."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cut(self, node: str) -> int:
        """Breaks the connections to a node, as a network would; how many there were."""
        mine = [each for each in self.connections if each.get_extra_info("standin") == node]
        for each in mine:
            self.connections.remove(each)
            each.abort()
        return len(mine)

    async def end(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self.connections:
            connection.abort()
            await connection.wait_closed()
        for child in tuple(self.children):
            _kill(child)
            await child.wait()

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client at the VIP."""
        self.under_way()
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await reader.readuntil(b"\r\n\r\n")
                await self.client.answered("HTTP of the VIP", http(), writer)
            if writer.transport.get_write_buffer_size() == 0:
                writer.close()
        finally:
            writer.transport.abort()

    def write_profile(self, http_port: int) -> None:
        nodes = "\n".join(
            f"  {name}: {{address: {ADDRESSES[name]}, priority: {PRIORITIES[name]}, "
            f"ssh: {{host: 127.0.0.1, port: {node.port}}}}}"
            for name, node in self.nodes.items()
        )
        services = "\n".join(
            f"  {name}: {{port: {port}, domain: {name}.example, health: /healthz}}"
            for port, name in SERVICES.items()
        )
        stores = "\n".join(f"  {name}: {{node: iam-b, port: {port}}}" for port, name in STORES.items())
        self.profile.write_text(
            f"name: hostile\nenvironment: staging\n"
            f"ssh: {{user: iamops, key: {self.path}/key, known_hosts: {self.path}/known}}\n"
            f"nodes:\n{nodes}\nvrrp:\n  VI_1: {{virtual_router_id: 51, vip: {VIP}}}\n"
            f"services:\n{services}\ndatastores:\n{stores}\nnginx: {{port: {http_port}}}\n"
            f"logs: {{access: {self.log}, error: {self.path}/error.log, notify: {self.path}/notify.log}}\n",
            encoding="utf-8",
        )
        self.profile.chmod(0o600)


@asynccontextmanager
async def standin_pair(path: Path) -> AsyncIterator[Pair]:
    """Listens on the loopback until the block is left."""
    pair = Pair(path)
    user, host = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    key = path / "key"
    key.write_bytes(user.export_private_key())
    key.chmod(0o600)
    async with contextlib.AsyncExitStack() as stack:
        lines = []
        for node in pair.nodes.values():
            acceptor = await asyncssh.listen(
                "127.0.0.1",
                0,
                server_factory=lambda node=node: _Door(node),
                process_factory=node.run,
                server_host_keys=[host],
                authorized_client_keys=asyncssh.import_authorized_keys(_public(user)),
                encoding=None,
            )
            stack.callback(acceptor.close)
            node.port = acceptor.get_port()
            lines.append(f"[127.0.0.1]:{node.port} {_public(host)}\n")
        (path / "known").write_text("".join(lines), encoding="utf-8")
        server = await asyncio.start_server(pair.visit, VIP, 0)
        stack.callback(server.close)
        pair.write_profile(server.sockets[0].getsockname()[1])
        try:
            yield pair
        finally:
            await pair.end()


def _public(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key().decode().split()[:2])


async def _fed(process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process) -> None:
    assert child.stdin is not None
    with contextlib.suppress(OSError, asyncssh.Error):
        while chunk := await process.stdin.read(CHUNK):
            child.stdin.write(chunk)
            await child.stdin.drain()
    child.stdin.close()


def _kill(child: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
