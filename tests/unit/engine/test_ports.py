"""What the engine is told by its ports: why a command failed, and work that no interrupt ends."""

from __future__ import annotations

import asyncio

import pytest

from iamops.engine.ports import COMPLAINT_KEPT, CommandAnswer, Order, uncancelled
from iamops.plan.action import ServiceAction, UnitVerb


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (CommandAnswer(1, "", "no\n  such\tunit \n"), "exit code 1: no such unit"),
        (CommandAnswer(2, "said on stdout\n", "\n"), "exit code 2: said on stdout"),
        (CommandAnswer(3, "out", "err"), "exit code 3: err"),
        (CommandAnswer(4, "", ""), "exit code 4"),
        (CommandAnswer(None, "", ""), "was killed"),
        (CommandAnswer(None, "", "half a wo"), "was killed: half a wo"),
    ],
)
def test_a_complaint_is_one_line_with_how_the_command_ended(answer: CommandAnswer, complaint: str):
    assert answer.complaint == complaint


def test_a_refusal_of_sudo_comes_with_the_fix():
    answer = CommandAnswer(1, "", "sudo: a password is required\n")
    assert answer.complaint.startswith("sudo: a password is required (")
    assert "iamops profile sudoers" in answer.complaint


def test_a_long_complaint_is_cut():
    assert len(CommandAnswer(1, "", "x" * 10_000).complaint) == COMPLAINT_KEPT + len("exit code 1: ")


async def test_uncancelled_work_ends_however_often_its_waiter_is_interrupted():
    gate = asyncio.Event()

    async def undo() -> str:
        await gate.wait()
        return "undone"

    task = asyncio.create_task(uncancelled(undo()))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    gate.set()
    assert await task == "undone"


async def test_what_uncancelled_work_raises_is_raised():
    async def fails() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await uncancelled(fails())


async def test_work_that_ends_itself_is_not_waited_for_for_ever():
    async def ends_itself() -> None:
        raise asyncio.CancelledError

    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await uncancelled(ends_itself())


def test_runs_have_names_of_their_own():
    action = ServiceAction(UnitVerb.RESTART, "nginx", "iam-a")
    orders = [Order(action, who="me", origin="here", command="iamops restart nginx iam-a") for _ in range(100)]
    assert len({order.run for order in orders}) == 100
