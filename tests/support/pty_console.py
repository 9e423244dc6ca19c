"""The console on a fixed cluster, on the terminal it is started on: `python -m tests.support.pty_console BEATS`.

It is drawn anew all the time; every turn of its loop adds a byte to the file BEATS.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from iamops.tui.app.app import ConsoleApp
from tests.support import scenes
from tests.support.operators import FixedOperator
from tests.support.scenes import FixedCluster


async def main(beats: Path) -> int:
    cluster = FixedCluster(scenes.healthy())
    operator = FixedOperator(cluster)
    app = ConsoleApp(cluster, lambda: operator, leave_on=(signal.SIGTERM, signal.SIGHUP))

    async def beat() -> None:
        with beats.open("ab", buffering=0) as file:
            while True:
                app.repaint()
                file.write(b".")
                await asyncio.sleep(0.01)

    # Another job of the shell, and the shell that gives it the terminal and takes it back.
    quiet = subprocess.DEVNULL
    other = subprocess.Popen(["sleep", "30"], process_group=0, stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: ASYNC220 - at once
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, os.tcsetpgrp, 0, other.pid)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, os.tcsetpgrp, 0, os.getpgrp())
    beating = asyncio.create_task(beat())
    await app.run_async()
    beating.cancel()
    other.kill()
    print(f"undone {len(operator.undone)} of {len(operator.runs)}", file=beats.with_suffix(".end").open("w"))
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
