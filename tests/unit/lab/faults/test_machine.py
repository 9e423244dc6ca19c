"""Faults of machines: what is run on which node, and what undoes it."""

from __future__ import annotations

from typing import Any

import pytest

from iamops.lab.faults import machine
from iamops.lab.faults.context import FaultTarget
from iamops.lab.node import Power
from iamops.lab.processes import UnknownFault

B = FaultTarget("iam-b")


def test_dropped_vrrp_is_dropped_on_every_node_and_passes_on_every_node(lab: Any):
    for change in (machine.drop_vrrp, machine.pass_vrrp):
        lab.done.clear()
        change(lab, FaultTarget())
        assert lab.done == ["iam-a nft -f -", "iam-b nft -f -"]


def test_a_rule_stands_in_a_table_of_its_own_and_goes_with_it(lab: Any):
    machine.block_ssh(lab, B)
    machine.unblock_ssh(lab, B)
    blocked, unblocked = lab.fed
    assert "tcp dport 22 drop" in blocked
    assert "tcp sport 22 drop" in blocked
    assert unblocked.endswith("delete table ip lab_ssh\n")
    assert "drop" not in unblocked


def test_a_vip_set_by_hand_is_taken_away_with_a_restart_of_keepalived(lab: Any):
    machine.add_vip(lab, B)
    machine.remove_vip(lab, B)
    assert lab.done == [
        "iam-b ip address replace 10.0.4.99/32 dev eth0",
        "iam-b ip address flush to 10.0.4.99/32 dev eth0",
        "iam-b systemctl restart keepalived",
    ]


def test_power_goes_and_comes_and_a_frozen_machine_thaws(lab: Any):
    machine.power_off(lab, B)
    assert lab.powers == {"iam-a": Power.ON, "iam-b": Power.OFF}
    machine.power_on(lab, B)
    machine.freeze(frozen=True)(lab, B)
    assert lab.powers["iam-b"] is Power.FROZEN
    machine.freeze(frozen=False)(lab, B)
    assert lab.powers["iam-b"] is Power.ON


def test_a_fault_of_a_machine_needs_one(lab: Any):
    with pytest.raises(UnknownFault, match="needs a node"):
        machine.block_ssh(lab, FaultTarget())
    assert lab.done == []
