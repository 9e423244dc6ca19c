"""The bundle as a file: what it refuses, how it is written, and what a dead node costs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from iamops.ledger.audit import Audit
from iamops.nodes.transport import ConnectTimeout
from iamops.session.bundle.archive import BundleRefused
from tests.support.bundles import FakeNode, bundled, files_of, opened
from tests.support.profiles import pair


def manifest_of(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files_of(path)["manifest.json"])
    return document


@pytest.mark.parametrize("name", ["b.tar.zst", "b.tar.gz", "b.tgz"])
async def test_the_manifest_comes_first_and_names_every_other_file(tmp_path: Path, name: str):
    report = await bundled(tmp_path / name)
    members = list(files_of(tmp_path / name))
    manifest = manifest_of(tmp_path / name)
    assert members[0] == "manifest.json"
    assert [each["path"] for each in manifest["files"]] == members[1:]
    assert report.files == len(members)
    assert report.bytes == (tmp_path / name).stat().st_size
    assert manifest["schema"] == "iamops.bundle/1"
    assert (manifest["profile"], manifest["at"]) == ("lab", "2026-11-25T09:46:40.000Z")
    assert {"triage.json", "triage.md", "local/versions.json", "nodes/iam-b/logs/access.log"} <= set(members)


async def test_only_its_owner_may_read_it_and_its_members_are_plain_files(tmp_path: Path):
    await bundled(tmp_path / "b.tar.zst")
    assert (tmp_path / "b.tar.zst").stat().st_mode & 0o777 == 0o600
    with opened(tmp_path / "b.tar.zst") as tar:
        for member in tar:
            assert member.isreg()
            assert (member.uid, member.gid, member.uname, member.mode) == (0, 0, "", 0o600)
    assert [each.name for each in tmp_path.iterdir()] == ["b.tar.zst"]


@pytest.mark.parametrize("suffix", [".tar.zst", ".tar.gz"])
async def test_the_same_evidence_makes_the_same_bytes(tmp_path: Path, suffix: str):
    for name in ("one", "two"):
        await bundled(tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


async def test_a_file_that_appears_while_we_collect_is_not_overwritten(tmp_path: Path):
    path = tmp_path / "b.tgz"

    class Meanwhile(FakeNode):
        async def close(self) -> None:
            path.write_text("somebody else's")

    nodes = {"iam-a": Meanwhile("iam-a"), "iam-b": FakeNode("iam-b")}
    with pytest.raises(BundleRefused, match="already there"):
        await bundled(path, nodes)
    assert path.read_text() == "somebody else's"
    assert [each.name for each in tmp_path.iterdir()] == ["b.tgz"]


async def test_a_dead_node_costs_its_own_files_only(tmp_path: Path):
    alive = FakeNode("iam-b")
    dead = ConnectTimeout("iam-a", "no answer within 5 s", "")
    report = await bundled(tmp_path / "b.tgz", {"iam-a": dead, "iam-b": alive})
    assert report.uncollected["nodes/iam-a"] == "no answer within 5 s"
    assert "nodes/iam-b/logs/access.log" in files_of(tmp_path / "b.tgz")
    assert alive.closed
    [missing] = [each for each in manifest_of(tmp_path / "b.tgz")["uncollected"] if each["node"] == "iam-a"]
    assert missing == {"what": "nodes/iam-a", "node": "iam-a", "source": "ssh", "reason": "no answer within 5 s"}


async def test_a_node_that_never_answers_is_given_up_in_time(tmp_path: Path):
    nodes = {"iam-a": None, "iam-b": FakeNode("iam-b")}
    async with asyncio.timeout(5):
        report = await bundled(tmp_path / "b.tgz", nodes, timeout_s=0.3)
    assert "no connection within" in report.uncollected["nodes/iam-a"]
    assert "nodes/iam-b/logs/access.log" in files_of(tmp_path / "b.tgz")


async def test_names_from_a_node_stay_below_their_own_directory(tmp_path: Path):
    files = {"etc/iam/../../../../root/x": b"1", "etc/iam/a\x1b[2Jb": b"2", "etc/iam/token=abcdefgh": b"3"}
    nodes = {"iam-a": FakeNode("iam-a", files=files), "iam-b": FakeNode("iam-b")}
    await bundled(tmp_path / "b.tgz", nodes)
    found = [name for name in files_of(tmp_path / "b.tgz") if name.startswith("nodes/iam-a/config")]
    assert found == [
        "nodes/iam-a/config/etc/iam/root/x",
        "nodes/iam-a/config/etc/iam/a_[2Jb",
        "nodes/iam-a/config/etc/iam/token_[redacted token]",
    ]


async def test_two_files_of_one_name_are_both_kept(tmp_path: Path):
    files = {"etc/iam/a?": b"one\n", "etc/iam/a*": b"two\n"}
    await bundled(tmp_path / "b.tgz", {"iam-a": FakeNode("iam-a", files=files), "iam-b": FakeNode("iam-b")})
    found = files_of(tmp_path / "b.tgz")
    kept = {found[f"nodes/iam-a/config/etc/iam/{name}"] for name in ("a_", "a_.2")}
    assert kept == {b"one\n", b"two\n"}


async def test_the_whole_is_no_larger_than_its_limit_and_says_what_was_cut(tmp_path: Path):
    log = b"".join(b"line %d password=abc\n" % number for number in range(2000))
    nodes = {name: FakeNode(name, says=log) for name in ("iam-a", "iam-b")}
    await bundled(tmp_path / "b.tgz", nodes, limit_bytes=100_000)
    files, manifest = files_of(tmp_path / "b.tgz"), manifest_of(tmp_path / "b.tgz")
    cut = next(each for each in manifest["files"] if each["path"] == "nodes/iam-a/logs/access.log")
    content = files[cut["path"]]
    assert (cut["truncated"], cut["kept"]) == (True, "end")
    assert content.endswith(b"line 1999 password=[redacted password]\n")
    lines = content.count(b"\n")
    [named] = cut["redactions"]
    assert (named["count"], named["lines"]) == (lines, list(range(1, lines + 1)))
    assert sum(len(each) for name, each in files.items() if name != "manifest.json") <= 100_000


async def test_secrets_of_this_side_are_taken_out_and_named(tmp_path: Path):
    Audit(tmp_path / "audit.jsonl").append("intent", {"reason": "retry with token=abcdefgh12"})
    report = await bundled(tmp_path / "b.tgz", status={"note": "mysql://iam:hunter22@10.0.4.20/iam"})
    files = files_of(tmp_path / "b.tgz")
    assert not [name for name, content in files.items() if b"abcdefgh12" in content or b"hunter22" in content]
    entries = {each["path"]: each["redactions"] for each in manifest_of(tmp_path / "b.tgz")["files"]}
    assert entries["local/audit.jsonl"] == [{"kind": "token", "count": 1, "lines": [1]}]
    assert entries["status.json"] == [{"kind": "url_password", "count": 1, "lines": [2]}]
    assert report.redactions == {"token": 1, "url_password": 1}


async def test_a_password_of_the_configuration_is_found_where_nothing_gives_it_away(tmp_path: Path):
    files = {"etc/iam/iam.yaml": b"password: s3cretpw9\n"}
    nodes = {"iam-a": FakeNode("iam-a", b"retried with s3cretpw9\n", files), "iam-b": FakeNode("iam-b")}
    await bundled(tmp_path / "b.tgz", nodes)
    found = files_of(tmp_path / "b.tgz")
    assert found["nodes/iam-a/logs/access.log"] == b"retried with [redacted known]\n"


async def test_the_profiles_own_password_is_found_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VRRP_PASSWORD", "pa/ss w0rd-long")
    instance = {"virtual_router_id": 51, "vip": "10.0.4.99", "auth": {"type": "PASS", "from_env": "VRRP_PASSWORD"}}
    said = b"got pa/ss w0 and pa%2Fss%20w0rd-long and cGEvc3MgdzByZC1sb25n\n"
    nodes = {"iam-a": FakeNode("iam-a", said), "iam-b": FakeNode("iam-b")}
    await bundled(tmp_path / "b.tgz", nodes, profile=pair(vrrp={"VI_1": instance}))
    found = files_of(tmp_path / "b.tgz")["nodes/iam-a/logs/access.log"]
    assert found == b"got [redacted known] and [redacted known] and [redacted base64]\n"


async def test_a_password_that_cannot_be_had_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("VRRP_PASSWORD", raising=False)
    instance = {"virtual_router_id": 51, "vip": "10.0.4.99", "auth": {"type": "PASS", "from_env": "VRRP_PASSWORD"}}
    report = await bundled(tmp_path / "b.tgz", profile=pair(vrrp={"VI_1": instance}))
    assert "set VRRP_PASSWORD" in report.uncollected["the VRRP passwords to look for"]
