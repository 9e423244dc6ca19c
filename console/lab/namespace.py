"""Work inside a network namespace: a thread enters it, works there, and ends. The process stays outside."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from console.lab.errors import LabNotUp
from console.lab.place import namespace_path

CLONE_NEWNET = 0x40000000  # <linux/sched.h>
T = TypeVar("T")


def inside(name: str, work: Callable[[], T]) -> T:
    """Runs `work` in a thread of its own within the namespace. Raises LabNotUp if it is not there."""

    def enter_and_work() -> T:
        _enter(name)
        return work()

    # The thread must not outlive the call: its namespace would be alive with it.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix=name) as threads:
        return threads.submit(enter_and_work).result()


def _enter(name: str) -> None:
    try:
        descriptor = os.open(namespace_path(name), os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise LabNotUp(f"the network namespace {name} is not there", "iamops lab up") from error
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise LabNotUp(f"cannot enter the network namespace {name}: {reason}", "run it as root")
    finally:
        os.close(descriptor)
