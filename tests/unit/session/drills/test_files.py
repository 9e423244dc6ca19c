"""Where drills are found, and what is said when one is not there, not text or not right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from iamops.parse.drill.loader import DrillError
from iamops.session.drills.files import DrillNotFound, DrillUnreadable, available_drills, find_drill, load_drill

MINE = "name: {name}\ntitle: mine\nmethod:\n  - reload: nginx\n"
DOCS = Path(__file__).parents[4] / "docs" / "drills.md"
# What the documentation promises: the names in the first column of its first table.
TABLE = DOCS.read_text(encoding="utf-8").partition("| drill |")[2].partition("\n\n")[0]
BUNDLED = {name for row in TABLE.splitlines() for name in re.findall("`([a-z-]+)`", row[1:].partition("|")[0])}


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's own drills, none yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    directory = tmp_path / "iamops" / "drills"
    directory.mkdir(parents=True)
    return directory


@pytest.mark.usefixtures("own")
def test_every_built_in_drill_is_in_the_documentation_found_by_name_and_valid():
    assert set(available_drills()) == BUNDLED
    for name in BUNDLED:
        drill = load_drill(name, ("nginx", "keepalived", "iam-apiserver"))
        assert (drill.name, drill.source) == (name, name)


def test_the_users_own_drill_wins_by_name(own: Path):
    (own / "seed.yaml").write_text(MINE.format(name="seed"))
    (own / "other.yaml").write_text(MINE.format(name="other"))
    assert set(available_drills()) == {*BUNDLED, "other"}
    assert find_drill("seed") == own / "seed.yaml"
    assert load_drill("seed").title == "mine"


@pytest.mark.usefixtures("own")
def test_a_path_is_read_as_it_is(tmp_path: Path):
    path = tmp_path / "seed.yaml"
    path.write_text(MINE.format(name="seed"))
    drill = load_drill(str(path))
    assert (drill.title, drill.source) == ("mine", str(path))


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("kepalived-stop", "no drill named 'kepalived-stop'; did you mean 'keepalived-stop'?"),
        ("xyz", f"no drill named 'xyz'; known drills: {', '.join(sorted(BUNDLED))}"),
        ("", f"no drill named ''; known drills: {', '.join(sorted(BUNDLED))}"),
        ("nowhere.yaml", "no drill file at nowhere.yaml"),
        ("/nowhere/seed", "no drill file at /nowhere/seed"),
        ("~no-such-user/x.yaml", "no drill file at ~no-such-user/x.yaml: Could not determine home directory."),
    ],
)
def test_a_drill_that_is_not_there_is_told_with_what_there_is(asked: str, says: str):
    with pytest.raises(DrillNotFound) as caught:
        find_drill(asked)
    assert str(caught.value) == says


def test_a_directory_is_no_drill(tmp_path: Path):
    with pytest.raises(DrillNotFound):
        load_drill(f"{tmp_path}/")


def test_a_file_that_is_no_text_is_told_with_the_byte(tmp_path: Path):
    path = tmp_path / "d.yaml"
    path.write_bytes(b"name: \xff")
    with pytest.raises(DrillUnreadable) as caught:
        load_drill(str(path))
    assert str(caught.value) == f"{path}: not UTF-8 text (byte 6)"


def test_a_path_that_the_system_refuses_is_told_with_its_reason(tmp_path: Path):
    path = tmp_path / ("x" * 300)
    with pytest.raises(DrillUnreadable) as caught:
        load_drill(str(path))
    assert str(caught.value) == f"{path}: File name too long"


def test_problems_name_the_file_and_not_the_name_it_was_asked_by(own: Path):
    path = own / "mine.yaml"
    path.write_text("name: mine\ntitle: t\nmethod:\n  - relod: nginx\n")
    with pytest.raises(DrillError) as caught:
        load_drill("mine")
    assert str(caught.value) == f"{path}:4: method.0: expected one thing to do; did you mean reload?"


def test_a_unit_that_the_profile_lacks_is_a_problem():
    with pytest.raises(DrillError) as caught:
        load_drill("reload", ("keepalived",))
    assert "the profile has no unit 'nginx'" in str(caught.value)
