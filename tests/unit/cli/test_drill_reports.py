"""What a drill's reports do to its exit code."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from iamops.cli.drill.run import DrillSession
from iamops.judge.drill.report import DrillReport, DrillVerdict
from iamops.session.drills.files import load_drill
from tests.support.profiles import pair
from tests.unit.judge.drill_samples import report

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

    async def run_drill(self, *_args: object) -> DrillReport:
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
