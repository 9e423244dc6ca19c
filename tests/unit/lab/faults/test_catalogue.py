"""The catalogue of faults: their names, their sentences, what they need."""

from __future__ import annotations

import pytest

from iamops.lab.faults import catalogue
from iamops.lab.processes import UnknownFault


def test_an_unknown_fault_gets_the_nearest_name():
    with pytest.raises(UnknownFault) as refused:
        catalogue.find("nginx-hung")
    assert refused.value.next_step == "did you mean nginx-hang?"


def test_the_name_of_a_healing_means_the_fault_it_heals():
    fault, healing = catalogue.find("power-on")
    assert (fault.name, healing) == ("power-off", True)
    assert catalogue.find("power-off")[1] is False


def test_no_healing_is_named_like_a_fault():
    assert not set(catalogue.CATALOGUE) & {fault.heal_name for fault in catalogue.CATALOGUE.values()}


@pytest.mark.parametrize("fault", catalogue.CATALOGUE.values(), ids=lambda fault: fault.name)
def test_every_fault_is_one_sentence(fault):
    assert fault.summary.endswith(".")
    assert fault.summary.count(". ") == 0


@pytest.mark.parametrize(
    ("name", "node", "unit", "reason"),
    [
        ("cable", None, None, "needs a node"),
        ("stop-unit", "iam-a", None, "needs a unit"),
        ("cable", "iam-a", "nginx", "takes no unit"),
        ("vrrp-drop", "iam-a", None, "whole cluster"),
    ],
)
def test_a_fault_says_what_it_needs(name, node, unit, reason):
    with pytest.raises(UnknownFault, match=reason) as refused:
        catalogue.target(catalogue.CATALOGUE[name], node, unit)
    assert refused.value.next_step.startswith(f"iamops lab fault {name}")
