"""The command as a whole: what it loads, what it says about itself, and signals at its edges."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys

import pytest

from iamops.cli import main as command_line
from iamops.cli.main import main, parser


def test_a_broken_pipe_of_something_else_is_not_taken_for_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """An SSH channel that ends at once raises the same error."""

    def raising(args: object) -> int:
        raise BrokenPipeError

    made = argparse.ArgumentParser()
    made.set_defaults(no_color=False, handler=raising)
    monkeypatch.setattr(command_line, "parser", lambda: made)
    assert main([]) == 5
    assert "BrokenPipeError" in capsys.readouterr().err


SOON_S = 30.0

# A Ctrl-C at the moment at which a module is looked for.
EARLY = """
import importlib.abc, os, signal, sys

class CtrlC(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == WHEN:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

WHEN = sys.argv.pop()
sys.meta_path.insert(0, CtrlC())
from iamops.__main__ import entry
entry()
"""

# What stands still when the code is settled: a thread, or what the interpreter does last.
LATE = """
import atexit, sys, threading

def wait():
    print("settled", flush=True)
    sys.stdin.readline()

if sys.argv[1] == "atexit":
    atexit.register(wait)
from iamops.cli import main
main._run = lambda args: 5
if sys.argv[1] == "thread":
    settled = main.exit_on_signal
    main.exit_on_signal = lambda code: (settled(code), threading.Thread(target=wait).start())
sys.argv[1:] = ["--profile", "lab", "status"]
main.entry()
"""


@pytest.mark.parametrize(
    "name", ["iamops.cli.main", "argparse", "iamops.cli.drill.command", "iamops.session.profiles"]
)
def test_a_ctrl_c_while_a_command_is_loaded_is_no_traceback(name: str):
    command = [sys.executable, "-c", EARLY, "--profile", "nobody", "status", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("where", ["thread", "atexit"])
def test_a_signal_after_the_outcome_does_not_change_the_exit_code(where: str, name: str):
    with subprocess.Popen(
        [sys.executable, "-c", LATE, where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "settled\n"
        process.send_signal(signal.Signals[name])
        _, err = process.communicate("\n", timeout=SOON_S)
    assert (process.returncode, err) == (5, "")


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
