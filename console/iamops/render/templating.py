"""Fills templates: the built-in ones, or a user's own of the same name. Pure but for reading the built-in ones."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from jinja2 import Environment, Template


# Characters, entries and turns of loops, all in all. A node's built-in templates need some hundred thousand.
BUDGET = 3_000_000


class TooMuch(Exception):
    """A template makes more, or takes longer, than any configuration file needs."""


@dataclass(slots=True)
class Budget:
    """It is spent, never refilled."""

    left: int = BUDGET

    def spend(self, units: int) -> None:
        """Raises TooMuch."""
        self.left -= units
        if self.left < 0:
            raise TooMuch("it makes more, or goes round more often, than a configuration file needs")


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
    compiled: dict[str, Template] = field(default_factory=dict, compare=False, repr=False)

    def fill(self, name: str, **values: Any) -> str:
        """Raises RenderError for a template of the user's that cannot be filled."""
        from jinja2 import TemplateNotFound, TemplateSyntaxError

        if name not in self.own:
            return _environment().get_template(name).render(**values)
        # A template of the user's, or of the profile's author: confined.
        try:
            return str(self._template(name).render(plain(values)))
        except TemplateSyntaxError as error:
            lines, why = [error.lineno], error.message
        except Exception as error:  # foreign words: whatever they bring about is their own fault
            # Where in the template: jinja maps the lines of what it has compiled back.
            frames = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno or 0 for frame in frames if frame.filename == "<template>"]
            why = str(error) or type(error).__name__
            if isinstance(error, TemplateNotFound):
                why = f"there is no built-in template {error.name!r}"
        where = f", line {lines[-1]}" if lines else ""
        raise RenderError(f"your template {name}{where}: {why}")

    def _template(self, name: str) -> Template:
        from jinja2 import PackageLoader

        from iamops.render.sandbox import Confined

        if name not in self.compiled:
            text = self.own[name]
            if len(text) > LONGEST:
                raise TooMuch(f"more than {LONGEST} characters")
            self.budget.spend(len(text) * PARSED)
            confined = Confined(PackageLoader("iamops.render", "templates"), self.budget)
            self.compiled[name] = confined.from_string(text)
        return self.compiled[name]


@functools.cache
def template_names() -> tuple[str, ...]:
    """Every template that can be overridden."""
    return tuple(sorted(_environment().list_templates(extensions=["j2"])))


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("iamops.render", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration files, not HTML; values are validated by the profile
    )


def plain(value: Any) -> Any:
    """Dictionaries, lists, texts, numbers, truth values and None, whatever it was; a model's properties are among
    its fields. Raises TypeError for what is no data.
    """
    match value:
        case None | bool():
            return value
        case Enum():
            return plain(value.value)
        case str():
            return str(value)
        case int():
            return int(value)
        case float():
            return float(value)
        case _ if hasattr(value, "__fspath__"):
            return str(value)
        case BaseModel():
            # Properties of our own classes only: pydantic's give away more than values.
            own = [base for base in type(value).__mro__ if issubclass(base, BaseModel) and base is not BaseModel]
            named = [name for base in own for name, each in vars(base).items() if isinstance(each, property)]
            names = (*type(value).model_fields, *(name for name in named if not name.startswith("_")))
            return {name: plain(getattr(value, name)) for name in names}
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case _:
            raise TypeError(f"{type(value).__name__} is no plain data")
