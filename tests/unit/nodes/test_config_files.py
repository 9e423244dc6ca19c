"""What a node tells of its files and of when they were read, by its real shell and find."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from console.nodes.config_files import loaded_times, read_hosts, read_listing, read_named
from console.nodes.fake import Run, ScriptedTransport
from console.nodes.transport import CommandResult


class Here:
    """Runs commands on this machine."""

    node = "here"

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, timeout=timeout_s, check=False)
        return CommandResult(tuple(argv), done.returncode, done.stdout, done.stderr)


def site(root: Path) -> Path:
    (root / "sites-available").mkdir(parents=True)
    (root / "sites-enabled").mkdir()
    (root / "sites-available" / "iam").write_text("server {}\n")
    link = root / "sites-enabled" / "iam"
    link.symlink_to("../sites-available/iam")
    return link


async def test_a_file_with_an_old_time_of_writing_has_the_time_at_which_it_came(tmp_path):
    link = site(tmp_path / "nginx")
    os.utime(link, (1000, 1000))
    found = await read_listing(Here(), [str(tmp_path / "nginx"), str(tmp_path / "none")])
    assert found.files[str(link)] == pytest.approx(link.stat().st_ctime, abs=0.001)
    assert found.links.keys() == {str(link)}
    assert found.listed == found.directories.keys()
    assert len(found.listed) == 3


async def test_a_directory_that_was_not_entered_is_not_listed(tmp_path):
    link = site(tmp_path / "nginx")
    found = await read_listing(Here(), [str(tmp_path / "nginx")], depth=1)
    assert str(link) not in found.files
    assert found.listed == {str(tmp_path / "nginx")}
    assert str(link.parent) in found.directories


async def test_a_listing_that_was_cut_off_lists_nothing_whole(tmp_path, monkeypatch):
    site(tmp_path / "nginx")
    monkeypatch.setattr("console.parse.config_listing.AT_MOST", 3)
    assert (await read_listing(Here(), [str(tmp_path / "nginx")])).listed == frozenset()


async def test_files_are_read_by_name_and_what_is_not_there_is_left_out(tmp_path):
    link = site(tmp_path / "a directory")
    found = await read_named(Here(), [str(link), str(tmp_path / "none")])
    assert {path: file.content for path, file in found.files.items()} == {str(link): "server {}\n"}
    assert (await read_named(Here(), [str(tmp_path / "none")])).files == {}


async def test_the_first_line_of_etc_hosts_that_has_a_name_gives_its_address():
    text = b"10.0.4.20 iam-a a  # the first\n# 10.0.4.9 b\n10.0.4.7 a\n\n"
    scripted = ScriptedTransport("iam-a", Run(("cat", "/etc/hosts"), text))
    assert await read_hosts(scripted) == {"iam-a": "10.0.4.20", "a": "10.0.4.20"}


def told(unit: str, monotonic_s: float, *, wall: str = "", worker: str = "") -> str:
    told = f"Id={unit}.service ActiveState=active MainPID=7 StateChangeTimestampMonotonic={monotonic_s * 1e6:.0f}"
    return f"now 10000.0 500.0\n{told} wall={wall} worker={worker}\n"


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (told("keepalived", 400.0), 9900.0),
        (told("keepalived", 400.0, wall="9899"), 9900.0),
        # The clock was set forward by an hour since: files that were changed before that have its old time.
        (told("keepalived", 400.0, wall="6300"), 6300.0),
        # nginx refused its last files: its workers are those of the load before.
        (told("nginx", 400.0, wall="9900", worker="300"), 9700.0),
        (told("nginx", 400.0, wall="9900"), 9900.0),
    ],
)
def test_when_a_unit_read_its_files(line: str, at: float):
    assert list(loaded_times(line, "nginx").at.values()) == [at]


def test_a_unit_that_is_stopped_is_told_from_one_of_which_nothing_is_known():
    head, keepalived = "now 10000.0 500.0\n", "keepalived.service MainPID=0 StateChangeTimestampMonotonic=0"
    for state, stopped in (
        ("inactive", True),
        ("failed", True),
        ("activating", True),
        ("deactivating", False),
        ("", False),
    ):
        found = loaded_times(f"{head}Id={keepalived} ActiveState={state} wall= worker=\n", "nginx")
        assert found.at == {}
        assert found.stopped == (frozenset({"keepalived"}) if stopped else frozenset()), state
    assert loaded_times("", "nginx").stopped == frozenset()
