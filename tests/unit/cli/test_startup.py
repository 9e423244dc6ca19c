"""What the command line loads, and what it says about itself."""

from __future__ import annotations

import argparse
import os
import pty
import subprocess
import sys

import pytest

from iamops.cli.main import parser


def verbs() -> list[str]:
    """Every verb of the command line."""
    (actions,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    return list(actions.choices)


def run(*argv: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "iamops", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def loaded_after(argv: list[str]) -> set[str]:
    code = (
        "import sys\n"
        "from iamops.cli.main import main\n"
        "try:\n"
        f"    main({argv!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    return set(run(code=code).stderr.splitlines())


def test_help_loads_none_of_the_heavy_libraries():
    heavy = {"textual", "asyncssh", "pydantic", "yaml", "rich", "jinja2", "plotext", "asyncio"}
    heavy |= {"platformdirs", "tempfile"}
    assert not heavy & loaded_after(["--help"])


def test_status_never_loads_textual():
    loaded = loaded_after(["--profile", "lab", "status", "--json", "--timeout", "0.1"])
    assert "asyncssh" in loaded
    assert "textual" not in loaded


@pytest.mark.parametrize("command", verbs())
def test_every_command_explains_itself(command):
    result = run(command, "--help")
    assert result.returncode == 0
    assert "usage: iamops" in result.stdout
    assert result.stderr == ""


def test_an_unknown_command_is_a_usage_error():
    result = run("frobnicate")
    assert result.returncode == 2
    assert "invalid choice" in result.stderr
    assert result.stdout == ""


def test_an_unknown_profile_is_a_clear_usage_error_with_the_nearest_name():
    result = run("--profile", "iam-hq", "status")
    assert result.returncode == 2
    assert "no profile named 'iam-hq'" in result.stderr
    assert "did you mean 'iam-ha'?" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_console_without_a_terminal_is_refused_with_a_hint():
    result = run("--profile", "lab")
    assert result.returncode == 2
    assert "needs a terminal" in result.stderr


def test_the_console_refuses_to_draw_into_a_file():
    """Textual draws on stderr: `iamops 2>err.log` would be a blank screen that takes every key."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "iamops", "--profile", "lab"]
    done = subprocess.run(command, stdin=slave, stdout=slave, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(slave)
    assert (done.returncode, done.stderr) == (2, b"")
    assert b"the console draws on stderr, which is no terminal here" in os.read(master, 1000)
    os.close(master)
