"""A command of the operator's own, on this machine: it is over when it has ended, whatever it has left running.

What it left behind may hold its pipes for as long as it likes: nobody waits for that, and it is left alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

KEPT_BYTES = 4096
# Output from before its end arrives within this.
LAST_OUTPUT_S = 0.2
BURIED_S = 1.0
_STDOUT, _STDERR = 1, 2


async def run_own(
    argv: Sequence[str],
    *,
    deadline_s: float,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    unheard: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """With the last KEPT_BYTES of what it wrote. Raises OSError where it cannot be started, TimeoutError at its
    deadline: then all of its group is killed.

    `unheard`: its stdout is not read, and what it leaves running may go on writing there.
    """
    loop = asyncio.get_running_loop()
    transport, ending = await loop.subprocess_exec(
        _Ending,
        *argv,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if unheard else subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        start_new_session=True,
    )
    try:
        if stdin:
            # A command that ends without reading says by its exit code what it made of that.
            pipe = transport.get_pipe_transport(0)
            assert isinstance(pipe, asyncio.WriteTransport)  # noqa: S101 - it was started with that pipe
            pipe.write(stdin)
            pipe.close()
        async with asyncio.timeout(deadline_s):
            await ending.exited.wait()
        await _within(LAST_OUTPUT_S, ending.silent)
    finally:
        if not ending.exited.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(transport.get_pid(), signal.SIGKILL)
            await _within(BURIED_S, ending.exited)
        transport.close()
    stdout, stderr = bytes(ending.output[_STDOUT]), bytes(ending.output[_STDERR])
    return subprocess.CompletedProcess(argv, transport.get_returncode() or 0, stdout, stderr)


class _Ending(asyncio.SubprocessProtocol):
    """A process's output, and its end: that comes before its pipes' where others hold them."""

    def __init__(self) -> None:
        self.exited, self.silent = asyncio.Event(), asyncio.Event()
        self.output = {_STDOUT: bytearray(), _STDERR: bytearray()}

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.output[fd] += data
        del self.output[fd][:-KEPT_BYTES]

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.silent.set()


async def _within(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
