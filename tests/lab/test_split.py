"""On the real pair: a split brain is told with its end and is no move; a dead owner's VIP has moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.lab.test_watch import VIP, WatchCommand
from tests.lab.test_watch import watching as watch_command
from tests.lab.watching import Watching, watching
from tests.support.sinks import Webhook

SPLIT = f"SPLIT BRAIN: VIP {VIP} on iam-a and iam-b"
ENDED = f"split brain ended: VIP {VIP} on iam-a only"


@asynccontextmanager
async def seen_and_told(path: Path) -> AsyncIterator[tuple[Watching, WatchCommand, Webhook]]:
    """The console's eyes and a watch with a webhook, both at rest."""
    with Webhook() as hook, watch_command(path, [hook.url]) as watch:
        await asyncio.to_thread(watch.ready)
        async with watching() as seen:
            yield seen, watch, hook


def events(seen: Watching) -> list[str]:
    return [notice.text for notice in seen.state.notices]


def told(seen: Watching, words: str) -> bool:
    return any(words in text for text in events(seen))


async def tells(seen: Watching, words: str, timeout_s: float) -> None:
    try:
        await seen.until(lambda: told(seen, words), timeout_s)
    except AssertionError as error:
        raise AssertionError("\n".join([f"not told: {words}", *events(seen)])) from error


async def first(hook: Webhook, words: str, timeout_s: float = 20.0) -> str:
    return (await asyncio.to_thread(hook.first, words, timeout_s)).body


async def test_two_owners_are_a_split_brain_with_an_end_and_never_a_move(lab, tmp_path):
    async with seen_and_told(tmp_path) as (seen, watch, hook):
        await asyncio.to_thread(lab.fault, "vrrp-drop")
        await tells(seen, SPLIT, 10)
        await first(hook, SPLIT)
        await asyncio.to_thread(lab.heal, "vrrp-drop")
        await tells(seen, f"{ENDED}, lasted ", 15)
        await tells(seen, "iam-b: VI_1 entered BACKUP", 10)
        await asyncio.to_thread(lab.fault, "vip-astray", "iam-b")
        await tells(seen, f"{SPLIT}; keepalived on iam-b is not MASTER", 5)
        status = await asyncio.to_thread(lab.iamops, "--profile", "lab", "status", "--json")
        assert {"split-brain", "address-without-master"} <= {each["code"] for each in status["findings"]}, status
        await asyncio.to_thread(lab.heal, "vip-astray", "iam-b")
        await seen.until(lambda: ENDED in events(seen)[-1], 5)
        await first(hook, ENDED)
        assert (seen.state.moves, len(seen.state.splits)) == ((), 2)
        assert [
            each["title"] for each in watch.told if "moved" in each["title"] or "when last" in each["title"]
        ] == []


async def test_a_dead_owners_vip_has_moved_and_the_owner_is_not_heard(lab, tmp_path):
    async with seen_and_told(tmp_path) as (seen, watch, hook):
        await asyncio.to_thread(lab.fault, "power-off", "iam-a")
        await tells(seen, f"VIP {VIP} moved iam-a -> iam-b; iam-a is not heard", 10)
        body = await first(hook, f"VIP {VIP} moved iam-a -> iam-b")
        assert "iam-a is not heard: whether it still holds the VIP is unknown" in body
        assert not told(seen, "SPLIT BRAIN")
        assert [each["title"] for each in watch.told if "SPLIT" in each["title"]] == []
