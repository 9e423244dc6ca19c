"""The small reads of a machine: what cannot be read is none, and a flood holds up nobody."""

from __future__ import annotations

import subprocess

import pytest

from iamops.model.facts import SafetyReport
from iamops.parse import host
from iamops.parse.host import MOST_FILES, AddressLine, monitor_line, safety_report, script, sections


@pytest.mark.parametrize("text", ["", "garbage", "MemTotal: x kB", "\x00"])
def test_facts_that_cannot_be_read_are_none(text):
    assert host.load1(text) is None
    assert host.memory_used_pct(text) is None
    assert host.disk_used_pct(text) is None
    assert host.epoch_s(text) is None


def test_a_script_of_sections_runs_and_is_cut_apart_again():
    argv = script({"one": ("printf", "a\nb"), "none": ("true",), "bad": ("sh", "-c", "echo no >&2; exit 3")})
    parts = sections(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    assert (parts["one"].text, parts["one"].ok) == ("a\nb", True)
    assert (parts["none"].text, parts["none"].ok) == ("", True)
    assert (parts["bad"].text, parts["bad"].exit_status) == ("no\n", 3)


def test_a_section_that_was_cut_off_is_left_out():
    assert sections("\n==iamops begin one==\nhalf of it") == {}


def test_other_lines_are_none_and_a_broken_stamp_is_no_stamp():
    assert monitor_line("") is None
    assert monitor_line("[2026-11-23T13:45:45] 3: eth0: <UP> mtu 1500") is None
    line = monitor_line("[yesterday] 3: eth0    inet 10.0.4.99/32 scope global eth0")
    assert line == AddressLine("eth0", "10.0.4.99", True, None)


def test_names_are_told_without_what_all_of_them_share():
    report = safety_report("/run/systemd/transient/iamops-dead-man-nginx.timer", "", "/run/iamops-priority.VI_1")
    assert (report.dead_men, report.track_files) == (("nginx",), ("VI_1",))


def test_a_flood_of_them_is_counted_and_does_not_hold_up_the_reader():
    report = safety_report("\n".join(f"/run/iamops-dead-man-{n}.timer" for n in range(50_000)), "", "")
    assert len(report.dead_men) == MOST_FILES + 1
    assert report.dead_men[-1] == f"{50_000 - MOST_FILES} more"


def test_what_is_no_such_path_is_no_undo_and_no_track_file():
    words = "Welcome to iam-b\n/run/user/iamops-dead-man\n/etc/iamops-priority.VI_1\n"
    assert safety_report(words, "", words) == SafetyReport()
