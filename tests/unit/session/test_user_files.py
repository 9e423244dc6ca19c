"""A profile, a drill or a template says what is run: none is taken that somebody else could have written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.parse.profile.loader import parse_profile
from iamops.render.templating import RenderError
from iamops.session.bundle.archive import BundleRefused, write_archive
from iamops.session.config.configurator import own_templates
from iamops.session.drills.files import DrillUnreadable, read_drill
from iamops.session.profiles import ProfileUnreadable, load_profile
from iamops.session.user_files import PACKAGE, InOthersHands, check_directory, own_text, shipped_dir

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "a" / "b"
    made.mkdir(parents=True)
    (made / "file").write_text("text")
    return made


def test_a_file_of_ones_own_is_read(place: Path):
    assert own_text(place / "file") == "text"
    (place / "link").symlink_to("../b/./file")
    assert own_text(place / "link") == "text"


def give(path: Path) -> None:
    os.chown(path, NOBODY, -1)


CHANGEABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "by anybody": (
        lambda place: (place / "file").chmod(0o646),
        "anybody can change {place}/file, and what it says",
    ),
    "where anybody can rename": (lambda place: place.chmod(0o757), "anybody can change {place}, "),
    "two directories up": (lambda place: place.parent.chmod(0o777), "anybody can change {place.parent}, "),
}
GIVEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "by its owner": (lambda place: give(place / "file"), "{place}/file belongs to nobody, who could change"),
    "by a directory's owner": (lambda place: give(place), "{place} belongs to nobody, who could change"),
    "by a group": (
        lambda place: (os.chown(place / "file", -1, 4), (place / "file").chmod(0o664)),
        "the group adm can change {place}/file",
    ),
    "by a group of a directory": (
        lambda place: (os.chown(place, -1, 4), place.chmod(0o2775)), "the group adm can change {place}, ",
    ),
    "behind a sticky directory that is somebody's": (
        lambda place: (place.chmod(0o1777), give(place)), "{place} belongs to nobody",
    ),
    "by who owns it in a sticky directory": (
        lambda place: (place.chmod(0o1777), give(place / "file")), "{place}/file belongs to nobody, ",
    ),
}  # fmt: skip


def refused(place: Path, change: Callable[[Path], object], said: str) -> None:
    change(place)
    for path in (place / "file", place / ".." / "b" / "file"):
        with pytest.raises(InOthersHands) as error:
            own_text(path)
        assert str(error.value).startswith(said.format(place=place))
        assert "chmod" in str(error.value) or "chown" in str(error.value)


@pytest.mark.parametrize("case", CHANGEABLE)
def test_what_others_could_change_is_refused_with_the_fix(place: Path, case: str):
    refused(place, *CHANGEABLE[case])


@as_root
@pytest.mark.parametrize("case", GIVEN)
def test_what_another_user_could_change_is_refused_with_the_fix(place: Path, case: str):
    refused(place, *GIVEN[case])


def test_a_link_on_the_way_is_asked_as_well(place: Path):
    """Who can put another link there decides what is read."""
    open_to_all = place.parent / "open"
    open_to_all.mkdir()
    (open_to_all / "link").symlink_to(place / "file")
    open_to_all.chmod(0o777)
    (place / "there").symlink_to(open_to_all / "link")
    with pytest.raises(InOthersHands, match=f"anybody can change {open_to_all}"):
        own_text(place / "there")


def test_ones_own_file_in_a_sticky_directory_is_read_as_in_tmp(place: Path):
    place.chmod(0o1777)
    assert own_text(place / "file") == "text"


@as_root
def test_under_sudo_the_caller_s_own_files_are_read(place: Path, monkeypatch: pytest.MonkeyPatch):
    give(place / "file")
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    assert own_text(place / "file") == "text"
    monkeypatch.setenv("SUDO_UID", "1000")
    with pytest.raises(InOthersHands):
        own_text(place / "file")


def test_a_fifo_a_device_and_a_file_without_end_are_not_waited_for(place: Path):
    os.mkfifo(place / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        own_text(place / "fifo")
    with pytest.raises((OSError, InOthersHands)):
        own_text(Path("/dev/zero"))
    with (place / "long").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(OSError, match="more than 1048576 bytes"):
        own_text(place / "long")


def test_a_circle_of_links_ends(place: Path):
    (place / "x").symlink_to("y")
    (place / "y").symlink_to("x")
    with pytest.raises(OSError, match="symbolic links"):
        own_text(place / "x")


def test_what_is_shipped_is_as_safe_as_the_program(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("iamops.session.user_files._trusted", lambda: frozenset({4711}))
    assert own_text(shipped_dir("profiles") / "lab.yaml")
    assert own_text(PACKAGE / "drills" / "seed.yaml")


def test_a_profile_a_drill_templates_and_a_bundle_ask_for_it(place: Path):
    shipped = shipped_dir("profiles") / "lab.yaml"
    shutil.copy(shipped, place / "p.yaml")
    templates = place / "templates"
    templates.mkdir()
    (templates / "nginx.conf.j2").write_text("x")
    profile = parse_profile(f"{shipped.read_text()}\ntemplates: {templates}\n", "p.yaml")
    assert load_profile(str(place / "p.yaml")).name == "lab"
    assert own_templates(profile) == {"nginx.conf.j2": "x"}
    place.chmod(0o777)
    with pytest.raises(ProfileUnreadable, match=r"anybody can change .* fix: chmod o-w"):
        load_profile(str(place / "p.yaml"))
    with pytest.raises(DrillUnreadable, match=r"anybody can change .* fix: chmod o-w"):
        read_drill(str(place / "file.yaml" if (place / "file").rename(place / "file.yaml") else ""))
    with pytest.raises(RenderError, match=r"anybody can change .* fix: chmod o-w .* \(the profile's templates\)"):
        own_templates(profile)
    with pytest.raises(BundleRefused, match=r"anybody can change .* or choose another place"):
        write_archive(place / "b.tar.gz", [], 0.0)
    place.chmod(0o1777)
    assert write_archive(place / "b.tar.gz", [], 0.0) > 0


def test_a_directory_for_a_file_of_ours_may_be_everybody_s_where_it_is_sticky(place: Path):
    place.chmod(0o1777)
    check_directory(place)
    place.chmod(0o777)
    with pytest.raises(InOthersHands):
        check_directory(place)


def test_a_template_that_is_no_text_file_is_named(tmp_path: Path):
    profile = parse_profile((shipped_dir("profiles") / "lab.yaml").read_text(), "lab.yaml")
    profile = profile.model_copy(update={"templates": str(tmp_path)})
    template = tmp_path / "nginx.conf.j2"
    template.write_bytes(b"user \xff;")
    with pytest.raises(RenderError, match=rf"{template}: not UTF-8 text \(byte 5\)"):
        own_templates(profile)
    template.unlink()
    template.mkdir()
    with pytest.raises(RenderError, match=f"{template}: not a regular file"):
        own_templates(profile)
