"""`iamops drill run`: one drill after the other, their reports in files, and how a result reads."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iamops.cli.drill.run import DrillSession, client_line, result_lines
from iamops.judge.drill.report import ClientView, DrillReport, DrillVerdict
from iamops.model.drill import Drill
from iamops.model.exit_code import ExitCode
from iamops.report.drill import markdown
from iamops.session.drills.files import load_drill
from tests.support.drill_samples import report
from tests.support.profiles import pair

OPTIONS = {
    "arm": None,
    "yes": True,
    "dry_run": False,
    "instance": None,
    "allowance_ms": None,
    "allow_disruptive": False,
}


class Operator:
    """Runs every drill to the same end."""

    def __init__(self, ended: DrillReport) -> None:
        self._ended = ended

    def weigh(self, _order: object) -> tuple[None, tuple[()], tuple[()]]:
        return None, (), ()

    @property
    def drills(self) -> Operator:
        return self

    async def action(self, _drill: object, **_options: object) -> None:
        return None

    async def run(self, *_args: object) -> DrillReport:
        return self._ended


async def exit_code(monkeypatch: pytest.MonkeyPatch, ended: DrillReport, **files: str) -> int:
    args: Any = argparse.Namespace(
        profile="lab", **{"json": None, "junit": None, "markdown": None, **OPTIONS, **files}
    )
    drill = load_drill("keepalived-stop")
    session = DrillSession(pair(), [drill], args)
    monkeypatch.setattr(session, "operator", Operator(ended))
    monkeypatch.setattr(session, "order", lambda _action: None)
    return await session.act()


async def test_a_drill_whose_report_could_not_be_written_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    passed = report(verdict=DrillVerdict.PASS)
    good = str(tmp_path / "good.md")
    assert await exit_code(monkeypatch, passed, markdown=good) == 0
    assert await exit_code(monkeypatch, passed, junit="/dev/full", markdown=good) == 5
    assert await exit_code(monkeypatch, passed, json=str(tmp_path / "no" / "d.json"), markdown=good) == 5
    assert "No such file or directory; the report follows" in capsys.readouterr().err


async def test_a_drill_that_failed_keeps_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    failed = report(verdict=DrillVerdict.FAIL)
    assert await exit_code(monkeypatch, failed, junit=str(tmp_path / "no" / "x.xml")) == 1


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


def test_budgets_stand_in_columns():
    rows = [line for line in result_lines(report()) if line.startswith("  ok ")]
    assert len(rows) == 3
    assert len({row.index("slack") for row in rows}) == 1


def test_a_single_failed_request_has_a_whole_sentence():
    one = ClientView(100, 1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 11.0)
    assert client_line(one) == (
        "  client: 1 failed, longest gap 0 ms (100 requests, none further apart than 11 ms)"
    )


PUT_BACK = report(verdict=DrillVerdict.FAIL, interrupted=True, sentence="interrupted; now: all is well")


def test_an_interrupted_drill_that_was_put_back_is_undone_and_not_failed():
    assert result_lines(PUT_BACK)[0] == "undone: drill keepalived-stop: interrupted; now: all is well"
    assert markdown(PUT_BACK).startswith("# ↶ UNDONE: drill")
    assert result_lines(replace(PUT_BACK, stays=True))[0].startswith("failed: drill")
