"""Fills templates: the built-in ones, or a user's own of the same name. Pure but for reading the built-in ones."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


# The longest built-in template has a tenth of it; every character takes the parser its time.
LONGEST = 65_536


class RenderError(Exception):
    """The profile is valid, but a file cannot be written from it; says why and what to change."""


@dataclass(frozen=True, slots=True)
class Templates:
    """`own` maps file names (nginx.conf.j2) to the user's texts; the others are built in."""

    own: Mapping[str, str]

    def fill(self, name: str, **values: Any) -> str:
        """Raises RenderError for a template of the user's that cannot be filled."""
        if name not in self.own:
            return _environment().get_template(name).render(**values)
        return _filled(name, self.own[name], values)


def _filled(name: str, text: str, values: Mapping[str, Any]) -> str:
    """A template of the user's, or of whoever wrote the profile: confined."""
    from jinja2 import PackageLoader, TemplateNotFound, TemplateSyntaxError

    from console.render.confined import Confined
    from console.render.plain import plain

    if len(text) > LONGEST:
        raise RenderError(f"your template {name}: more than {LONGEST} characters")
    try:
        return Confined(PackageLoader("console.render", "templates")).from_string(text).render(plain(values))
    except TemplateSyntaxError as error:
        raise RenderError(f"your template {name}, line {error.lineno}: {error.message}") from None
    except TemplateNotFound as error:
        why = f"there is no built-in template {error.name!r}"
        raise RenderError(f"your template {name}{_line_of(error)}: {why}") from None
    except Exception as error:  # foreign words: whatever they bring about is their own fault
        raise RenderError(f"your template {name}{_line_of(error)}: {str(error) or type(error).__name__}") from None


def _line_of(error: Exception) -> str:
    """Where in the template: jinja maps the lines of what it has compiled back."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return f", line {lines[-1]}" if lines else ""


@functools.cache
def template_names() -> tuple[str, ...]:
    """Every template that can be overridden."""
    return tuple(sorted(_environment().list_templates(extensions=["j2"])))


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("console.render", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration files, not HTML; values are validated by the profile
    )
