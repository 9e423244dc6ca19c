"""An examination's own judgement: what was not read is unknown with a reason, and witnesses are compared."""

from __future__ import annotations

from iamops.model.config import ConfFile, ConfTree
from iamops.model.events import AddressChanged, VrrpReported
from iamops.model.facts import VrrpReport, VrrpState
from iamops.model.inspection import NodeInspection
from iamops.model.observed import Known, Unknown
from iamops.render.nodefiles import NodeFile
from iamops.session.triage.inspect import InspectionResult
from iamops.session.triage.triage import _compared, _witnesses_agree
from tests.support.cluster_states import NOW, VIP, fed, healthy
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


def test_files_are_compared_only_where_they_were_read_and_can_be_rendered():
    assert _compared("iam-a", gathered()).value.differing == ()
    assert _compared("iam-a", gathered("events {}\n")).value.differing == (PATH,)
    assert isinstance(_compared("iam-b", gathered()), Unknown)
    without = gathered()
    without.rendered, without.unrendered = None, "the profile cannot be rendered: no secret"
    assert _compared("iam-a", without).reason == "the profile cannot be rendered: no secret"


def test_no_tree_at_all_is_no_clean_bill():
    assert InspectionResult().lint(pair(), NOW).reason == "no node's files could be read"


def test_witnesses_that_disagree_are_looked_at_twice():
    assert _witnesses_agree(healthy(), NOW + 1)
    gone = AddressChanged(NOW, "iam-a", VIP, present=False)
    assert not _witnesses_agree(fed(healthy(), [gone]), NOW + 1)
    two = VrrpReported(NOW, "iam-b", "VI_1", VrrpReport(VrrpState.MASTER, "json"))
    assert not _witnesses_agree(fed(healthy(), [two]), NOW + 1)
