"""What the pushes of a drained restart are called: the node's own script takes no other names."""

from __future__ import annotations

import re

import pytest

from iamops.plan.config.drained import push_name


@pytest.mark.parametrize("node", ["iam-a", "VM_4_20", "iam.example.com", "n" * 63])
def test_the_pushes_of_a_drained_restart_have_names_that_a_node_takes(node: str):
    names = [push_name("20261124T120000Z-abcdef", each, ["other", node]) for each in ("other", node)]
    assert all(re.fullmatch("[A-Za-z0-9-]{1,64}", name) for name in names)
    assert len(set(names)) == 2
