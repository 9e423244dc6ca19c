"""What a node tells of armed undos and track files."""

from __future__ import annotations

from iamops.model.facts import SafetyReport
from iamops.parse.host import MOST_FILES, safety_report


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
