"""The templates that the operator has put in the place of built-in ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from console.model.profile import Profile
from console.render.templating import RenderError, template_names
from console.session.own_hands import InOthersHands, check_hands, own_text


def own_templates(profile: Profile) -> Mapping[str, str]:
    """The user's templates, by file name.

    Raises RenderError for one that takes no built-in one's place, or that somebody else could change; OSError.
    """
    if profile.templates is None:
        return {}
    directory = Path(profile.templates).expanduser()
    if not directory.is_dir():
        raise RenderError(f"{directory}: no such directory (the profile's templates)")
    try:
        check_hands(directory)
        found = {path.name: _text(path) for path in sorted(directory.glob("*.j2"))}
    except InOthersHands as error:
        raise RenderError(f"{error} (the profile's templates)") from None
    for name in found:
        if name not in template_names():
            raise RenderError(f"{directory / name}: no such template; there are {', '.join(template_names())}")
    return found


def _text(path: Path) -> str:
    if path.exists() and not path.is_file():
        raise RenderError(f"{path}: not a regular file (the profile's templates)")
    try:
        return own_text(path)
    except UnicodeDecodeError as error:
        raise RenderError(f"{path}: not UTF-8 text (byte {error.start})") from None
