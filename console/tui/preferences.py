"""What the console remembers between sessions. A small JSON file in the user's config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from console.session.private_file import private_directory
from console.session.resources import user_dir


def preferences_path() -> Path:
    """`~/.config/iamops/console.json`."""
    return user_dir("themes").parent / "console.json"


def remembered(name: str) -> str | None:
    """A choice that was kept; None if there is none or the file cannot be read."""
    choice = _kept().get(name)
    return choice if isinstance(choice, str) else None


def remember(name: str, choice: str) -> str | None:
    """Keeps a choice beside the others; returns why it could not, if it could not."""
    path = preferences_path()
    try:
        private_directory(path.parent)
        fresh = path.with_suffix(".json.new")
        fresh.write_text(json.dumps({**_kept(), name: choice}) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        return f"not remembered: {path}: {error.strerror}"
    return None


def remembered_theme() -> str | None:
    """The theme last chosen."""
    return remembered("theme")


def remember_theme(name: str) -> str | None:
    """Keeps the theme; returns why it could not, if it could not."""
    return remember("theme", name)


def _kept() -> dict[str, Any]:
    try:
        kept = json.loads(preferences_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
