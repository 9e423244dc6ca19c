"""Waiting through a Ctrl-C: what is over is reported, a look has only so long, and a fault is a sentence."""

from __future__ import annotations

import asyncio

import pytest

from iamops.model.events import LinkChanged
from iamops.model.facts import Link, LinkState
from iamops.session.patience import HINT, WaitThrough, fault_text, traceback_of, wait_for
from iamops.session.store import Store
from tests.support.cluster_states import NOW, healthy

SHORT_S, LONG_S = 0.05, 60.0


async def nobody_comes() -> str:
    await asyncio.Event().wait()
    return "never"


async def test_what_is_under_way_ends_however_often_it_is_interrupted():
    waiting, gate = WaitThrough(SHORT_S), asyncio.Event()

    async def undone() -> str:
        await gate.wait()
        return "undone"

    task = asyncio.create_task(waiting.ended(asyncio.ensure_future(undone())))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(2 * SHORT_S)
    assert not task.done()
    gate.set()
    assert await task == "undone"
    assert waiting.tried


async def test_what_it_raises_is_raised_after_an_interrupt_too():
    async def fails() -> None:
        raise LookupError("gone")

    waiting = WaitThrough(SHORT_S)
    with pytest.raises(LookupError, match="gone"):
        await waiting.ended(asyncio.ensure_future(fails()))
    with pytest.raises(LookupError, match="gone"):
        await waiting.check(fails())
    assert not waiting.tried


async def test_a_look_is_given_up_only_after_an_interrupt():
    waiting = WaitThrough(SHORT_S)
    task = asyncio.create_task(waiting.check(nobody_comes()))
    await asyncio.sleep(3 * SHORT_S)
    assert not task.done()
    task.cancel()
    async with asyncio.timeout(5):
        assert await task is None


async def test_looks_after_an_interrupt_have_their_time_all_together():
    waiting = WaitThrough(SHORT_S)
    waiting.tried = True
    assert await waiting.check(nobody_comes()) is None
    began = asyncio.get_running_loop().time()
    assert await waiting.check(nobody_comes()) is None
    assert asyncio.get_running_loop().time() - began < SHORT_S


async def test_an_event_after_which_it_holds_ends_the_wait():
    store = Store(healthy(), lambda: NOW)

    def cut(state: object) -> bool:
        return store.state.nodes["iam-b"].link.state is LinkState.DOWN

    task = asyncio.create_task(wait_for(store, cut, LONG_S))
    await asyncio.sleep(0)
    store.apply(LinkChanged(NOW + 1, "iam-b", Link(LinkState.DOWN)))
    async with asyncio.timeout(5):
        assert await task is True


async def test_without_such_an_event_it_is_false_after_the_timeout_and_nobody_listens_on():
    store, asked = Store(healthy(), lambda: NOW), []
    assert await wait_for(store, lambda state: bool(asked.append(state)), SHORT_S) is False
    store.apply(LinkChanged(NOW + 1, "iam-b", Link(LinkState.DOWN)))
    assert asked == []


def test_a_fault_of_ours_is_a_sentence_without_secrets_and_says_what_to_do():
    text = fault_text(ValueError("redis://:hunter2hunter2@10.0.4.20:6379"))
    assert text.startswith("ValueError: ")
    assert "hunter2hunter2" not in text
    assert text.endswith(HINT)


def test_a_traceback_is_shown_only_on_request(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("IAMOPS_DEBUG", raising=False)
    error = ValueError("password=hunter2hunter2")
    assert traceback_of(error) == ""
    monkeypatch.setenv("IAMOPS_DEBUG", "1")
    assert "ValueError" in traceback_of(error)
    assert "hunter2hunter2" not in traceback_of(error)
