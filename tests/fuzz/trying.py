"""One input through one reader, within bounds; and which lines of the code it went through."""

from __future__ import annotations

import gc
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.target import Target

CONSOLE = str(Path(__file__).parents[2] / "console")
# Of the processor, whatever else the machine does.
LIMIT_S = 1.0


class Hang(BaseException):
    """It took longer than LIMIT_S."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of an input. `fault`: nothing, or what is wrong with it."""

    fault: str
    took_s: float

    @property
    def kind(self) -> str:
        """The same for other words at the same place."""
        return re.split(r"(?<=\d): ", self.fault)[0]


def tried(target: Target, text: bytes) -> Tried:
    """Only what the reader documents may come out of it, and in time."""
    began = time.process_time()
    try:
        with _limited():
            target.read(text)
    except target.raises:
        pass
    except Hang:
        return Tried(f"more than {LIMIT_S:g} s of the processor", time.process_time() - began)
    except Exception as error:
        return Tried(f"{type(error).__name__} at {_place(error)}: {str(error)[:200]}", time.process_time() - began)
    return Tried("", time.process_time() - began)


@contextmanager
def _limited() -> Iterator[None]:
    def over(_: int, __: FrameType | None) -> None:
        raise Hang

    was = signal.signal(signal.SIGVTALRM, over)
    # What thousands of other tests have left is not this reader's to collect.
    gc.disable()
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, was)
        gc.enable()


def _place(error: BaseException) -> str:
    """The last line of ours that it came through."""
    place, frame = "?", error.__traceback__
    while frame is not None:
        name = frame.tb_frame.f_code.co_filename
        if name.startswith(CONSOLE):
            place = f"{Path(name).name}:{frame.tb_lineno}"
        frame = frame.tb_next
    return place


class Ways:
    """Which steps from line to line were gone at all, over all inputs."""

    def __init__(self) -> None:
        self.known: set[tuple[int, int, int]] = set()

    def new(self, target: Target, text: bytes) -> bool:
        """Does the input go where none has gone? Nothing is judged here."""
        gone: set[tuple[int, int, int]] = set()

        def step(frame: FrameType, event: str, _: Any) -> Any:
            if not frame.f_code.co_filename.startswith(CONSOLE):
                return None
            last = 0

            def line(inner: FrameType, event: str, _: Any) -> Any:
                nonlocal last
                if event == "line":
                    gone.add((id(inner.f_code), last, inner.f_lineno))
                    last = inner.f_lineno
                return line

            return line

        sys.settrace(step)
        try:
            with _limited(), suppress(Exception, Hang):
                target.read(text)
        finally:
            sys.settrace(None)
        before = len(self.known)
        self.known |= gone
        return len(self.known) > before
