"""The house stays as it is cut: folders by subject, one meaning to a name, functions that tell one story.

Each rule has the list of what may break it; a list is empty, or says why.
"""

from __future__ import annotations

import ast
import re
import statistics
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import iamops
from tests.support.sizes import sizes

PACKAGE = Path(iamops.__file__).parent
ROOT = PACKAGE.parents[1]
UNIT_TESTS = ROOT / "tests" / "unit"
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
MODULES = [path for path in TREES if path.stem not in ("__init__", "__main__")]
ROOMS = sorted({path.relative_to(PACKAGE).parts[0] for path in MODULES})
Function = ast.FunctionDef | ast.AsyncFunctionDef

SHORT_LINES = 60
# Small files with one importer, and why they are not a part of it.
ON_THEIR_OWN = {
    "cli/errors.py": "loaded only when a command has failed: it knows the exceptions of all rooms",
    "judge/guards/guards.py": "the list of all guards: each guard is registered here",
    "judge/triage/diagnose.py": "the list of all rules of an inspection: loaded while the nodes answer",
    "plan/overridable.py": "the command line's parser needs the codes, and may not load plans for them",
}
# Documents of other rooms: they are formats of files or of the lab, and are read back there.
SCHEMAS_ELSEWHERE = {
    "judge/alerts/silence.py": "the file of a silence",
    "lab/status.py": "the lab imports no other room",
    "ledger/record.py": "a line of the ledger",
}
# Sources that no test module is named after.
TESTED_ELSEWHERE = {
    "judge/runbook/nodes.py": "pages: judge/runbook/test_catalogue.py reads each of them",
    "judge/runbook/others.py": "pages: judge/runbook/test_catalogue.py reads each of them",
    "judge/runbook/services.py": "pages: judge/runbook/test_catalogue.py reads each of them",
    "judge/runbook/vip.py": "pages: judge/runbook/test_catalogue.py reads each of them",
    "lab/lab.py": "needs a real lab: tests/lab/test_lab_lifecycle.py, tests/lab/test_lab_faults.py",
    "model/config.py": "values without a rule of their own",
    "model/events.py": "values without a rule of their own: model/test_reduce.py reduces each of them",
}
# Words that need explaining are the wrong words.
PRIVATE_WORDS = {"told", "said", "heard", "sight", "moment", "picture", "deck", "aim", "gone"}
MEDIAN_LINES = (6, 10)
LONGEST_LINES = 60
LONGEST_FILE = 500


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def imported_by(path: Path) -> Iterator[Path]:
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("iamops"):
            place = PACKAGE.parent.joinpath(*(node.module or "").split("."))
            for alias in node.names:
                yield from (
                    file for file in (place / f"{alias.name}.py", place.with_suffix(".py")) if file in TREES
                )


def test_no_two_files_of_a_folder_share_a_prefix():
    """A subject that needs two files is a folder."""
    for folder in {path.parent for path in MODULES}:
        subjects = Counter(path.stem.split("_")[0] for path in folder.glob("*.py") if path.stem != "__init__")
        assert [subject for subject, files in subjects.items() if files > 1] == [], folder


def test_a_small_file_with_one_importer_is_part_of_it():
    importers = defaultdict(set)
    for path in TREES:
        for imported in imported_by(path):
            importers[imported].add(path)
    alone = {
        name(path)
        for path in MODULES
        if len(path.read_text(encoding="utf-8").splitlines()) < SHORT_LINES and len(importers[path] - {path}) == 1
    }
    assert alone == ON_THEIR_OWN.keys()


def test_documents_are_made_in_report():
    """Every document that leaves the program names its schema there: a reader finds all of them in one room."""
    elsewhere = {
        name(path)
        for path, tree in TREES.items()
        if not path.is_relative_to(PACKAGE / "report")
        and any(isinstance(node, ast.Constant) and node.value == "schema" for node in ast.walk(tree))
    }
    assert elsewhere == SCHEMAS_ELSEWHERE.keys()


@pytest.mark.parametrize("defined", ["RANK", "rfc3339", "ExitCode"])
def test_ranks_times_and_exit_codes_are_defined_once(defined):
    places = [name(path) for path, tree in TREES.items() for node in tree.body if defined in _names(node)]
    assert len(places) == 1, places


def _names(node: ast.AST) -> Iterator[str]:
    """The names that a node defines."""
    match node:
        case ast.Name(id=word, ctx=ast.Store()) | ast.arg(arg=word):
            yield word
        case ast.FunctionDef(name=word) | ast.AsyncFunctionDef(name=word) | ast.ClassDef(name=word):
            yield word
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_contracts_name_rooms_and_never_modules():
    """A module that is added later is bound by them, too."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    for contract in contracts:
        for source in contract.get("source_modules", ()):
            assert source.count(".") <= 1, contract["name"]


def test_a_class_name_means_one_thing():
    names = Counter(
        node.name.lstrip("_")
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )
    assert [word for word, times in names.items() if times > 1] == []


def test_names_are_the_fields_words():
    found = {
        (name(path), word)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        for word in _names(node)
        if word.strip("_").lower() in PRIVATE_WORDS
    }
    assert found == set()


@pytest.mark.parametrize("room", ROOMS)
def test_functions_tell_one_story(room):
    """Splitting is as bad as lumping. A property, an operator or a protocol's member is no story."""
    lengths = [
        node.end_lineno - node.lineno + 1
        for path in MODULES
        if path.is_relative_to(PACKAGE / room)
        for node in ast.walk(TREES[path])
        if isinstance(node, Function) and _is_story(node)
    ]
    assert MEDIAN_LINES[0] <= statistics.median(lengths) <= MEDIAN_LINES[1]
    assert max(lengths) <= LONGEST_LINES


def _is_story(function: Function) -> bool:
    if function.name.startswith("__") and function.name != "__init__":
        return False
    if any(isinstance(mark, ast.Name) and mark.id.endswith("property") for mark in function.decorator_list):
        return False
    # What follows a docstring, or is one.
    return not all(isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) for line in function.body)


def test_a_file_has_one_reason_to_be_opened():
    assert [name(path) for path in MODULES if len(path.read_text("utf-8").splitlines()) > LONGEST_FILE] == []


@pytest.mark.parametrize("room", ["judge", "plan"])
def test_rules_and_plans_know_what_they_are_given(room):
    """`Any` would end strict typing where decisions are made."""
    places = [
        f"{name(path)}:{node.lineno}"
        for path in MODULES
        if path.is_relative_to(PACKAGE / room)
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.Name) and node.id == "Any"
    ]
    assert places == []


def test_the_tests_of_a_source_stand_at_its_place():
    """`a/b/c.py` is tested in `tests/unit/a/b/test_c.py`."""
    without = {
        name(path)
        for path in MODULES
        if len(path.read_text("utf-8").splitlines()) > SHORT_LINES
        and not (UNIT_TESTS / path.relative_to(PACKAGE).parent / f"test_{path.stem}.py").exists()
    }
    assert without == TESTED_ELSEWHERE.keys()


def test_what_tests_share_stands_in_support():
    """Nothing but tests is in tests/unit, and no test module needs another one."""
    helpers = [path for path in UNIT_TESTS.rglob("*.py") if path.stem not in ("__init__", "conftest")]
    assert [path for path in helpers if not path.stem.startswith("test_")] == []
    # A registry of what was promised, and by which tests it is kept.
    registry = UNIT_TESTS / "tui/test_promises.py"
    needing = [
        path
        for path in helpers
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests.unit") and path != registry
    ]
    assert needing == []


def test_the_architecture_says_what_features_cost():
    """`python -m tests.support.sizes` makes the table; it is made anew when it is off by a twentieth."""
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    rows = {
        cells[1].strip(): int(cells[2].replace(",", ""))
        for cells in (line.split("|") for line in page.splitlines())
        if len(cells) == 5 and cells[3].strip().isdigit()
    }
    lines = {feature: lines for feature, (lines, _) in sizes().items()}
    assert rows.pop("all") == pytest.approx(sum(lines.values()), rel=0.02)
    assert rows == pytest.approx(lines, rel=0.05)


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "docs/decisions.md", "docs/walks.md"])
def test_a_page_names_no_file_that_is_not_there(page):
    named = re.findall(r"`([\w/]+\.py)`", (ROOT / page).read_text("utf-8"))
    files = [path.as_posix() for place in ("console", "tests") for path in (ROOT / place).rglob("*.py")]
    assert named
    assert [name for name in named if not any(f"/{file}".endswith(f"/{name}") for file in files)] == []
