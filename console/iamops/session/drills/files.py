"""Finds and reads drill files: the shipped ones by name, the user's own, or any file."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from iamops.model.drill import Drill
from iamops.parse.drill.loader import parse_drill
from iamops.session.private_files import text_of
from iamops.session.user import PACKAGE, by_name


class DrillNotFound(Exception):
    """There is no such drill."""


class DrillUnreadable(Exception):
    """The file is there but cannot be read as text, or somebody else could change it."""


def available_drills() -> Mapping[str, Path]:
    """Every drill that can be named: the shipped ones, and those of ~/.config/iamops/drills, which win."""
    return by_name(PACKAGE / "drills", "drills")


def find_drill(name_or_path: str) -> Path:
    """The file meant by a name or a path. Raises DrillNotFound, DrillUnreadable."""
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        try:
            path = Path(name_or_path).expanduser()
            if path.is_file():
                return path
            what = f"{path}: a directory, not a drill" if path.is_dir() else f"no drill file at {path}"
        except RuntimeError as error:  # ~nobody: there is no such user
            what = f"no drill file at {name_or_path}: {error}"
        except OSError as error:
            raise DrillUnreadable(f"{name_or_path}: {error.strerror}") from error
        raise DrillNotFound(what)
    known = available_drills()
    if name_or_path in known:
        return known[name_or_path]
    near = difflib.get_close_matches(name_or_path, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known drills: {', '.join(known)}"
    raise DrillNotFound(f"no drill named {name_or_path!r}; {hint}")


def read_drill(name_or_path: str) -> str:
    """The drill's text as it is written. Raises DrillNotFound, DrillUnreadable."""
    return text_of(find_drill(name_or_path), DrillUnreadable)


def load_drill(
    name_or_path: str, units: Collection[str] | None = None, nodes: Collection[str] | None = None
) -> Drill:
    """Reads and checks a drill. Raises DrillNotFound, DrillUnreadable, DrillError.

    Problems name the file; a drill's `source` is what it was asked for with, which the next run can use.
    """
    drill = parse_drill(read_drill(name_or_path), str(find_drill(name_or_path)), units, nodes)
    return replace(drill, source=name_or_path)
