"""Fills templates: the built-in ones, or a user's own of the same name. Pure but for reading the built-in ones."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from console.render.budget import Budget, TooMuch

if TYPE_CHECKING:
    from jinja2 import Environment


# The longest built-in template has a tenth of it; every character takes the parser its time.
LONGEST = 65_536
# What a character costs, to be parsed and compiled.
PARSED = 10


class RenderError(Exception):
    """The profile is valid, but a file cannot be written from it; says why and what to change."""


@dataclass(frozen=True, slots=True)
class Templates:
    """`own` maps file names (nginx.conf.j2) to the user's texts; the others are built in.

    All of them together have one budget: a profile may have a template filled for each of its services.
    """

    own: Mapping[str, str]
    budget: Budget = field(default_factory=Budget, compare=False, repr=False)
    compiled: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def fill(self, name: str, **values: Any) -> str:
        """Raises RenderError for a template of the user's that cannot be filled."""
        if name not in self.own:
            return _environment().get_template(name).render(**values)
        return self._filled(name, values)

    def _filled(self, name: str, values: Mapping[str, Any]) -> str:
        """A template of the user's, or of whoever wrote the profile: confined."""
        from jinja2 import TemplateNotFound, TemplateSyntaxError

        from console.render.plain import plain

        try:
            return str(self._template(name).render(plain(values)))
        except TemplateSyntaxError as error:
            raise RenderError(f"your template {name}, line {error.lineno}: {error.message}") from None
        except TemplateNotFound as error:
            why = f"there is no built-in template {error.name!r}"
            raise RenderError(f"your template {name}{_line_of(error)}: {why}") from None
        except Exception as error:  # foreign words: whatever they bring about is their own fault
            raise RenderError(
                f"your template {name}{_line_of(error)}: {str(error) or type(error).__name__}"
            ) from None

    def _template(self, name: str) -> Any:
        from jinja2 import PackageLoader

        from console.render.confined import Confined

        if name not in self.compiled:
            text = self.own[name]
            if len(text) > LONGEST:
                raise TooMuch(f"more than {LONGEST} characters")
            self.budget.spend(len(text) * PARSED)
            confined = Confined(PackageLoader("console.render", "templates"), self.budget)
            self.compiled[name] = confined.from_string(text)
        return self.compiled[name]


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
