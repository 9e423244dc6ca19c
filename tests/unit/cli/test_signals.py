"""Signals at the edges of a command: before it has begun, and when its outcome is settled."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

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
