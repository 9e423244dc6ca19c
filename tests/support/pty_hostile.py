"""The console on the terminal it is started on, given in every way what a hostile node says; then prints END."""

from __future__ import annotations

import asyncio
import random
import sys

from textual.pilot import Pilot
from textual.widgets import Input, Static

from iamops.model.facts import Severity
from iamops.tui.app.app import ConsoleApp
from tests.support import scenes
from tests.support.hostile import SEQUENCES, hostile
from tests.support.operators import FixedOperator
from tests.support.scenes import FixedCluster


async def main() -> None:
    chance = random.Random(7)
    cluster = FixedCluster(scenes.with_notice(scenes.healthy(), "".join(SEQUENCES)))
    operator = FixedOperator(cluster)
    app = ConsoleApp(cluster, lambda: operator)

    async def show(pilot: Pilot[None]) -> None:
        await pilot.pause()
        for each in (*SEQUENCES, hostile(chance)):
            for widget in (Static(each, markup=False), Input(each)):
                await app.screen.mount(widget)
                widget.styles.position = "absolute"
                await pilot.pause(0.02)
                await widget.remove()
            app.say(each, Severity.CRITICAL)
            app.copy_to_clipboard(each)
            await pilot.pause(0.02)
        app.exit()

    await app.run_async(auto_pilot=show)
    print("END", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main())
