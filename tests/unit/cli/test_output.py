"""stdout that is full, closed or read by nobody: a failure stays one, and a lost result is no success."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from iamops.cli.lines import LineWriter
from iamops.cli.output import OutputStream, settled
from iamops.ledger.audit import Audit
from tests.support.full_pipe import Full

LOST = "the result could not be written to stdout"

# (argv, exit code): good and bad ones, of several verbs, as text and as JSON.
GOOD = (("--version",), ("--help",), ("--profile", "lab", "profile", "sudoers"), ("drill", "list", "--json"))

BAD = (
    (("audit", "verify", "--file", "{broken}"), 1),
    (("audit", "verify", "--json", "--file", "{broken}"), 1),
    (("--profile", "nobody", "status"), 2),
    (("--profile", "nobody", "triage", "--json"), 2),
    (("frobnicate",), 2),
)


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """A ledger that somebody has changed."""
    path = tmp_path / "audit.jsonl"
    audit = Audit(path)
    for number in range(3):
        audit.append("outcome", {"run": f"r{number}", "sentence": "x"})
    path.write_bytes(path.read_bytes().replace(b'"r1"', b'"rX"'))
    return str(path)


def shell(redirected: str, argv: tuple[str, ...], broken: str) -> subprocess.CompletedProcess[str]:
    """The command with its descriptors as the shell's words say; its exit code and what reached stderr."""
    words = [sys.executable, "-m", "iamops", *(word.format(broken=broken) for word in argv)]
    command = ["bash", "-o", "pipefail", "-c", f'"$@" {redirected}', "bash", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("redirected", [">/dev/full", ">&-"])
@pytest.mark.parametrize("argv", GOOD, ids=" ".join)
def test_a_success_whose_result_is_lost_is_unknown_and_said(redirected: str, argv: tuple[str, ...], broken: str):
    done = shell(redirected, argv, broken)
    assert (done.returncode, done.stdout) == (5, "")
    assert LOST in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


# Every way with a command that has a result and fails, and every kind of failure with the worst of them.
LOSING = (">/dev/full", ">&-", "| true", "2>&-", "2>/dev/full", ">&- 2>&-")

LOST_FAILURES = [
    *((BAD[1], way) for way in LOSING),
    *((bad, way) for bad in BAD[:1] + BAD[2:] for way in (LOSING[0], LOSING[-1])),
]


@pytest.mark.parametrize(("failure", "redirected"), LOST_FAILURES, ids=str)
def test_a_failure_keeps_its_code_whatever_becomes_of_its_words(
    failure: tuple[tuple[str, ...], int], redirected: str, broken: str
):
    argv, code = failure
    done = shell(redirected, argv, broken)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("argv", GOOD, ids=" ".join)
def test_a_reader_that_has_seen_enough_is_no_failure(argv: tuple[str, ...], broken: str):
    done = shell("| true", argv, broken)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_a_stderr_its_words_do_not_land_in_the_result(broken: str):
    done = shell("2>&-", ("audit", "verify", "--json", "--file", "{broken}"), broken)
    assert json.loads(done.stdout)["schema"] == "iamops.audit-verify/1"
    assert shell("2>&-", ("--profile", "nobody", "status"), broken).stdout == ""


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        ("switchover", 3, "refused: not-confirmed"),
        ("restart nginx iam-a", 3, "refused: not-confirmed"),
        ("config push", 3, "refused: not-confirmed"),
        ("config push --yes --confirm-timeout 5", 2, "asks on a terminal"),
        ("backend drain iam-apiserver iam-a", 3, "refused: not-confirmed"),
        ("drill run seed", 3, "refused: not-confirmed"),
        ("", 2, "the console needs a terminal"),
    ],
)
def test_a_stdin_that_is_closed_is_no_terminal(argv: str, code: int, words: str, broken: str):
    done = shell("<&-", ("--profile", "lab", *argv.split()), broken)
    assert done.returncode == code
    assert words in done.stderr
    assert "bug" not in done.stderr


def test_a_result_for_a_stdout_that_is_closed_is_lost(capsys: pytest.CaptureFixture[str]):
    """What stands in for it takes everything."""
    out = OutputStream(None)
    LineWriter(out).put("succeeded")  # type: ignore[arg-type]
    assert settled(0, out) == 5
    out.close()
    assert LOST in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [(OSError, 0, 5), (OSError, 1, 1), (OSError, 3, 3), (BrokenPipeError, 0, 0), (BrokenPipeError, 1, 1)],
)
def test_writing_never_raises_and_only_a_lost_success_changes_its_code(
    error: type[OSError], code: int, told: int, capsys: pytest.CaptureFixture[str]
):
    out = OutputStream(Full(error))  # type: ignore[arg-type]
    print("a result", file=out, flush=True)  # type: ignore[call-overload]
    assert settled(code, out) == told
    assert (LOST in capsys.readouterr().err) is (error is OSError)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
def test_what_the_terminals_encoding_does_not_have_is_escaped_and_json_stays_json(encoding: str):
    told = 'says "✗ é 🙂"'
    script = (
        "from iamops.cli.output import watched\nwith watched():\n    import json\n"
        f"    print({told!r})\n    print(json.dumps({told!r}, ensure_ascii=False))"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    text, document = done.stdout.decode(encoding).splitlines()
    assert text.startswith('says "\\u2717 ')
    assert json.loads(document) == told
