"""What the console remembers between sessions: the theme. A small JSON file in the user's config."""

from __future__ import annotations

import json
from pathlib import Path

from console.session.resources import user_dir


def preferences_path() -> Path:
    """`~/.config/iamops/console.json`."""
    return user_dir("themes").parent / "console.json"


def remembered_theme() -> str | None:
    """The theme last chosen; None if there is none or the file cannot be read."""
    try:
        kept = json.loads(preferences_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    theme = kept.get("theme") if isinstance(kept, dict) else None
    return theme if isinstance(theme, str) else None


def remember_theme(name: str) -> str | None:
    """Keeps the choice; returns why it could not, if it could not."""
    path = preferences_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".json.new")
        fresh.write_text(json.dumps({"theme": name}) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        return f"not remembered: {path}: {error.strerror}"
    return None
