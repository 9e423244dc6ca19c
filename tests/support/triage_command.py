"""`iamops triage` on a look made by hand."""

from __future__ import annotations

import pytest

from iamops.cli.main import main
from iamops.cli.triage import run as triage_session
from tests.support.triage_samples import Look


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the command line on a look made by hand."""

    def command(look: Look, *argv: str) -> tuple[int, str, str]:
        async def examine(profile, *, timeout_s, since_s, spent_s, also) -> Look:
            command.asked = (timeout_s, since_s)
            command.spent_s = spent_s
            assert "iamops.cli.triage.forms" in also
            return look

        monkeypatch.setattr(triage_session, "examine", examine)
        try:
            code = main(["--profile", "lab", "triage", *argv])
        except SystemExit as ending:
            code = int(ending.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command
