"""`iamops profile`: what a newcomer does with their own cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from iamops.parse.profile.loader import parse_profile


@pytest.fixture
def iamops(tmp_path):
    """Runs the command with a configuration directory of its own."""

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "iamops", "profile", *argv]
        env = {key: value for key, value in os.environ.items() if not key.startswith(("IAMOPS_", "XDG_"))}
        env |= {"HOME": str(tmp_path)}
        return subprocess.run(command, capture_output=True, text=True, env=env, timeout=30, check=False)

    return run


def test_a_new_profile_is_valid_commented_and_carries_its_own_name(iamops, tmp_path):
    made = iamops("init", "mine")
    path = tmp_path / ".config/iamops/profiles/mine.yaml"
    assert made.returncode == 0
    assert made.stdout.strip() == str(path)
    assert "\nname: mine\n" in path.read_text()
    assert path.read_text().count("#") > 5
    checked = iamops("check")
    assert (checked.returncode, checked.stdout) == (0, f"{path}: ok\n")


def test_a_new_profile_is_for_its_owner_alone_for_it_may_hold_passwords_of_commands(iamops, tmp_path):
    old = os.umask(0)
    try:
        assert iamops("init", "mine").returncode == 0
    finally:
        os.umask(old)
    path = tmp_path / ".config/iamops/profiles/mine.yaml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert {each.stat().st_mode & 0o777 for each in (path.parent, path.parent.parent, tmp_path / ".config")} == {
        0o700
    }


def test_a_profile_is_never_overwritten_unasked(iamops, tmp_path):
    iamops("init", "mine")
    path = tmp_path / ".config/iamops/profiles/mine.yaml"
    path.write_text("precious")
    assert iamops("init", "mine").returncode == 2
    assert path.read_text() == "precious"
    assert iamops("init", "mine", "--force").returncode == 0


def test_without_a_name_a_profile_keeps_that_of_its_template(iamops, tmp_path):
    assert iamops("init").returncode == 0
    assert (tmp_path / ".config/iamops/profiles/iam-ha.yaml").exists()


@pytest.mark.parametrize("name", ["../../escaped", "/escaped", "..", "é", "-x", "a b"])
def test_a_name_cannot_lead_out_of_the_directory(iamops, tmp_path, name):
    result = iamops("init", "--", name)
    assert result.returncode == 2
    assert "no profile name" in result.stderr
    assert not list(tmp_path.rglob("escaped*"))


def test_check_prints_every_mistake_with_its_line_and_exits_2(iamops, tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("name: p\nenvironment: prod\n")
    result = iamops("check", str(path))
    assert result.returncode == 2
    assert f"{path}:2: environment: expected one of" in result.stdout
    document = json.loads(iamops("check", str(path), "--json").stdout)
    assert document["profiles"][0]["valid"] is False
    assert {"line", "key", "message"} == set(document["profiles"][0]["problems"][0])


def test_a_file_that_is_not_text_is_a_clear_error(iamops, tmp_path):
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xff\xfe\x00binary")
    result = iamops("check", str(path), "lab")
    assert result.returncode == 2
    assert f"{path}:1: not UTF-8 text" in result.stdout
    assert "lab.yaml: ok" in result.stdout, "the others are still checked"
    assert result.stderr == ""


def test_what_show_prints_is_a_profile_again(iamops):
    shown = iamops("show", "lab").stdout
    again = parse_profile(shown, "shown.yaml")
    assert again.nodes["iam-b"].priority == 50
    assert yaml.safe_load(shown)["vrrp"]["VI_1"]["auth"]["from_file"].startswith("/var/lib/iamops")


def test_sudoers_is_what_render_puts_on_the_node(iamops):
    result = iamops("sudoers", "iam-ha")
    assert result.returncode == 0
    assert "NOPASSWD: /usr/bin/systemctl kill" in result.stdout
