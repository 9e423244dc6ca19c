"""Faults are noted, taken back when they fail, and healed in an order that works. No lab is needed."""

from __future__ import annotations

import pytest

from iamops.lab.faults import apply
from iamops.lab.faults.apply import ActiveFault
from iamops.lab.processes import LabNotUp, ToolFailed, UnknownFault, UnknownNode


def test_a_fault_is_noted_until_it_is_healed(lab):
    apply.apply(lab, "stop-unit", "iam-b", "nginx")
    assert lab.noted == ["stop-unit iam-b nginx"]
    apply.heal(lab, "stop-unit", "iam-b", "nginx")
    assert lab.noted == []
    assert lab.done == ["iam-b systemctl stop nginx", "iam-b systemctl start nginx"]


def test_a_datastore_may_be_called_by_its_own_name(lab):
    apply.apply(lab, "stop-unit", "iam-a", "redis")
    assert lab.done == ["iam-a systemctl stop redis-server"]


def test_a_name_of_healing_heals_whatever_it_heals(lab):
    apply.apply(lab, "kill-unit", "iam-b", "nginx")
    assert apply.apply(lab, "start-unit", "iam-b", "nginx").name == "stop-unit"
    assert lab.noted == []


def test_a_fault_that_fails_half_way_is_taken_back(lab):
    lab.failing = {"iam-b nft -f -"}
    with pytest.raises(ToolFailed):
        apply.apply(lab, "vrrp-drop", None, None)
    assert lab.noted == []
    assert lab.done.count("iam-a nft -f -") == 2


def test_nothing_but_power_can_be_changed_on_a_machine_that_is_off(lab):
    apply.apply(lab, "power-off", "iam-b", None)
    for change in (apply.apply, apply.heal):
        with pytest.raises(LabNotUp):
            change(lab, "cable", "iam-b", None)
    assert lab.done == []


def test_everything_is_healed_power_first_then_the_latest_first(lab):
    apply.apply(lab, "stop-unit", "iam-a", "nginx")
    apply.apply(lab, "nginx-config-broken", "iam-b", None)
    apply.apply(lab, "nginx-hang", "iam-b", None)
    apply.apply(lab, "power-off", "iam-b", None)
    healed = [fault.sentence for fault in apply.heal_all(lab)]
    assert healed[0] == "power-off iam-b"
    assert healed[-1] == "stop-unit iam-a nginx"
    assert lab.noted == []


def test_one_healing_that_fails_does_not_keep_the_others_from_being_healed(lab):
    apply.apply(lab, "stop-unit", "iam-a", "nginx")
    apply.apply(lab, "stop-unit", "iam-b", "nginx")
    lab.failing = {"iam-b systemctl start nginx"}
    with pytest.raises(ToolFailed):
        apply.heal_all(lab)
    assert lab.noted == ["stop-unit iam-b nginx"]


def test_a_boot_ends_what_did_not_touch_the_disk(lab):
    apply.apply(lab, "nginx-hang", "iam-b", None)
    apply.apply(lab, "nginx-config-broken", "iam-b", None)
    apply.apply(lab, "nginx-hang", "iam-a", None)
    lab.power_on("iam-b")
    assert lab.noted == ["nginx-config-broken iam-b", "nginx-hang iam-a"]


def test_a_mistake_in_the_words_changes_nothing(lab):
    for words in (("cable", "iam-x", None), ("cable", None, None), ("backend-loopback", "iam-b", "nginx")):
        with pytest.raises((UnknownFault, UnknownNode)):
            apply.apply(lab, *words)
    assert lab.noted == []
    assert [line for line in lab.done if "restart" in line] == []


def test_applied_faults_are_remembered_once_until_healed(tmp_path):
    path = tmp_path / "faults.json"
    assert apply.read(path) == ()
    for fault in (ActiveFault("vrrp-drop"), ActiveFault("cable", "iam-b"), ActiveFault("vrrp-drop")):
        apply.add(path, fault)
    assert [fault.sentence for fault in apply.read(path)] == ["cable iam-b", "vrrp-drop"]
    apply.remove(path, lambda fault: fault.node == "iam-b")
    assert [fault.sentence for fault in apply.read(path)] == ["vrrp-drop"]
