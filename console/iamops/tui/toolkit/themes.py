"""Colour themes from YAML files: read, checked, and named by their file. The user's own win by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from iamops.session.user_files import private_directory, shipped_dir, user_dir

DEFAULT_THEME = "dark"
COLOURS = (
    "background",
    "bar",
    "text",
    "muted",
    "rule",
    "title",
    "accent",
    "ok",
    "warn",
    "down",
    "unknown",
    "stale",
    "graph",
    "mark",
    "cursor",
    "production",
)
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class ThemeError(Exception):
    """A theme file cannot be used; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class ConsoleTheme:
    """A checked theme: every colour of COLOURS as #rrggbb."""

    name: str
    title: str
    dark: bool
    colours: Mapping[str, str]


def parse_theme(name: str, text: str, file: str) -> ConsoleTheme:
    """Checks a theme file's text. Raises ThemeError with the first key that is wrong."""
    if not _NAME.fullmatch(name):
        raise ThemeError(f"{file}: a theme's file name is lower-case letters, digits and dashes")
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f" line {mark.line + 1}:"
        raise ThemeError(f"{file}:{line} not YAML ({getattr(error, 'problem', None) or 'unreadable'})") from error
    if not isinstance(raw, dict):
        raise ThemeError(f"{file}: expected the keys title, dark and colours")
    _only(raw, ("title", "dark", "colours"), file, "")
    title, dark = raw.get("title", name), raw.get("dark")
    if not isinstance(title, str):
        raise ThemeError(f"{file}: title: expected text, got {title!r}")
    if not isinstance(dark, bool):
        raise ThemeError(f"{file}: dark: expected true or false, got {dark!r}")
    return ConsoleTheme(name, title, dark, _colours(raw.get("colours"), file))


def _colours(raw: object, file: str) -> Mapping[str, str]:
    if not isinstance(raw, dict):
        raise ThemeError(f"{file}: colours: expected a colour for each of {', '.join(COLOURS)}")
    _only(raw, COLOURS, file, "colours.")
    for key in COLOURS:
        if key not in raw:
            raise ThemeError(f"{file}: colours.{key}: missing")
        if not isinstance(raw[key], str) or not _HEX.fullmatch(raw[key]):
            raise ThemeError(
                f'{file}: colours.{key}: expected a quoted colour such as "#1e2a35", got {raw[key]!r}'
            )
    return {key: str(raw[key]).lower() for key in COLOURS}


def _only(raw: Mapping[object, object], known: tuple[str, ...], file: str, prefix: str) -> None:
    for key in raw:
        if key not in known:
            raise ThemeError(f"{file}: {prefix}{key}: unknown key; known are {', '.join(known)}")


def load_themes() -> tuple[Mapping[str, ConsoleTheme], tuple[str, ...]]:
    """Every usable theme by name, and what was wrong with the others.

    A user's broken file is a complaint, not a reason to start without colours: the shipped one stays.
    """
    themes: dict[str, ConsoleTheme] = {}
    problems: list[str] = []
    for directory in (shipped_dir("themes"), user_dir("themes")):
        for path in sorted(directory.glob("*.yaml")):
            try:
                themes[path.stem] = parse_theme(path.stem, path.read_text(encoding="utf-8"), str(path))
            except ThemeError as error:
                problems.append(str(error))
            except (OSError, UnicodeDecodeError) as error:
                problems.append(f"{path}: cannot be read ({error})")
    return themes, tuple(problems)


# What the console remembers between sessions. A small JSON file in the user's config.


def preferences_path() -> Path:
    """`~/.config/iamops/console.json`."""
    return user_dir("themes").parent / "console.json"


def remembered(name: str) -> str | None:
    """A choice that was kept; None if there is none or the file cannot be read."""
    choice = _kept().get(name)
    return choice if isinstance(choice, str) else None


def remember(name: str, choice: str) -> str | None:
    """Keeps a choice beside the others; returns why it could not be kept, if so."""
    path = preferences_path()
    try:
        private_directory(path.parent)
        fresh = path.with_suffix(".json.new")
        fresh.write_text(json.dumps({**_kept(), name: choice}) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        return f"not remembered: {path}: {error.strerror}"
    return None


def _kept() -> dict[str, object]:
    try:
        kept = json.loads(preferences_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
