"""Fills templates: the built-in ones, or a user's own of the same name. Pure but for reading the built-in ones."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


class RenderError(Exception):
    """The profile is valid, but a file cannot be written from it; says why and what to change."""


@dataclass(frozen=True, slots=True)
class Templates:
    """`own` maps file names (nginx.conf.j2) to the user's texts; the others are built in."""

    own: Mapping[str, str]

    def fill(self, name: str, **values: Any) -> str:
        """Raises RenderError for a template of the user's that cannot be filled."""
        from jinja2 import TemplateError, TemplateSyntaxError

        try:
            if name in self.own:
                return _environment().from_string(self.own[name]).render(**values)
            return _environment().get_template(name).render(**values)
        except TemplateSyntaxError as error:
            raise RenderError(f"your template {name}, line {error.lineno}: {error.message}") from None
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            # Beside jinja's own errors, those of the expressions that stand in the template.
            raise RenderError(f"your template {name}: {error}") from None


@functools.cache
def template_names() -> tuple[str, ...]:
    """Every template that can be overridden."""
    return tuple(sorted(_environment().list_templates(extensions=["j2"])))


@functools.cache
def _environment() -> Environment:
    from jinja2 import PackageLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(
        loader=PackageLoader("console.render", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # configuration files, not HTML; values are validated by the profile
    )
