"""What is read of a directory of configuration files."""

from __future__ import annotations

from pathlib import Path

from iamops.session.config.directory import MAX_FILE, read_directory


def big(path: Path) -> None:
    path.write_bytes(b"#" * (MAX_FILE + 1))


def test_what_is_no_configuration_is_left_out_whatever_it_is(tmp_path: Path):
    nginx = tmp_path / "etc" / "nginx"
    nginx.mkdir(parents=True)
    (nginx / "nginx.conf").write_text("events { }")
    big(nginx / "addresses.dat")
    (nginx / "modules.conf").symlink_to("/usr/share/nothing.conf")
    assert set(read_directory(tmp_path).files) == {"/etc/nginx/nginx.conf"}
