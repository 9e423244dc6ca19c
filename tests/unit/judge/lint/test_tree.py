"""A configuration tree whose files include one another without end comes to one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.lint.lint import lint
from iamops.model.config import ConfFile, ConfTree
from tests.support.lint_trees import NGINX


@pytest.mark.timeout(60)
def test_files_that_include_one_another_twice_each_come_to_an_end():
    names = [f"/etc/nginx/{number}.conf" for number in range(40)]
    files = {
        name: f"include {after}; include {after};" for name, after in zip(names, [*names[1:], "x"], strict=True)
    }
    tree = ConfTree("iam-a", {name: ConfFile(name, text) for name, text in files.items()})
    top = ConfFile(NGINX, "include 0.conf;")
    report = lint([replace(tree, files={**tree.files, NGINX: top})])
    assert any("more includes" in each.hit.evidence for each in report.findings)
