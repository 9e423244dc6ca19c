"""Inspecting the nodes: what was read in time is kept, the rest is unknown for one reason."""

from __future__ import annotations

from iamops.model.config import ConfFile, ConfTree
from iamops.model.inspection import NodeInspection
from iamops.model.observed import Known
from iamops.render.nodefiles import NodeFile
from iamops.session.triage.inspect import InspectionResult
from tests.support.cluster_states import NOW
from tests.support.profiles import pair

PATH = "/etc/nginx/nginx.conf"


def gathered(content: str = "events { }\n") -> InspectionResult:
    found = InspectionResult(rendered={"iam-a": (NodeFile(PATH, "events { }\n"),), "iam-b": ()})
    tree = ConfTree("iam-a", {PATH: ConfFile(PATH, content, 0o644, "root", "root")})
    found.trees["iam-a"] = Known(tree, NOW)
    return found


def test_what_is_missing_when_time_is_up_is_unknown_for_one_reason():
    found = gathered()
    found.give_up(("iam-a", "iam-b"), lambda node: f"{node} did not answer")
    assert found.looks["iam-b"].journal.reason == "iam-b did not answer"
    assert found.traffic["iam-b"].reason == "iam-b did not answer"
    assert found.unreadable == {"iam-b": "iam-b did not answer"}


def test_what_was_read_is_kept_when_time_is_up():
    found = gathered()
    own = NodeInspection("iam-a", macs=Known({"eth0": "02:00:0a:00:04:14"}, NOW))
    found.looks["iam-a"] = own
    found.give_up(("iam-a",), lambda _node: "late")
    assert found.looks["iam-a"] is own
    assert found.unreadable == {}


def test_no_tree_at_all_is_no_clean_bill():
    assert InspectionResult().lint(pair(), NOW).reason == "no node's files could be read"
