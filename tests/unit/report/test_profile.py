"""A profile as it is shown: what each service needs."""

from __future__ import annotations

from iamops.cli.main import main


def test_profile_show_says_what_is_needed(capsys):
    assert main(["--profile", "lab", "profile", "show"]) == 0
    assert "    needs:\n    - iam-apiserver:8081\n    - redis\n" in capsys.readouterr().out
