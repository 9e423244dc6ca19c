"""Why a unit does not start: from what one look at its journal, its log and systemd has printed."""

from __future__ import annotations

from iamops.plan.start_failure import JOURNAL_LINES, JOURNAL_LINES_STANDING, LOG_BYTES, StartFailureQuery

QUERY = StartFailureQuery("iam-b", "iam-apiserver", 11.2, log="/var/log/iam/apiserver.log")
FIELDS = "ActiveState=activating\nSubState=auto-restart\nNRestarts=3\nExecMainCode=1\nExecMainStatus=1\n"


def printed(log: str = "", journal: str = "") -> str:
    return f"{FIELDS}==log\n{log}\n==journal\n{journal}"


def test_the_look_asks_for_the_seconds_since_and_for_so_many_lines_and_bytes():
    assert QUERY.argv[:2] == ("sh", "-c")
    assert QUERY.argv[4:] == (
        "iam-apiserver.service",
        "12",
        str(JOURNAL_LINES),
        str(LOG_BYTES),
        "/var/log/iam/apiserver.log",
    )
    standing = StartFailureQuery("iam-b", "iam-apiserver", 11.2, standing=True)
    assert standing.argv[6] == str(JOURNAL_LINES_STANDING)


def test_a_unit_that_does_not_start_is_told_with_its_exits_and_its_own_line():
    journal = "3.0 iam-apiserver[8]: 2026-03-05 14:07:09.1 \\t ERROR \\t x.go:9 \\t no mariadb\n"
    said = QUERY.reason(printed(journal=journal))
    assert said.startswith("iam-apiserver does not start: exit 1, 3 times in 11 s: ")
    assert said.endswith("no mariadb")


def test_where_the_journal_is_silent_its_log_tells():
    assert QUERY.output(printed(log="ERROR cannot bind port 8080")).line == "cannot bind port 8080"


def test_a_log_that_was_cut_does_not_begin_with_half_a_line():
    half = "ERROR half of a line " + "x" * LOG_BYTES
    assert QUERY.output(printed(log=f"{half}\nERROR cannot bind port 8080")).line == "cannot bind port 8080"


def test_of_a_unit_of_which_nothing_is_known_nothing_is_said():
    assert QUERY.reason("") == ""


def test_no_secret_of_its_line_is_told():
    said = QUERY.reason(
        printed(journal="3.0 iam-apiserver[8]: ERROR redis://iam:s3cr3tWord9@10.0.4.20/0 refused\n")
    )
    assert "refused" in said
    assert "s3cr3tWord9" not in said
