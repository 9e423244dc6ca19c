"""Makes a template's own text ask for its budget, where what it does cannot be intercepted while it runs. Pure."""

from __future__ import annotations

from typing import TypeVar, cast

from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.visitor import NodeTransformer

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
        node.iter = _filter(TURNS, cast(nodes.Expr, node.iter), _work(node))
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:  # noqa: N802 - jinja's name
        return self._working(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.CallBlock:  # noqa: N802 - jinja's name
        return self._working(node)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802 - jinja's name
        self.generic_visit(node)
        node.expr = _filter(WEIGHED, node.expr)
        for each in node.ops:
            each.expr = _filter(WEIGHED, each.expr)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Filter:  # noqa: N802 - jinja's name
        self.generic_visit(node)
        return _filter(WEIGHED, node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Filter:  # noqa: N802 - jinja's name
        self.generic_visit(node)
        return _filter(WEIGHED, node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802 - jinja's name
        self.generic_visit(node)
        return _filter(WEIGHED, node) if node.ctx == "load" else node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802 - jinja's name
        self.generic_visit(node)
        return _filter(WEIGHED, node) if isinstance(node.arg, nodes.Slice) else node

    def _working(self, node: _Body) -> _Body:
        self.generic_visit(node)
        work = _filter(WORKED, nodes.Const(_work(node), lineno=node.lineno))
        node.body.insert(0, nodes.ExprStmt(work, lineno=node.lineno))
        return node


def _work(node: nodes.Node) -> int:
    return sum(1 for _ in node.find_all(nodes.Node))


def _filter(name: str, node: nodes.Expr, *args: int) -> nodes.Filter:
    constants: list[nodes.Expr] = [nodes.Const(each, lineno=node.lineno) for each in args]
    return nodes.Filter(node, name, constants, [], None, None, lineno=node.lineno)
