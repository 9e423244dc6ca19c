"""Faults are noted, taken back when they fail, and healed in an order that works. No lab is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from iamops.lab.faults import apply
from iamops.lab.node import Power, delete, mounts_below
from iamops.lab.place import LabPaths
from iamops.lab.processes import LabNotUp, ToolFailed, UnknownFault, UnknownNode
from tests.support.profiles import pair


class FakeLab:
    """Writes down what would be run; fails on the commands it is told to fail on."""

    def __init__(self, state: Path) -> None:
        self.profile = pair()
        self.paths = LabPaths(state=state)
        self.done: list[str] = []
        self.failing: set[str] = set()
        self.powers = dict.fromkeys(self.profile.nodes, Power.ON)

    def node(self, name: str) -> SimpleNamespace:
        if name not in self.powers:
            raise UnknownNode(name, "")
        return SimpleNamespace(
            node=self.profile.nodes[name],
            power=lambda: self.powers[name],
            cut_power=lambda: self.powers.update({name: Power.OFF}),
            freeze=lambda frozen: self.powers.update({name: Power.FROZEN if frozen else Power.ON}),
        )

    def must(self, node: str, argv: Sequence[str], *, stdin: str = "") -> str:
        line = " ".join([node, *argv])
        self.done.append(line)
        if line in self.failing:
            raise ToolFailed(line, "")
        return ""

    def power_on(self, name: str) -> None:
        self.powers[name] = Power.ON
        apply.forget_powered_up(self.paths, name)

    @property
    def noted(self) -> list[str]:
        return [fault.sentence for fault in apply.read(self.paths.active_faults)]


@pytest.fixture
def lab(tmp_path) -> FakeLab:
    return FakeLab(tmp_path)


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


MOUNTS = """\
/dev/vda / ext4 rw 0 0
/dev/loop0 /lab/nodes/iam-a/disk ext4 rw 0 0
overlay /lab/nodes/iam-a/root overlay rw 0 0
proc /lab/nodes/iam-a/root/proc proc rw 0 0
tmpfs /lab/nodes/iam-ab/with\\040space tmpfs rw 0 0
"""


def test_mounts_are_taken_away_from_the_inside_out_and_never_a_neighbours():
    below = mounts_below(Path("/lab/nodes/iam-a"), MOUNTS)
    assert [str(point) for point in below] == [
        "/lab/nodes/iam-a/root/proc",
        "/lab/nodes/iam-a/root",
        "/lab/nodes/iam-a/disk",
    ]
    assert mounts_below(Path("/lab/nodes/iam-ab"), MOUNTS) == (Path("/lab/nodes/iam-ab/with space"),)


def test_what_is_still_mounted_is_not_deleted(tmp_path, monkeypatch):
    tree = tmp_path / "tree"
    (tree / "proc").mkdir(parents=True)
    monkeypatch.setattr("iamops.lab.node._mounts", lambda: f"proc {tree}/proc proc rw 0 0\n")
    monkeypatch.setattr("iamops.lab.node.run", lambda argv: "")
    with pytest.raises(ToolFailed, match="still mounted"):
        delete(tree)
    assert tree.is_dir()
