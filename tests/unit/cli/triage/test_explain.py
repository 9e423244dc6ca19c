"""`iamops triage explain`: the runbook by word or number."""

from __future__ import annotations

import pytest

from iamops.cli.main import main
from iamops.cli.triage import explain
from iamops.judge.runbook.catalogue import BY_NUMBER, CATALOGUE
from iamops.judge.runbook.entry import RunbookEntry
from iamops.model.facts import Severity

ENTRY = RunbookEntry(
    "T901",
    "tea-cold",
    Severity.WARNING,
    "the tea is cold",
    "Nobody drinks it, which hurts the operator on call.",
    "a thermometer, on each node",
    ("it stood for an hour", "the kettle is off"),
    ("iamops status", "put the kettle on, with --dry-run first"),
)


@pytest.fixture
def runbook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of one entry."""
    for module in ("iamops.cli.triage.explain", "iamops.judge.runbook.catalogue"):
        monkeypatch.setattr(f"{module}.CATALOGUE", {ENTRY.code: ENTRY})
        monkeypatch.setattr(f"{module}.BY_NUMBER", {ENTRY.number: ENTRY})


@pytest.mark.parametrize("name", ["tea-cold", "T901", "t901", "TEA-COLD"])
def test_explain_takes_a_word_or_a_number(runbook, capsys, name: str) -> None:
    assert main(["triage", "explain", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith("T901 tea-cold (warning)\nthe tea is cold\n")
    for text in (ENTRY.means[:30], ENTRY.known_by, *ENTRY.causes, *ENTRY.steps):
        assert text in out
    assert out.index(ENTRY.steps[0]) < out.index(ENTRY.steps[1])


def test_explain_without_a_code_lists_them_all(runbook, capsys) -> None:
    assert main(["triage", "explain"]) == 0
    assert capsys.readouterr().out == "T901  warning   tea-cold  the tea is cold\n"


def test_an_unknown_code_is_2_with_the_nearest_names(runbook, capsys) -> None:
    assert main(["triage", "explain", "tea-clod"]) == 2
    assert "did you mean tea-cold?" in capsys.readouterr().err


def test_an_unknown_code_with_control_characters_is_harmless(runbook, capsys) -> None:
    assert main(["triage", "explain", "\x1b[31m"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_a_rule_of_lint_can_be_explained_too(capsys) -> None:
    assert main(["triage", "explain", "l002"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("L002 ")
    assert "what to do" in out


def test_every_entry_of_the_catalogue_can_be_printed() -> None:
    for entry in (*CATALOGUE.values(), *BY_NUMBER.values()):
        page = list(explain.entry_lines(entry))
        assert page[0].startswith(entry.number)
        assert max(map(len, page)) <= 80
