"""Where a user's own template is filled: it sees plain data, and can neither run code nor go on for ever.

A template comes with a profile, and a profile comes from anywhere; this machine holds the keys of production.
Three walls: values are plain data (`plain.py`), so nothing that is reached has a method worth calling; only what
stands in the tables below can be named; and everything a template makes or goes through is counted against one
budget, so that none takes more than a second or so, or more than a few megabytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from functools import wraps
from typing import Any, cast

from jinja2 import BaseLoader, StrictUndefined, TemplateRuntimeError, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Cycler, Joiner, Namespace
from jinja2.visitor import NodeTransformer

# Characters, entries and turns of loops, all in all. The longest built-in template needs some thousand.
BUDGET = 4_000_000
# What one turn of a loop, or one call, costs beside what it makes: it is work even where it makes nothing.
TURN, CALL = 20, 200
# Bits of a number: none in a configuration file comes near.
NUMBER_BITS = 256
# Digits of a width in `"%-23s" | format(...)`.
_WIDTH = re.compile(r"%[-#0 +]*(\*|\d{4,}|\d*\.(\*|\d{4,}))")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FILTERS_ALLOWED = _words(
    "abs capitalize count d default dictsort first float format indent int items join last length list lower map "
    "max min reject rejectattr replace reverse round select selectattr sort string sum title trim unique upper"
)
ATTRIBUTES: Mapping[type, frozenset[str]] = {
    dict: _words("get items keys values"),
    str: _words(
        "endswith isdigit lower lstrip partition removeprefix removesuffix rpartition rstrip split splitlines "
        "startswith strip title upper"
    ),
    LoopContext: _words(
        "changed cycle depth depth0 first index index0 last length nextitem previtem revindex revindex0"
    ),
    Cycler: _words("current next reset"),
}


class TooMuch(TemplateRuntimeError):
    """The template makes more, or takes longer, than any configuration file needs."""


class Confined(ImmutableSandboxedEnvironment):
    """One for each filling: it keeps the budget."""

    intercepted_binops = frozenset(("*", "**", "%", "+"))

    def __init__(self, loader: BaseLoader) -> None:
        super().__init__(
            loader=loader,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            optimized=False,
            cache_size=0,
        )
        self._left = BUDGET
        own = {"replace": self._replaced, "join": self._joined, "indent": _indented, "format": _formatted}
        named = {name: own.get(name, FILTERS[name]) for name in FILTERS_ALLOWED}
        self.filters = {name: self._counted(each) for name, each in named.items()}
        self.filters["concatenated"] = self._concatenated
        self.filters["turns"] = self._turns
        self.globals = {"range": self.range, "dict": dict, "namespace": Namespace, "joiner": Joiner}
        self.globals["cycler"] = Cycler

    # --- what may be named ---

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, Namespace):
            return not attr.startswith("_")
        return attr in ATTRIBUTES.get(type(obj), ())

    def is_safe_callable(self, obj: Any) -> bool:
        if isinstance(obj, Macro | Joiner) or obj in (Namespace, Joiner, Cycler, dict, self.range):
            return True
        owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        return name in ATTRIBUTES.get(type(owner), ())

    def range(self, *args: int) -> range:
        numbers = range(*args)
        self.spend(len(numbers))
        return numbers

    # --- what it costs ---

    def spend(self, units: int) -> None:
        """Raises TooMuch."""
        self._left -= units
        if self._left < 0:
            raise TooMuch("it makes more, or goes round more often, than a configuration file needs")

    def made(self, value: Any) -> Any:
        """The value, paid for; what is made bit by bit is made now."""
        if isinstance(value, Iterator):
            value = list(self._turns(value))
        if isinstance(value, int) and value.bit_length() > NUMBER_BITS:
            raise TooMuch("a number of more than 77 digits")
        self.spend(len(value) if isinstance(value, Sized) else 1)
        return value

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        __self.spend(CALL)
        return __self.made(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str):
            return self.made(_formatted_by(left, right))
        if operator == "*":
            self.spend(_size(left) * _size(right))
        if operator == "**":
            raise SecurityError("** is not for configuration files")
        if operator == "+" and not isinstance(left, int | float):
            self.spend(_size(left) + _size(right))
        return self.made(super().call_binop(context, operator, left, right))

    def concat(self, pieces: Iterable[str]) -> str:
        """What jinja puts the pieces of a template, a macro and a block together with."""
        return "".join(self._paid(pieces))

    def _paid(self, pieces: Iterable[str]) -> Iterator[str]:
        for piece in pieces:
            self.spend(len(piece))
            yield piece

    def _counted(self, filter_: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(filter_)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.spend(CALL)
            return self.made(filter_(*args, **kwargs))

        return counted

    def _concatenated(self, values: Iterable[Any]) -> str:
        return self.concat(map(str, values))

    def _joined(self, values: Iterable[Any], between: str = "", attribute: str | None = None) -> str:
        named = values if attribute is None else (self.getitem(value, attribute) for value in values)
        texts = [str(value) for value in self._turns(named)]
        self.spend(len(between) * len(texts))
        return between.join(self._paid(texts))

    def _replaced(self, text: str, old: str, new: str) -> str:
        self.spend(len(text) + text.count(old) * len(new))
        return text.replace(old, new)

    def _turns(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self.spend(TURN)
            yield value

    # --- what its text is made of ---

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template: nodes.Template = _Counting().visit(super()._parse(source, name, filename))
        return template


class _Counting(NodeTransformer):
    """Loops and `~` cannot be intercepted where they run: their text is made to ask filters of ours."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _filter("concatenated", nodes.List(node.nodes, lineno=node.lineno))

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802
        if node.recursive:
            raise SecurityError("loops that call themselves are not for configuration files")
        self.generic_visit(node)
        node.iter = _filter("turns", cast(nodes.Expr, node.iter))
        return node


def _filter(name: str, node: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _size(value: Any) -> int:
    """Of a factor: how long it is, or how often something is to be repeated."""
    return len(value) if isinstance(value, Sized) else max(1, abs(int(value)))


def _formatted(text: str, *args: Any, **kwargs: Any) -> str:
    return _formatted_by(text, kwargs or args)


def _formatted_by(text: str, values: Any) -> str:
    if _WIDTH.search(text):
        raise TooMuch("a width of more than 999")
    formatted: str = text % values
    return formatted


def _indented(text: str, width: int = 4, first: bool = False) -> str:
    if not 0 <= width <= 99:
        raise TooMuch("an indent of more than 99")
    lines = text.split("\n")
    return "\n".join(" " * width + line if line and (first or at) else line for at, line in enumerate(lines))
