"""Rules about one node's keepalived.conf."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.lint.lint import lint
from iamops.model.config import ConfFile, ConfTree
from tests.support.lint_trees import KEEPALIVED, LAB, codes, edited

INSTANCE = "vrrp_instance VI_1 {"


def test_an_instance_that_an_unread_include_may_hold_is_not_called_missing():
    """A pair whose configuration is split on one node is no pair with an instance on one node only."""
    for where in ("conf.d/vrrp.conf", "conf.d/*.conf"):
        trees = edited(KEEPALIVED, INSTANCE, "vrrp_instance VI_2 {")
        text = trees[0].files[KEEPALIVED].content
        moved = text[: text.index("vrrp_instance VI_2")] + f"include /etc/keepalived/{where}\n"
        trees[0] = replace(
            trees[0], files={**trees[0].files, KEEPALIVED: replace(trees[0].files[KEEPALIVED], content=moved)}
        )
        report = lint(trees, LAB)
        assert "P010" not in codes(report), where
        assert any("may be there" in each.hit.evidence for each in report.findings), where


def tree(mode: int | None, owner: str | None, **files: int) -> ConfTree:
    text = "vrrp_instance A {\n virtual_router_id 1\n authentication {\n auth_type PASS\n auth_pass larch\n }\n}\n"
    found = {KEEPALIVED: ConfFile(KEEPALIVED, text, mode, owner)}
    found |= {
        f"/etc/keepalived/{name}": ConfFile(f"/etc/keepalived/{name}", "", m, owner) for name, m in files.items()
    }
    return ConfTree("a", found)


@pytest.mark.parametrize(
    ("tree", "fires"),
    [
        (tree(0o644, "root"), True),
        (tree(0o600, "root"), False),
        (tree(None, None), False),
        # A checkout: what git keeps is 644 and 755.
        (tree(0o644, None, other=0o755), False),
        # A copy that kept its modes.
        (tree(0o644, None, other=0o700), True),
    ],
)
def test_a_mode_is_judged_where_it_is_that_of_the_node(tree: ConfTree, fires: bool):
    assert ("K016" in codes(lint([tree]))) == fires
