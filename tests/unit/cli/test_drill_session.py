"""Drills from a shell, one after the other, and an interrupt between them."""

from __future__ import annotations

import argparse

import pytest

from iamops.cli.drill.run import DrillSession
from iamops.model.drill import Drill
from iamops.model.exit_code import ExitCode
from iamops.session.drills.files import load_drill
from tests.support.profiles import pair

NAMES = ("reload", "switchover", "seed")


class Drills(DrillSession):
    """Each ends with the next of `codes`; the first is interrupted when it is over already."""

    def __init__(self, *codes: int, interrupted: bool) -> None:
        super().__init__(pair(), [load_drill(name) for name in NAMES], argparse.Namespace(profile="lab", arm=None))
        self._codes = list(codes)
        self._told = interrupted
        self.begun: list[str] = []

    async def _one(self, drill: Drill) -> int:
        self.begun.append(drill.name)
        self.stopping = self._told
        return self._codes.pop(0)


async def test_interrupted_as_a_drill_passed_the_next_one_is_not_begun(capsys: pytest.CaptureFixture[str]):
    session = Drills(0, 0, 0, interrupted=True)
    assert await session.act() == ExitCode.INTERRUPTED
    assert session.begun == ["reload"]
    assert "iamops: interrupted; not begun: switchover, seed" in capsys.readouterr().err


@pytest.mark.parametrize(("codes", "code", "begun"), [((0, 0, 0), 0, 3), ((0, 1, 0), 1, 2)])
async def test_drills_run_one_after_the_other_until_one_does_not_pass(codes: tuple[int], code: int, begun: int):
    session = Drills(*codes, interrupted=False)
    assert (await session.act(), len(session.begun)) == (code, begun)


async def test_interrupted_as_the_last_drill_is_over_its_own_code_is_told():
    session = Drills(0, interrupted=True)
    session._drills = session._drills[:1]
    assert await session.act() == ExitCode.OK
