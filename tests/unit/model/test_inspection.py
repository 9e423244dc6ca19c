"""What an inspection found of a node: each part with its time, or the reason why there is none."""

from __future__ import annotations

from dataclasses import fields, replace

from iamops.model.inspection import NodeInspection
from iamops.model.observed import Known, Unknown


def test_of_a_node_that_could_not_be_asked_every_part_has_the_reason():
    blind = NodeInspection.blind("iam-a", "no route")
    assert {getattr(blind, each.name) for each in fields(blind)} == {"iam-a", Unknown("no route")}
    assert not blind.any


def test_one_part_that_was_read_is_something():
    assert replace(NodeInspection.blind("iam-a", "no route"), macs=Known({}, 1.0)).any
