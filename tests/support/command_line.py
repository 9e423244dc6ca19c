"""The command line with arguments that it refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from iamops.cli.main import main


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    try:
        code = main(list(argv))
    except SystemExit as end:
        code = int(str(end.code))
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert "Traceback" not in said.err
    return said.err


def iamops(*argv: str) -> subprocess.CompletedProcess[str]:
    """Nobody can be asked."""
    command = [sys.executable, "-m", "iamops", "--profile", "lab", *argv]
    nobody = subprocess.DEVNULL
    return subprocess.run(command, stdin=nobody, capture_output=True, text=True, timeout=60, check=False)
