"""Where a user's own template is filled: it sees plain data, and can neither run code nor go on for ever.

A template comes with a profile, and a profile comes from anywhere; this machine holds the keys of production.
Three walls: values are plain data (`templating.py`), so nothing that is reached has a method worth calling; only
what stands in the tables below can be named; and everything that templates make, compare or go through is counted
against one budget, so that all of a node's take no more than some seconds, or than a hundred megabytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, Sized, ValuesView
from functools import wraps
from typing import Any, TypeVar, cast

from jinja2 import BaseLoader, StrictUndefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.utils import Cycler, Joiner, Namespace
from jinja2.visitor import NodeTransformer

from iamops.render.templating import Budget, TooMuch

# Filters of ours. No template can name them: jinja takes only names without a space.
WEIGHED, CONCATENATED, TURNS, WORKED = "the weighed", "the concatenated", "the turns", "the worked"

_Body = TypeVar("_Body", nodes.Macro, nodes.CallBlock)


class Counting(NodeTransformer):
    """Loops take turns that cost what is in them, macros cost what is in them, and what is compared, put into a
    list, or cut out of a text is weighed.
    """

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802 - jinja's name
        self.generic_visit(node)
        return _filter(CONCATENATED, nodes.List(node.nodes, lineno=node.lineno))

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - jinja's name
        if node.recursive:
            raise SecurityError("loops that call themselves are not for configuration files")
        self.generic_visit(node)
        node.iter = _filter(TURNS, cast(nodes.Expr, node.iter), len(list(node.find_all(nodes.Node))))
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802 - jinja's name
        self.generic_visit(node)
        node.expr = _filter(WEIGHED, node.expr)
        for operand in node.ops:
            operand.expr = _filter(WEIGHED, operand.expr)
        return node

    def _working(self, node: _Body) -> _Body:
        self.generic_visit(node)
        amount = len(list(node.find_all(nodes.Node)))
        work = _filter(WORKED, nodes.Const(amount, lineno=node.lineno))
        node.body.insert(0, nodes.ExprStmt(work, lineno=node.lineno))
        return node

    def _weighing(self, node: nodes.Expr) -> nodes.Expr:
        """But for names that are assigned to, and for a single item: nothing is made there."""
        self.generic_visit(node)
        assigned = isinstance(node, nodes.Tuple) and node.ctx != "load"
        single = isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Slice)
        return node if assigned or single else _filter(WEIGHED, node)

    visit_Macro = visit_CallBlock = _working  # noqa: N815 - jinja's names
    visit_List = visit_Dict = visit_Tuple = visit_Getitem = _weighing  # noqa: N815 - jinja's names


def _filter(name: str, node: nodes.Expr, *args: int) -> nodes.Filter:
    constants: list[nodes.Expr] = [nodes.Const(value, lineno=node.lineno) for value in args]
    return nodes.Filter(node, name, constants, [], None, None, lineno=node.lineno)


_HOLDERS = (list, tuple, set, frozenset, KeysView, ValuesView, ItemsView)
# One conversion of `"%-23s" | format(...)`: no `*`, and neither width nor precision above 999.
_CONVERSION = re.compile(r"%(?:\(\w+\))?[-#0 +]*(\d{0,3})(?:\.(\d{0,3}))?[diouxXeEfFgGcrs%]")


def weight(value: Any, most: int) -> int:
    """Characters and entries. A list that stands twice in another is there twice: so is it compared, hashed and
    written. What goes beyond `most` is not counted to its end.
    """
    total, waiting = 0, [value]
    while waiting and total + len(waiting) <= most:
        each = waiting.pop()
        total += 1
        if isinstance(each, str | range):
            total += len(each)
        elif isinstance(each, dict):
            if total + 2 * len(each) > most:
                return total + 2 * len(each)
            waiting += each.keys()
            waiting += each.values()
        elif isinstance(each, _HOLDERS):
            if total + len(each) > most:
                return total + len(each)
            waiting += each
    return total + len(waiting)


# What one turn of a loop, or one call, costs beside what it makes: it is work even where it makes nothing.
TURN, CALL, LOOK = 20, 200, 5
# What one node of a loop's or a macro's body costs, and what it costs to look for a template.
NODE, INCLUDE = 2, 2_000
# Bits of a number: none in a configuration file comes near.
NUMBER_BITS = 256
# Digits of a rounded number.
DIGITS = 15


_FILTERS = (
    "abs capitalize count d default dictsort first float format indent int items join last length list lower map "
    "max min reject rejectattr replace reverse round select selectattr sort string sum title trim unique upper"
)
FILTERS_ALLOWED = frozenset(_FILTERS.split())
_ATTRIBUTES: Mapping[type, str] = {
    dict: "get items keys values",
    str: "endswith isdigit lower lstrip partition removeprefix removesuffix rpartition rstrip split splitlines "
    "startswith strip title upper",
    LoopContext: "changed cycle depth depth0 first index index0 last length nextitem previtem revindex revindex0",
    Cycler: "current next reset",
}
ATTRIBUTES = {kind: frozenset(names.split()) for kind, names in _ATTRIBUTES.items()}


class Notes(Namespace):
    """What it holds may change after it was weighed in a list, so nothing that is written tells it."""

    def __repr__(self) -> str:
        return "<namespace>"


class Confined(ImmutableSandboxedEnvironment):
    """What it does is taken from the budget."""

    intercepted_binops = frozenset(("*", "**", "%", "+", "-", "//"))

    def __init__(self, loader: BaseLoader, budget: Budget) -> None:
        super().__init__(
            loader=loader,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            optimized=False,
            cache_size=50,
        )
        self._budget = budget
        self.spend = budget.spend
        self.finalize = self._weighed
        own: dict[str, Callable[..., Any]] = {
            "replace": self._replaced,
            "join": self._joined,
            "indent": self._indented,
            "format": lambda text, *args, **kwargs: self._formatted(text, kwargs or args),
            "round": _rounded,
            "sum": self._summed,
        }
        self.filters = {name: self._counted(own.get(name, FILTERS[name])) for name in FILTERS_ALLOWED}
        self.filters |= {WEIGHED: self._weighed, TURNS: self._turns}
        self.filters[CONCATENATED] = lambda values: self.concat(map(str, self._weighed(list(values))))
        self.filters[WORKED] = lambda work: self.spend(NODE * work)
        tests: Mapping[str, Any] = TESTS
        self.tests = {name: self._counted(test) for name, test in tests.items()}
        self.globals = {"range": self.range, "dict": dict, "namespace": Notes, "joiner": Joiner, "cycler": Cycler}

    # --- what may be named ---

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, Namespace):
            return not attr.startswith("_")
        return attr in ATTRIBUTES.get(type(obj), ())

    def is_safe_callable(self, obj: Any) -> bool:
        if isinstance(obj, Macro | Joiner) or obj in (Notes, Joiner, Cycler, dict, self.range):
            return True
        owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        return name in ATTRIBUTES.get(type(owner), ())

    def range(self, *args: int) -> range:
        numbers = range(*args)
        self.spend(len(numbers))
        return numbers

    # --- what it costs ---

    def made(self, value: Any) -> Any:
        """The value, paid for; what is made bit by bit is made now."""
        if isinstance(value, Iterator):
            value = list(self._turns(value))
        if isinstance(value, int) and value.bit_length() > NUMBER_BITS:
            raise TooMuch("a number of more than 77 digits")
        return self._weighed(value)

    def _weighed(self, *values: Any) -> Any:
        """The first of them, after all are paid for: whatever is done with them costs no more than they are."""
        self.spend(LOOK + weight(values, self._budget.left))
        return values[0] if values else None

    def getattr(self, obj: Any, attribute: str) -> Any:
        self.spend(LOOK)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        self.spend(LOOK)
        return super().getitem(obj, argument)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - a template may name its own `self`
        __self.spend(CALL)
        owner = getattr(__obj, "__self__", None)
        __self._weighed(None if isinstance(owner, dict) else owner, args, kwargs)
        result = super().call(__context, __obj, *args, **kwargs)
        # A dictionary's methods go over it, and not into it: what they give was weighed, or is the profile's.
        if isinstance(owner, dict):
            __self.spend(len(owner))
            return result
        return __self.made(result)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str):
            return self.made(self._formatted(left, right))
        if operator == "**":
            raise SecurityError("** is not for configuration files")
        if operator == "*" or (operator == "+" and not isinstance(left, int | float)):
            # How long each is, or how often something is to be repeated.
            sides = (left, right)
            one, other = (len(side) if isinstance(side, Sized) else max(1, abs(int(side))) for side in sides)
            self.spend(one * other if operator == "*" else one + other)
        return self.made(super().call_binop(context, operator, left, right))

    def concat(self, pieces: Iterable[str], between: str = "") -> str:
        """What jinja puts the pieces of a template, a macro and a block together with."""
        paid: list[str] = []
        for piece in pieces:
            self.spend(len(piece))
            paid.append(piece)
        return between.join(paid)

    def _counted(self, filter_: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(filter_)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.spend(CALL)
            self._weighed(args, kwargs)
            return self.made(filter_(*args, **kwargs))

        return counted

    def _joined(self, values: Iterable[Any], between: str = "", attribute: str | None = None) -> str:
        named = values if attribute is None else (self.getitem(value, attribute) for value in values)
        texts = [str(value) for value in self._turns(named)]
        self.spend(len(between) * len(texts))
        return self.concat(texts, between)

    def _replaced(self, text: str, old: str, new: str) -> str:
        self.spend(len(text) + text.count(old) * len(new))
        return text.replace(old, new)

    def _turns(self, values: Iterable[Any], nodes_: int = 0) -> Iterator[Any]:
        """`nodes_`: how much there is to do in each."""
        for value in values:
            self.spend(TURN + NODE * nodes_)
            yield value

    def _summed(self, values: Iterable[Any], attribute: str | int | None = None, start: Any = 0) -> Any:
        """Two at a time, so that every sum on the way is paid for."""
        of = make_attrgetter(self, attribute) if attribute is not None else None
        total = start
        for value in self._turns(values):
            total = self.made(total + (value if of is None else of(value)))
        return total

    def _formatted(self, text: str, values: Any) -> str:
        """`text % values`, after the most that it can make is paid for."""
        conversions = list(_CONVERSION.finditer(text))
        if "%" in _CONVERSION.sub("", text):
            raise TooMuch("a conversion that is none, or with a width of more than 999")
        widths = sum(int(number or 0) for conversion in conversions for number in conversion.groups())
        self.spend(len(text) + widths + len(conversions) * weight(values, self._budget.left))
        formatted: str = text % values
        return formatted

    def _indented(self, text: str, width: int = 4, first: bool = False) -> str:
        if not 0 <= width <= 99:
            raise TooMuch("an indent of more than 99")
        self.spend(width * (1 + text.count("\n")))
        lines = text.split("\n")
        return "\n".join(" " * width + line if line and (first or at) else line for at, line in enumerate(lines))

    # --- what its text is made of ---

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template: nodes.Template = Counting().visit(super()._parse(source, name, filename))
        return template

    def _load_template(self, name: Any, globals: Any) -> Any:  # noqa: A002 - jinja's own name
        self.spend(INCLUDE)
        return super()._load_template(name, globals)


def _rounded(value: float, precision: int = 0, method: str = "common") -> float:
    if not -DIGITS <= precision <= DIGITS:
        raise TooMuch(f"rounded to more than {DIGITS} digits")
    rounded: float = FILTERS["round"](value, precision, method)
    return rounded
