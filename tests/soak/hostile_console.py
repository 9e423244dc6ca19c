"""The console beside a hostile pair: goes from view to view, and tells twice a second how it is, as JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from iamops.session.cluster import Cluster
from iamops.session.profiles import load_profile
from iamops.tui.app.app import ConsoleApp
from tests.support.hostile import raw
from tests.support.operators import FixedOperator
from tests.support.screens import VIEW_KEYS

# Every view, and a fresh look at everything in each of them.
KEYS = tuple(key for view_key in VIEW_KEYS.values() for key in (view_key, "ctrl+r"))
GOOD = "iam-a"
EVERY_S = 0.5


def how_it_is(cluster: Cluster, screen: str) -> dict[str, Any]:
    state, now = cluster.store.state, cluster.now()
    link = cluster.transport(GOOD)
    return {
        "age_s": None if link is None else time.monotonic() - link.heard_at,
        "live": str(state.nodes[GOOD].freshness(now)),
        "faults": [f"{each.part}: {each.reason}" for each in state.faults.values()],
        "raw": raw(screen)[:3],
        "findings": len(cluster.findings(state, now)),
        "links": {name: str(node.link.state) for name, node in state.nodes.items()},
    }


async def main(profile: Path) -> None:
    cluster = Cluster(load_profile(str(profile)), for_console=True)
    operator = FixedOperator(cluster)  # type: ignore[arg-type]  # it only reads the store
    app = ConsoleApp(cluster, lambda: operator)  # type: ignore[arg-type]
    async with app.run_test(size=(120, 40)) as pilot:
        walking = asyncio.create_task(_walked(pilot))
        while not walking.done():
            rows = app.screen._compositor.render_strips()
            screen = "\n".join("".join(segment.text for segment in row) for row in rows)
            print(json.dumps(how_it_is(cluster, screen)), flush=True)
            await asyncio.sleep(EVERY_S)
        walking.result()


async def _walked(pilot: Pilot[None]) -> None:
    """Until nobody listens any more."""
    with contextlib.suppress(BrokenPipeError):
        while True:
            for key in KEYS:
                await pilot.press(key)
                await asyncio.sleep(0.7)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
