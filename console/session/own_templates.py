"""The templates that the operator has put in the place of built-in ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from console.model.profile import Profile
from console.render.templating import RenderError, template_names


def own_templates(profile: Profile) -> Mapping[str, str]:
    """The user's templates, by file name. Raises RenderError for one that takes no built-in one's place."""
    if profile.templates is None:
        return {}
    directory = Path(profile.templates).expanduser()
    if not directory.is_dir():
        raise RenderError(f"{directory}: no such directory (the profile's templates)")
    try:
        found = {path.name: path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.j2"))}
    except UnicodeDecodeError as error:
        raise RenderError(f"{directory}: a template is not UTF-8: {error}") from None
    for name in found:
        if name not in template_names():
            raise RenderError(f"{directory / name}: no such template; there are {', '.join(template_names())}")
    return found
