"""`iamops watch` in this process, with a state directory of its own."""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from iamops.cli.main import main


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


class Shell:
    """Command lines in this process, with a state directory of their own."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.state = directory / "state" / "iamops" / "watch" / "lab"
        monkeypatch.setenv("XDG_STATE_HOME", str(directory / "state"))
        monkeypatch.delenv("IAMOPS_ALERT_URLS", raising=False)

    def run(self, *argv: str) -> Done:
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            try:
                code = main(["--profile", "lab", "watch", *argv])
            except SystemExit as end:
                code = int(str(end.code))
        return Done(code, out.getvalue(), err.getvalue())

    def urls(self, *lines: str, mode: int = 0o600) -> str:
        path = self.directory / "urls"
        path.write_text("\n".join(lines))
        path.chmod(mode)
        return str(path)

    def document(self, *argv: str) -> Any:
        return json.loads(self.run(*argv).stdout)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, monkeypatch)


def refused(done: Done, code: int, words: str) -> bool:
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout == ""
