"""A push and a drained restart load nothing but what they bring: what else is not loaded refuses them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.config import ConfFile, ConfTree
from iamops.model.events import FilesExamined
from iamops.model.facts import UnitReport
from iamops.model.observed import Known
from iamops.model.running import Unloaded
from iamops.model.state import ClusterState
from iamops.plan.action import Action, ConfigPush, Drain, DrainedRestart
from iamops.plan.build import plan_for
from iamops.plan.config.change import FileChange, NodeFilesChange, node_change
from iamops.plan.denial import Denial, GuardContext
from iamops.render.nodefiles import NodeFile
from tests.support.cluster_states import NOW, fed, files, healthy
from tests.support.profiles import pair

AT, MAIN, API = NOW + 1, "/etc/nginx/nginx.conf", "/etc/nginx/conf.d/iam-apiserver.conf"
STRAY, VRRP = "/etc/nginx/conf.d/00-stray.conf", "/etc/keepalived/keepalived.conf"


def change(node: str, path: str = MAIN) -> NodeFilesChange:
    return NodeFilesChange(node, (FileChange(path, "old\n", "new\n"),), {path: "1" * 64}, frozenset({path, API}))


def push(path: str = MAIN) -> ConfigPush:
    return ConfigPush("20261128T120000Z-abcdef", ("config", "push"), {n: change(n, path) for n in pair().nodes})


def drained() -> DrainedRestart:
    drains = (Drain("iam-a", "10.0.4.20:8080"),)
    each = {node: {n: change(n) for n in pair().nodes} for node in pair().nodes}
    return DrainedRestart("iam-apiserver", "iam-apiserver", "push", each, dict.fromkeys(each, drains))


def asked(action: Action, unit: str = "nginx", **unloaded: tuple[str, ...]) -> tuple[Denial, ...]:
    report = replace(files(pair(), "iam-a"), unloaded={unit: Unloaded(**unloaded)})
    state: ClusterState = fed(healthy(), [FilesExamined(NOW, "iam-a", report)])
    nodes = {
        name: replace(node, units=dict.fromkeys(node.units, Known(UnitReport("active", "running", 0, 4000), NOW)))
        for name, node in state.nodes.items()
    }
    state = replace(state, nodes=nodes)
    plan = plan_for(action, state, AT)
    return tuple(each for each in denials(GuardContext(plan, state, AT)) if each.code == "unloaded-changes")


@pytest.mark.parametrize("action", [push(), drained()], ids=lambda a: type(a).__name__)
def test_a_file_that_nobody_brought_and_nginx_has_not_loaded_is_refused(action: Action):
    (said,) = asked(action, files=(STRAY, MAIN, API))
    assert (said.node, said.overridable) == ("iam-a", True)
    assert said.reason == (
        "nginx on iam-a would load files that this does not replace, and that it may not have loaded: "
        f"{STRAY}; remove them, or load them first"
    )


@pytest.mark.parametrize("action", [push(), drained()], ids=lambda a: type(a).__name__)
def test_files_that_it_replaces_or_finds_as_it_wants_them_do_not_count(action: Action):
    assert asked(action, files=(MAIN, API), conflicts=("iam.api would be answered by nobody",)) == ()


def test_a_daemon_that_a_push_leaves_alone_may_have_anything_to_load():
    assert asked(push(), "keepalived", files=("/etc/keepalived/stray.conf",)) == ()
    (said,) = asked(push(VRRP), "keepalived", files=("/etc/keepalived/stray.conf", VRRP))
    assert said.reason.startswith("keepalived on iam-a would load files that this does not replace")


def test_a_push_knows_which_files_are_as_it_wants_them():
    live = {path: ConfFile(path, text) for path, text in ((MAIN, "old"), (API, "same"), (STRAY, "by hand"))}
    found = node_change(ConfTree("iam-a", live), (NodeFile(MAIN, "new"), NodeFile(API, "same")))
    assert found.settled == {MAIN, API}
    back = node_change(ConfTree("iam-a", live), (NodeFile(MAIN, "new"),), exact=True)
    assert back.settled == {MAIN, API, STRAY}
