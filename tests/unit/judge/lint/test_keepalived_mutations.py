"""What keepalived.conf means does not hang on how it is written; where it is broken, a finding names the line.

`IAMOPS_MUTATIONS=2000` tries more of them.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from iamops.judge.lint.finding import LintReport
from iamops.judge.lint.lint import lint
from tests.support.keepalived_mutations import breakable, broken, mutable, mutated
from tests.support.specimens import findings

COUNT = int(os.environ.get("IAMOPS_MUTATIONS", "150"))
SLICES = 5


def summary(report: LintReport) -> Counter[str]:
    """Code and node: lines and files move."""
    return Counter(found.partition(":")[0] for found in findings(report))


@pytest.mark.parametrize("part", range(SLICES))
def test_findings_do_not_hang_on_the_form(part: int):
    chosen = mutable()
    for seed in range(part, COUNT, SLICES):
        specimen = chosen[seed % len(chosen)]
        ordered = any(each.startswith("K010") for each in specimen.expect)
        other = mutated(specimen.trees, seed, ordered=ordered)
        found = summary(lint(other))
        text = "\n".join(f.content for t in other for f in t.files.values())
        assert found == summary(lint(list(specimen.trees))), f"{specimen.name}, seed {seed}:\n{text}"


@pytest.mark.parametrize("part", range(SLICES))
def test_a_finding_names_the_line_that_is_broken(part: int):
    """A keyword that is misspelled, a value that is none, a brace that is missing."""
    chosen = breakable()
    for seed in range(part, COUNT, SLICES):
        specimen = chosen[seed % len(chosen)]
        spoiled = broken(specimen.trees, seed)
        hits = [finding.hit for finding in lint(spoiled.trees).findings if finding.rule.code == "K001"]
        found = {hit.line for hit in hits if hit.node == specimen.trees[0].name}
        assert found & spoiled.lines, f"{specimen.name}, seed {seed}: {spoiled.what}"
