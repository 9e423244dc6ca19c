"""A node's configuration files and tests as they are asked for and read."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from iamops.judge.triage.diagnose import diagnose
from iamops.nodes.config import LOADED, daemon_checks, loaded_times, read_hosts, read_listing, read_named
from iamops.nodes.transport import ChannelRefused, CommandResult, TransportError
from iamops.parse.config_files import complaints
from tests.support.cluster_states import NOW
from tests.support.looks import B, node_look, view
from tests.support.transport import Run, ScriptedTransport


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
    monkeypatch.setattr("iamops.parse.config_files.AT_MOST", 3)
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


def told(unit: str, monotonic_s: float, *, wall: str = "", worker: str = "", main: str = "") -> str:
    """`main`: when the main process was born, in ticks; when systemd started it, awake; and by the wall."""
    born, started, main_wall = (*main.split(), "", "", "")[:3]
    told = f"Id={unit}.service ActiveState=active MainPID=7 StateChangeTimestampMonotonic={monotonic_s * 1e6:.0f}"
    told += f" ExecMainStartTimestampMonotonic={started} wall={wall} main={born} main_wall={main_wall}"
    return f"now 10000.0 500.0\n{told} worker={worker}\n"


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (told("keepalived", 400.0), 9900.0),
        (told("keepalived", 400.0, wall="9899"), 9900.0),
        # The clock was set forward by an hour since: files that were changed before that have its old time.
        (told("keepalived", 400.0, wall="6300"), 6300.0),
        (told("keepalived", 400.0, wall="6300.500000000"), 6300.5),
        # nginx refused its last files: its workers are those of the load before.
        (told("nginx", 400.0, wall="9900", worker="20000"), 9700.0),
        (told("nginx", 400.0, wall="9900"), 9900.0),
        # To the hundredth: a file that was written right after that was not loaded.
        (told("nginx", 400.0, wall="9900", worker="39905"), 9899.05),
    ],
)
def test_when_a_unit_read_its_files(line: str, at: float):
    assert list(loaded_times(line, "nginx").at.values()) == [at]


@pytest.mark.parametrize(
    ("line", "at"),
    [
        # It slept for 100 s before keepalived started, at 250 s awake and 350 s since it booted.
        (told("keepalived", 300.0, wall="9900", main="35000 250000000 9850"), 9900.0),
        (told("keepalived", 300.0, main="35000 250000000"), 9900.0),
        # It slept for 100 s after keepalived had started and before it was reloaded.
        (told("keepalived", 300.0, wall="9900.0", main="25000 250000000 9750.0"), 9900.0),
        (told("keepalived", 300.0, wall="9900", main="25000 250000000 9750"), 9899.0),
        # Both.
        (told("keepalived", 300.0, wall="9950.0", main="30000 250000000 9800.0"), 9950.0),
        # It slept after the reload: that is time since, by every clock but systemd's.
        (told("keepalived", 300.0, wall="9800", main="25000 250000000 9750"), 9800.0),
        # It never slept. The clock was an hour fast, and was set back since: files may have changed meanwhile.
        (told("keepalived", 300.0, wall="13400", main="25000 250000000 13350"), 9800.0),
        # Set forward between both, and it is right now: nothing is missing.
        (told("keepalived", 300.0, wall="9800", main="25000 250000000 6150"), 9800.0),
    ],
)
def test_a_machine_that_slept_is_told_from_one_whose_clock_was_set(line: str, at: float):
    assert list(loaded_times(line, "nginx").at.values()) == [at]


SYSTEMCTL = """#!/bin/sh
case "$*" in
  *--timestamp=us*) [ ! -e "$0.old" ] && echo "Sun 2026-11-29 10:00:00.250000 UTC" ;;
  *MainPID*--value*) echo {pid} ;;
  *--value*) echo "Sun 2026-11-29 10:00:00 UTC" ;;
  *) printf 'Id=nginx.service\\nActiveState=active\\nMainPID={pid}\\n' ;;
esac
"""


async def test_a_node_s_shell_tells_when_its_processes_were_born(tmp_path, monkeypatch):
    before = time.time()
    argv = ("sh", "-c", "sleep 60 & echo; wait")
    master = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert master.stdout is not None
        await master.stdout.readline()  # its worker is born
        systemctl = tmp_path / "systemctl"
        systemctl.write_text(SYSTEMCTL.format(pid=master.pid))
        systemctl.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        first, fields = await loaded_line()
        (tmp_path / "systemctl.old").touch()
        _, older = await loaded_line()
    finally:
        os.killpg(master.pid, signal.SIGKILL)
        await master.wait()
    assert (fields["wall"], fields["main_wall"], older["wall"]) == ("1795946400.250000000",) * 2 + ("1795946400",)
    assert int(fields["main"]) <= int(fields["worker"])
    now, uptime = float(first[1]), float(first[2])
    # /proc/uptime is read after the clock, by no more than what all of this took; and it counts in hundredths.
    took_s = time.time() - before
    assert before - took_s < now - uptime + int(fields["worker"]) / 100 < now + 0.01


async def loaded_line() -> tuple[list[str], dict[str, str]]:
    result = await Here().run(("sh", "-c", LOADED, "loaded", "nginx"), timeout_s=10)
    first, line = result.stdout.decode().splitlines()
    return first.split(), {word.partition("=")[0]: word.partition("=")[2] for word in line.split()}


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


NO_SESSION = ChannelRefused(B, "sshd opens no further session: open failed", "MaxSessions 10")


class Node:
    """Answers the test of a daemon with what is told for it."""

    node = B

    def __init__(self, **told: bytes | Exception) -> None:
        self._told = told

    async def run(self, argv: Sequence[str], **how: Any) -> CommandResult:
        told = self._told["nginx" if "/usr/sbin/nginx" in argv else "keepalived"]
        if isinstance(told, Exception):
            raise told
        return CommandResult(tuple(argv), 1 if told else 0, b"", told)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (NO_SESSION, "sshd opens no further session"),
        (b"sudo: a password is required\n", "nginx -t may not be run (sudo: a password is required)"),
    ],
)
async def test_a_test_that_could_not_be_asked_is_unknown_for_its_own_reason(told: bytes | Exception, why: str):
    checks = await daemon_checks(Node(nginx=told, keepalived=b""))  # type: ignore[arg-type]
    assert [(each.daemon, bool(each.unavailable), complaints(each)) for each in checks] == [
        ("nginx", True, ()),
        ("keepalived", False, ()),
    ]
    diagnosis = diagnose(view(b=node_look(B, checks=checks)), NOW + 2)
    (blind,) = (each for each in diagnosis.not_evaluated if each.code == "nginx-config-invalid")
    assert why in blind.because


async def test_where_none_could_be_asked_the_node_itself_is_the_reason():
    with pytest.raises(TransportError, match="no further session"):
        await daemon_checks(Node(nginx=NO_SESSION, keepalived=NO_SESSION))  # type: ignore[arg-type]
