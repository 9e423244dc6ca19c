"""A triage: files compared, witnesses looked at twice, and all of it within its time."""

from __future__ import annotations

from iamops.model.config import ConfFile, ConfTree
from iamops.model.events import AddressChanged, VrrpReported
from iamops.model.facts import VrrpReport, VrrpState
from iamops.model.observed import Known, Unknown
from iamops.render.nodefiles import NodeFile
from iamops.session.triage.inspect import InspectionResult
from iamops.session.triage.triage import _compared, _witnesses_agree
from tests.support.cluster_states import NOW, VIP, fed, healthy

PATH = "/etc/nginx/nginx.conf"


def gathered(content: str = "events { }\n") -> InspectionResult:
    found = InspectionResult(rendered={"iam-a": (NodeFile(PATH, "events { }\n"),), "iam-b": ()})
    tree = ConfTree("iam-a", {PATH: ConfFile(PATH, content, 0o644, "root", "root")})
    found.trees["iam-a"] = Known(tree, NOW)
    return found


def test_files_are_compared_only_where_they_were_read_and_can_be_rendered():
    assert _compared("iam-a", gathered()).value.differing == ()
    assert _compared("iam-a", gathered("events {}\n")).value.differing == (PATH,)
    assert isinstance(_compared("iam-b", gathered()), Unknown)
    without = gathered()
    without.rendered, without.unrendered = None, "the profile cannot be rendered: no secret"
    assert _compared("iam-a", without).reason == "the profile cannot be rendered: no secret"


def test_witnesses_that_disagree_are_looked_at_twice():
    assert _witnesses_agree(healthy(), NOW + 1)
    gone = AddressChanged(NOW, "iam-a", VIP, present=False)
    assert not _witnesses_agree(fed(healthy(), [gone]), NOW + 1)
    two = VrrpReported(NOW, "iam-b", "VI_1", VrrpReport(VrrpState.MASTER, "json"))
    assert not _witnesses_agree(fed(healthy(), [two]), NOW + 1)
