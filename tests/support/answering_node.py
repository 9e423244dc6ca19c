"""Nodes that answer commands from a table, and a collector that watches one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from iamops.model.events import Event
from iamops.nodes.collect.context import CollectorContext
from iamops.nodes.transport import CommandResult
from tests.support.profiles import pair


class AnsweringNode:
    """Answers commands from a table of (word in the command, result or error)."""

    node = "iam-a"

    def __init__(self, answers: dict[str, str | int | Exception]) -> None:
        self.answers = answers
        self.before_answer = lambda: None

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        line = " ".join(argv)
        for word, answer in self.answers.items():
            if word in line:
                self.before_answer()
                if isinstance(answer, Exception):
                    raise answer
                if isinstance(answer, int):
                    return CommandResult(tuple(argv), answer, b"", b"sudo: a password is required")
                return CommandResult(tuple(argv), 0, answer.encode(), b"")
        raise AssertionError(f"unexpected command: {line}")


def watch(node: AnsweringNode) -> tuple[CollectorContext, list[Event]]:
    events: list[Event] = []
    return CollectorContext(node, pair(), events.append, lambda: 100.0), events


async def run_until(collector, seen: CollectorContext, done) -> None:
    task = asyncio.create_task(collector(seen))
    try:
        async with asyncio.timeout(5):
            while not done():  # noqa: ASYNC110 - the claim may be about anything, not one event
                await asyncio.sleep(0)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class AskedNode:
    """Answers by the first word that a command holds; keeps the commands."""

    node = "iam-a"

    def __init__(self, **answers: str | int | Exception) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        line = " ".join(argv)
        self.asked.append(line)
        answer = next(answer for word, answer in self.answers.items() if word in line)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return CommandResult(tuple(argv), answer, b"", b"no such file")
        return CommandResult(tuple(argv), 0, answer.encode(), b"")
