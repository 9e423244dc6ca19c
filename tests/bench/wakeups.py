"""A control for what an idle program costs: a process that wakes up steadily and does fixed work each time.

What a wake-up costs differs between machines far more than steady work does (see `yardstick`): caches are cold,
the clock is slow, a hypervisor is asked. So an idle console is compared with this, in the same moment.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

PER_SECOND = 25
# What a console does at an event: read a line, look things up, make small objects, write a line.
PROGRAM = f"""
import asyncio, json, os
out = os.open("/dev/null", os.O_WRONLY)
async def main():
    state = {{}}
    while True:
        await asyncio.sleep(1 / {PER_SECOND})
        for number in range(20):
            line = json.dumps({{"at": number, "text": "a line of the log", "ok": True}})
            state[number] = json.loads(line)
        os.write(out, " ".join(str(each) for each in state.values()).encode())
asyncio.run(main())
"""


@contextmanager
def wakeups() -> Iterator[int]:
    """The control's process ID, once it is well under way."""
    process = subprocess.Popen([sys.executable, "-I", "-c", PROGRAM])
    try:
        time.sleep(1.0)
        yield process.pid
    finally:
        process.kill()
        process.wait()
