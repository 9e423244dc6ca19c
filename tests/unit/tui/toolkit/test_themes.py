"""Theme files: shipped, the user's own, and broken ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from iamops.session.user_files import shipped_dir, user_dir
from iamops.tui.toolkit.themes import (
    COLOURS,
    ThemeError,
    load_themes,
    parse_theme,
    preferences_path,
    remember,
    remembered,
)

GOOD = {"title": "Mine", "dark": True, "colours": dict.fromkeys(COLOURS, "#123456")}


def parse(**changes: object) -> None:
    parse_theme("mine", yaml.safe_dump({**GOOD, **changes}), "mine.yaml")


def test_a_dark_a_light_and_a_colour_blind_safe_theme_are_shipped() -> None:
    themes, problems = load_themes()
    assert {"dark", "light", "colour-blind"} <= set(themes)
    assert not problems
    assert not themes["light"].dark


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dark": "yes"}, "mine.yaml: dark: expected true or false, got 'yes'"),
        ({"colors": {}}, "mine.yaml: colors: unknown key; known are title, dark, colours"),
        ({"colours": {**GOOD["colours"], "okay": "#000000"}}, "mine.yaml: colours.okay: unknown key; known are "),  # type: ignore[dict-item]
        ({"colours": {"background": "#000000"}}, "mine.yaml: colours.bar: missing"),
        (
            {"colours": {**GOOD["colours"], "ok": "green"}},
            "mine.yaml: colours.ok: expected a quoted colour such as ",
        ),  # type: ignore[dict-item]
        ({"colours": None}, "mine.yaml: colours: expected a colour for each of "),
    ],
)
def test_a_broken_theme_names_file_and_key(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ThemeError) as error:
        parse(**changes)
    assert str(error.value).startswith(message)


def test_what_is_not_yaml_names_the_line() -> None:
    with pytest.raises(ThemeError, match=r"^mine\.yaml: line 2: not YAML"):
        parse_theme("mine", "title: x\n  dark: [\n", "mine.yaml")


def test_the_users_own_theme_wins_by_name() -> None:
    user_dir("themes").mkdir(parents=True)
    (user_dir("themes") / "dark.yaml").write_text(yaml.safe_dump(GOOD), encoding="utf-8")
    assert load_themes()[0]["dark"].title == "Mine"


def test_a_broken_theme_of_the_user_is_a_complaint_and_the_shipped_one_stays() -> None:
    user_dir("themes").mkdir(parents=True)
    (user_dir("themes") / "dark.yaml").write_text("dark: maybe\n", encoding="utf-8")
    themes, problems = load_themes()
    assert themes["dark"].title == "Dark"
    assert len(problems) == 1
    assert str(user_dir("themes")) in problems[0]


def test_the_choice_is_remembered() -> None:
    assert remembered("theme") is None
    assert remember("theme", "light") is None
    assert remembered("theme") == "light"


def test_a_damaged_memory_is_no_memory() -> None:
    preferences_path().parent.mkdir(parents=True)
    preferences_path().write_text("{", encoding="utf-8")
    assert remembered("theme") is None


def test_a_choice_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    failure = remember("theme", "light")
    assert failure is not None
    assert failure.startswith("not remembered: ")


def test_shipped_themes_are_found() -> None:
    assert sorted(os.listdir(shipped_dir("themes"))) == ["colour-blind.yaml", "dark.yaml", "light.yaml"]
