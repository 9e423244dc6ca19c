"""A profile that is edited while a session lives: noticed, and never pushed as it was."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from iamops.model.events import SafetyReported
from iamops.model.facts import LockHolder, SafetyReport
from iamops.plan.action import ConfigPush, Switchover
from iamops.plan.config.change import NodeFilesChange
from iamops.session.cluster import Cluster
from iamops.session.operator import Operator, ProfileChanged
from iamops.session.profiles import ProfileOnDisk, asked_name, load_profile
from tests.support.cluster_states import NOW

SHIPPED = Path(__file__).parents[3] / "profiles" / "lab.yaml"
PUSH = ConfigPush(
    "20261124T120000Z-abcdef", ("config", "push"), {node: NodeFilesChange(node) for node in ("iam-a", "iam-b")}
)


@pytest.fixture
def profile_file(tmp_path: Path) -> Path:
    """The shipped profile with a password file of its own: no lab was ever built here."""
    password = tmp_path / "vrrp-auth"
    password.write_text("s3cr3t\n")
    password.chmod(0o600)
    path = tmp_path / "mine.yaml"
    path.write_text(SHIPPED.read_text().replace("/var/lib/iamops/lab/vrrp-auth", str(password)))
    return path


def edit(path: Path, was: str = "interval_s: 5", becomes: str = "interval_s: 6") -> None:
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, becomes, 1))
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))


def operator(path: Path, tmp_path: Path) -> Operator:
    profile = load_profile(str(path))
    # Its own name leads to the shipped profile, as IAMOPS_PROFILE=PATH does not.
    return Operator(
        Cluster(profile), profile_name=profile.name, ledger=tmp_path / "audit.jsonl", profile_file=path
    )


def test_an_edit_is_noticed_and_so_is_its_undoing(profile_file: Path):
    seen = ProfileOnDisk(profile_file, load_profile(str(profile_file)))
    assert seen.changed() == ""
    before = profile_file.read_text()
    edit(profile_file)
    assert seen.changed() == "mine.yaml was edited on disk"
    profile_file.write_text(before)
    os.utime(profile_file, ns=(1, 1))
    assert seen.changed() == ""


def test_a_file_that_was_only_touched_is_no_edit(profile_file: Path):
    seen = ProfileOnDisk(profile_file, load_profile(str(profile_file)))
    os.utime(profile_file, ns=(1, 1))
    assert seen.changed() == ""


def test_a_file_that_is_gone_or_not_valid_any_more_is_said(profile_file: Path):
    seen = ProfileOnDisk(profile_file, load_profile(str(profile_file)))
    profile_file.write_text("nodes: {}\n")
    assert "is not valid now" in seen.changed()
    profile_file.unlink()
    assert "cannot be read any more" in seen.changed()


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


def test_a_profile_is_asked_for_again_as_it_was_chosen(monkeypatch: pytest.MonkeyPatch):
    profile = load_profile(str(SHIPPED))
    assert asked_name("./mine.yaml", profile) == "./mine.yaml"
    assert asked_name(None, profile) == profile.name
    monkeypatch.setenv("IAMOPS_PROFILE", "/etc/iamops/mine.yaml")
    assert asked_name(None, profile) == "/etc/iamops/mine.yaml"


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
