"""`iamops drill` as a command line: what it refuses before it looks at any node."""

from __future__ import annotations

import pytest

from tests.support.command_line import iamops, refused

RUN = ("--profile", "lab", "drill", "run")


@pytest.mark.parametrize("form", ["--json", "--junit", "--markdown"])
def test_one_report_is_of_one_drill(form: str, capsys: pytest.CaptureFixture[str]):
    assert "run one drill at a time" in refused(capsys, *RUN, "reload", "switchover", form, "-")


def test_a_drill_that_is_not_there_is_told_before_the_first_one_is_run(capsys: pytest.CaptureFixture[str]):
    assert "nosuch" in refused(capsys, *RUN, "reload", "nosuch", "--yes")


@pytest.mark.parametrize("value", ["-1", "60001", "nan", "x"])
def test_an_allowance_is_a_number_of_milliseconds_within_a_minute(value: str, capsys: pytest.CaptureFixture[str]):
    assert "--allowance-ms" in refused(capsys, *RUN, "reload", f"--allowance-ms={value}")


def test_a_drill_that_nobody_can_agree_to_is_refused():
    done = iamops("drill", "run", "reload")
    assert done.returncode == 3
    assert "not-confirmed" in done.stderr
