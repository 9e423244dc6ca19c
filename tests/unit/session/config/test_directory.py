"""What is read of a directory of configuration files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.judge.lint.lint import lint
from iamops.session.config.directory import MAX_FILE, read_directory
from tests.support.command_line import refused


def big(path: Path) -> None:
    path.write_bytes(b"#" * (MAX_FILE + 1))


def test_what_is_no_configuration_is_left_out_whatever_it_is(tmp_path: Path):
    nginx = tmp_path / "etc" / "nginx"
    nginx.mkdir(parents=True)
    (nginx / "nginx.conf").write_text("events { }")
    big(nginx / "addresses.dat")
    (nginx / "modules.conf").symlink_to("/usr/share/nothing.conf")
    assert set(read_directory(tmp_path).files) == {"/etc/nginx/nginx.conf"}


@pytest.mark.parametrize(("made", "why"), [(big, "more than 1024 KiB"), (os.mkfifo, "not a regular file")])
@pytest.mark.parametrize("name", ["etc/nginx/nginx.conf", "nginx.conf"])
def test_a_configuration_that_cannot_be_read_is_not_told_as_missing(
    name: str, made: Callable[[Path], None], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    made(file)
    assert f"{file}: {why}" in refused(capsys, "--profile", "lab", "config", "lint", str(tmp_path))


def test_an_absolute_link_leads_to_a_file_of_the_same_node(tmp_path: Path):
    nginx = tmp_path / "etc" / "nginx"
    for name in ("sites-available", "sites-enabled"):
        (nginx / name).mkdir(parents=True)
    (nginx / "nginx.conf").write_text("events { }")
    (nginx / "sites-available" / "shop").write_text("server { }")
    (nginx / "sites-enabled" / "shop").symlink_to("/etc/nginx/sites-available/shop")
    (nginx / "sites-enabled" / "passwd").symlink_to("/etc/nginx/../../../../../../../../../etc/passwd")
    (nginx / "sites-enabled" / "turns").symlink_to("/etc/nginx/sites-enabled/turns")
    found = read_directory(tmp_path).files
    assert found["/etc/nginx/sites-enabled/shop"].content == "server { }"
    assert not {"/etc/nginx/sites-enabled/passwd", "/etc/nginx/sites-enabled/turns"} & found.keys()


def test_a_link_to_a_directory_is_followed_inside_of_the_tree_and_not_in_a_circle(tmp_path: Path):
    nginx = tmp_path / "a" / "etc" / "nginx"
    (nginx / "sites-available").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.conf").write_text("")
    (nginx / "nginx.conf").write_text("events { }")
    (nginx / "sites-available" / "shop").write_text("server { }")
    for name, target in (("on", "/etc/nginx/sites-available"), ("beside", "sites-available")):
        (nginx / name).symlink_to(target)
    (nginx / "sites-available" / "up").symlink_to("..")
    (nginx / "out").symlink_to("../../../elsewhere")
    found = read_directory(tmp_path / "a").files
    assert {path for path in found if "up" not in path} == {
        "/etc/nginx/nginx.conf",
        *(f"/etc/nginx/{name}/shop" for name in ("sites-available", "on", "beside")),
    }
    assert len(found) < 20


def test_a_link_to_what_is_not_in_the_directory_is_not_told_as_missing(tmp_path: Path):
    nginx = tmp_path / "etc" / "nginx"
    nginx.mkdir(parents=True)
    (nginx / "nginx.conf").write_text("events { }\nhttp {\n include tls.conf;\n include gone.conf;\n}\n")
    (nginx / "tls.conf").symlink_to("/opt/shared/tls.conf")
    findings = lint([read_directory(tmp_path)]).findings
    assert [(f.rule.code, f.hit.line) for f in findings if f.hit.line in (3, 4)] == [("N002", 4), ("L003", 3)]
