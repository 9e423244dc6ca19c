"""iamops as it is, but that it writes each boundary of a run, and when, into the file that FRONT_BOUNDARIES names.

`python -m tests.lab.front_under_test ARGUMENTS...`: whoever watches the file knows exactly where the engine is.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from iamops.cli.main import main
from iamops.engine.account import OnProgress
from iamops.engine.engine import Engine, MeterFor
from iamops.engine.ports import Order
from iamops.judge.run import RunReport
from tests.lab.cut_console import boundary_name, boundary_of


def watched(path: str) -> None:
    """Has every engine of this process write its boundaries down."""
    plain = Engine.run

    async def run(self: Engine, order: Order, on_progress: OnProgress, meter: MeterFor | None = None) -> RunReport:
        seen: Any = None

        def heard(report: RunReport) -> None:
            nonlocal seen
            now = boundary_of(report)
            if now != seen:
                with open(path, "a", encoding="utf-8") as file:
                    file.write(f"{time.monotonic():.3f} {boundary_name(seen, now)}\n")
                seen = now
            on_progress(report)

        return await plain(self, order, heard, meter)

    Engine.run = run  # type: ignore[method-assign]  # the product knows nothing of being watched


if __name__ == "__main__":
    watched(os.environ["FRONT_BOUNDARIES"])
    sys.exit(main(sys.argv[1:]))
