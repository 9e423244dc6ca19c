"""The catalogue of lint: what the docs say is what the code says."""

from __future__ import annotations

from pathlib import Path

from iamops.judge.lint.catalogue import CATALOGUE

ROOT = Path(__file__).parents[4]


def test_the_documented_table_is_the_catalogue():
    rows = ["| code | severity | what | why | fix |", "|---|---|---|---|---|"]
    rows += [f"| {r.code} | {r.severity} | {r.title} | {r.why} | {r.fix} |" for r in CATALOGUE.values()]
    assert "\n".join(rows) + "\n" in (ROOT / "docs" / "lint.md").read_text()
