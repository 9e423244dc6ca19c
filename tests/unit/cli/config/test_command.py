"""`iamops config` as a command line."""

from __future__ import annotations

import pytest

from iamops.cli.main import main


def test_a_rollback_is_described_as_one(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["config", "rollback", "--help"])
    assert "Puts back what was in place before a push" in capsys.readouterr().out
