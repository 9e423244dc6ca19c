"""A backend is restarted only while no nginx sends it anything; where that never comes, all is put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iamops.engine.ports import CommandAnswer
from iamops.judge.run import Outcome
from tests.unit.engine.test_pushes import DRAINED, files, run, seeing

RESTART = ("/usr/bin/systemctl", "restart", "iam-apiserver.service")


def is_quiet_look(argv: Sequence[str]) -> bool:
    return "quiet" in argv[:4]


async def test_a_backend_is_restarted_while_every_nginx_has_it_down_and_is_quiet():
    bench = seeing()
    seen: list[tuple[list[str], set[str]]] = []
    quiet: set[str] = set()
    real = bench.hands.run

    async def watched(node: str, argv: Sequence[str], **how: Any) -> CommandAnswer:
        if is_quiet_look(argv):
            quiet.add(node)
        if tuple(argv[-3:]) == RESTART:
            seen.append((files(bench), set(quiet)))
        if argv[-1] == "apply":
            quiet.clear()
        return await real(node, argv, **how)

    bench.hands.run = watched  # type: ignore[method-assign]
    report = await run(bench, DRAINED)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert seen == [(["new", "new"], {"iam-a", "iam-b"})] * 2
    assert (files(bench), bench.world.whole()) == (["old", "old"], [])


async def test_requests_that_do_not_end_fail_the_drain_and_everything_is_put_back():
    bench = seeing()
    real = bench.hands.run

    async def busy(node: str, argv: Sequence[str], **how: Any) -> CommandAnswer:
        return CommandAnswer(0, "0 0 1\n", "") if is_quiet_look(argv) else await real(node, argv, **how)

    bench.hands.run = busy  # type: ignore[method-assign]
    report = await run(bench, DRAINED)
    assert report.outcome is Outcome.FAILED, report.sentence
    assert "1 old worker still at work" in report.sentence
    assert not any(tuple(argv[-3:]) == RESTART for argv in bench.hands.sent)
    assert (files(bench), bench.world.whole()) == (["old", "old"], [])
