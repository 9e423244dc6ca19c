"""The base image: its name, its build, its cache."""

from __future__ import annotations

import pytest

from iamops.lab import image


@pytest.mark.parametrize(
    ("release", "suite"),
    [
        ('ID=debian\nVERSION_CODENAME=trixie\nPRETTY_NAME="Debian GNU/Linux 13"', "trixie"),
        ('ID="debian"\nVERSION_CODENAME="bookworm"', "bookworm"),
        ("ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble", "bookworm"),
        ("ID=debian\n", "bookworm"),
        ("", "bookworm"),
    ],
)
def test_the_suite_is_the_hosts_own_where_the_host_is_debian(release, suite):
    assert image.host_suite(release) == suite


def test_the_image_is_named_after_all_that_decides_its_content(monkeypatch):
    before = image.image_name("bookworm")
    assert before == image.image_name("bookworm")
    assert image.image_name("trixie") != before
    for name, value in (("PACKAGES", ("dbus",)), ("SETUP", ()), ("CONFIGS", {}), ("RECIPE_VERSION", "0")):
        with monkeypatch.context() as patch:
            patch.setattr(image, name, value)
            assert image.image_name("bookworm") != before


def test_the_build_names_no_mirror(tmp_path):
    assert not [word for word in image.build_command("bookworm", tmp_path) if "://" in word]


def test_an_image_in_the_cache_is_not_built_again(tmp_path, monkeypatch):
    monkeypatch.setattr(image, "_build", lambda _: pytest.fail("built"))
    image.current(tmp_path).mkdir()
    assert image.ensure(tmp_path, print) == image.current(tmp_path)


def test_a_failed_build_leaves_no_image_and_shows_its_last_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(image, "build_command", lambda *_: ("sh", "-c", "echo E: no such suite >&2; exit 25"))
    with pytest.raises(image.ImageFailed, match="no such suite"):
        image.ensure(tmp_path, lambda _: None)
    assert {path.name for path in tmp_path.iterdir()} == {"build.log", "lock"}
