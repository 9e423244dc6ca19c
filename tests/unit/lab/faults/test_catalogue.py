"""The catalogue of faults: their names, their sentences, what they need."""

from __future__ import annotations

from typing import Any

import pytest

from iamops.lab.faults import catalogue
from iamops.lab.faults.catalogue import CATALOGUE
from iamops.lab.faults.context import FaultTarget
from iamops.lab.node import Power
from iamops.lab.processes import UnknownFault

B = FaultTarget("iam-b")


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
        ("ssh-blocked", None, None, "needs a node"),
        ("stop-unit", "iam-a", None, "needs a unit"),
        ("cable", "iam-a", "nginx", "takes no unit"),
        ("vrrp-drop", "iam-a", None, "whole cluster"),
    ],
)
def test_a_fault_says_what_it_needs(name, node, unit, reason):
    with pytest.raises(UnknownFault, match=reason) as refused:
        catalogue.target(catalogue.CATALOGUE[name], node, unit)
    assert refused.value.next_step.startswith(f"iamops lab fault {name}")


def test_dropped_vrrp_is_dropped_on_every_node_and_passes_on_every_node(lab: Any):
    for change in (CATALOGUE["vrrp-drop"].apply, CATALOGUE["vrrp-drop"].heal):
        lab.done.clear()
        change(lab, FaultTarget())
        assert lab.done == ["iam-a nft -f -", "iam-b nft -f -"]


def test_a_rule_stands_in_a_table_of_its_own_and_goes_with_it(lab: Any):
    CATALOGUE["ssh-blocked"].apply(lab, B)
    CATALOGUE["ssh-blocked"].heal(lab, B)
    blocked, unblocked = lab.fed
    assert "tcp dport 22 drop" in blocked
    assert "tcp sport 22 drop" in blocked
    assert unblocked.endswith("delete table ip lab_ssh\n")
    assert "drop" not in unblocked


def test_a_vip_set_by_hand_is_taken_away_with_a_restart_of_keepalived(lab: Any):
    CATALOGUE["vip-astray"].apply(lab, B)
    CATALOGUE["vip-astray"].heal(lab, B)
    assert lab.done == [
        "iam-b ip address replace 10.0.4.99/32 dev eth0",
        "iam-b ip address flush to 10.0.4.99/32 dev eth0",
        "iam-b systemctl restart keepalived",
    ]


def test_power_goes_and_comes_and_a_frozen_machine_thaws(lab: Any):
    CATALOGUE["power-off"].apply(lab, B)
    assert lab.powers == {"iam-a": Power.ON, "iam-b": Power.OFF}
    CATALOGUE["power-off"].heal(lab, B)
    CATALOGUE["freeze"].apply(lab, B)
    assert lab.powers["iam-b"] is Power.FROZEN
    CATALOGUE["freeze"].heal(lab, B)
    assert lab.powers["iam-b"] is Power.ON
