"""What an operator is shown and may do with a profile that has changed on disk, and after a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from iamops.model.events import SafetyReported
from iamops.model.facts import LockHolder, SafetyReport
from iamops.plan.action import ConfigPush, Switchover
from iamops.plan.config.change import NodeFilesChange
from iamops.session.cluster import Cluster
from iamops.session.operator import Operator, ProfileChanged
from iamops.session.profiles import load_profile
from tests.support.cluster_states import NOW
from tests.support.profile_file import edit

PUSH = ConfigPush(
    "20261124T120000Z-abcdef", ("config", "push"), {node: NodeFilesChange(node) for node in ("iam-a", "iam-b")}
)


def operator(path: Path, tmp_path: Path) -> Operator:
    profile = load_profile(str(path))
    # Its own name leads to the shipped profile, as IAMOPS_PROFILE=PATH does not.
    return Operator(
        Cluster(profile), profile_name=profile.name, ledger=tmp_path / "audit.jsonl", profile_file=path
    )


async def test_a_stale_profile_is_not_pushed_and_no_plan_of_a_push_is_offered(profile_file: Path, tmp_path: Path):
    acting = operator(profile_file, tmp_path)
    edit(profile_file)
    with pytest.raises(ProfileChanged, match=r"mine\.yaml was edited on disk: start iamops again"):
        await acting.push_action()
    _, denied = acting.consider(acting.order(PUSH))
    assert "profile-changed" in [denial.code for denial in denied]
    _, denied = acting.consider(acting.order(Switchover()))
    assert "profile-changed" not in [denial.code for denial in denied]


async def test_the_config_view_says_that_it_compares_with_an_older_profile(profile_file: Path, tmp_path: Path):
    acting = operator(profile_file, tmp_path)
    edit(profile_file)
    assert "start iamops again" in (await acting.config()).problem


async def test_when_a_run_is_over_its_lock_is_looked_for_until_it_is_gone(
    profile_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("iamops.session.operator.FREE_LOOK_S", 0.0)
    acting = operator(profile_file, tmp_path)
    cluster = acting._cluster
    order = acting.order(Switchover())
    held = SafetyReport((), LockHolder("alice@laptop", "10.0.4.10", NOW, "switchover", order.run))
    answers = [held, held, replace(held, lock=None)]

    def look() -> None:
        cluster.store.apply(SafetyReported(cluster.now(), "iam-a", answers.pop(0)))

    monkeypatch.setattr(cluster, "refresh_locks", look)
    await acting.run(order, lambda report: None)
    assert acting._seeing_free is not None
    await acting._seeing_free
    assert answers == []
