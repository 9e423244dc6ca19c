"""The catalogue of lint: what the docs say is what the code and the specimens say."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.judge.lint.catalogue import CATALOGUE
from tests.support.lint_page import lint_page
from tests.support.specimens import specimens

ROOT = Path(__file__).parents[4]
# They need a profile, or what the daemon's own test says.
NOT_BY_FILES = ("K014", "K017", "K018")


def test_the_documented_rules_are_the_catalogue_with_its_specimens():
    assert (ROOT / "docs" / "lint.md").read_text(encoding="utf-8") == lint_page()


@pytest.mark.parametrize("code", [c for c in CATALOGUE if c[0] in "KSP" and c > "K002" and c not in NOT_BY_FILES])
def test_a_rules_page_shows_what_triggers_it_and_what_looks_alike(code: str):
    shown = [s for s in specimens("keepalived").values() if s.page == code]
    fires = [any(each.startswith(f"{code} ") for each in specimen.expect) for specimen in shown]
    assert set(fires) == {True, False}
