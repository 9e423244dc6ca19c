"""The pure floors take time and text as arguments: no clock, no file, no socket in them."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import iamops

ROOT = Path(iamops.__file__).parent
PURE = [
    path
    for floor in ("model", "redact", "accesslog", "parse", "render", "plan", "judge", "report")
    for path in sorted((ROOT / floor).rglob("*.py"))
] + [ROOT / "session" / "store.py"]
FORBIDDEN_MODULES = frozenset(
    {"asyncio", "asyncssh", "http", "io", "os", "pathlib", "random", "secrets", "select", "shutil", "signal"}
    | {"socket", "ssl", "subprocess", "tempfile", "textual", "threading", "time", "urllib", "uuid"}
)
FORBIDDEN_CALLS = frozenset({"open", "input", "print", "now", "utcnow", "today"})


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "io":
            # Texts and bytes in memory are values; everything else of io opens something.
            yield from ("io" for alias in node.names if alias.name not in ("StringIO", "BytesIO"))
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            yield name


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_pure_module_touches_no_clock_file_or_socket(path):
    tree = ast.parse(path.read_text())
    assert not FORBIDDEN_MODULES.intersection(_imports(tree))
    assert not FORBIDDEN_CALLS.intersection(_calls(tree))


def test_the_check_itself_finds_a_clock():
    tree = ast.parse("import time\nfrom datetime import datetime\nx = datetime.now()")
    assert FORBIDDEN_MODULES.intersection(_imports(tree))
    assert FORBIDDEN_CALLS.intersection(_calls(tree))


def test_reducing_and_judging_opens_nothing_at_run_time():
    """An audit hook sees every file, socket and process, whatever it was called through."""
    code = (
        "import sys\n"
        "from tests.support.profiles import pair\n"
        "from iamops.judge.rules import findings\n"
        "from iamops.model.events import AddressesListed\n"
        "from iamops.model.reduce import reduce\n"
        "from iamops.model.state import ClusterState\n"
        "from iamops.report.status import status_document\n"
        "state = ClusterState.of(pair())\n"
        "touched = []\n"
        "watched = ('open', 'socket.', 'subprocess.', 'os.')\n"
        "sys.addaudithook(lambda name, args: touched.append(name) if name.startswith(watched) else None)\n"
        "for at in range(100):\n"
        "    state = reduce(state, AddressesListed(at, 'iam-a', frozenset({'10.0.4.99'})))\n"
        "status_document(state, findings(state, 100.0), 100.0)\n"
        "assert not touched, touched\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT.parents[1])
