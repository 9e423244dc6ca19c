"""The catalogue of lint: what the docs say is what the code and the specimens say."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.judge.lint.catalogue import CATALOGUE
from tests.support.lint_page import OTHERWISE, broken_by, lint_page
from tests.support.specimens import specimens

ROOT = Path(__file__).parents[4]


def test_the_documented_rules_are_the_catalogue_with_its_specimens():
    assert (ROOT / "docs" / "lint.md").read_text(encoding="utf-8") == lint_page()


@pytest.mark.parametrize("code", [code for code in CATALOGUE if code not in OTHERWISE])
def test_a_rules_page_shows_what_triggers_it_and_what_looks_alike(code: str):
    shown = [
        each for daemon in ("keepalived", "nginx") for each in specimens(daemon).values() if each.page == code
    ]
    assert {bool(broken_by(code, specimen)) for specimen in shown} == {True, False}
