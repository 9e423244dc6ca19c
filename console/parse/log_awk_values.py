"""Writes the part of a node's awk program that takes the values out of a line, as `log_steps.taken` does. Pure.

Statements of an awk are few and dear: each line of what is written here is run for every line of the log.
"""

from __future__ import annotations

from collections.abc import Iterator

from console.parse.log_counts import Recipe, Want
from console.parse.log_format import Field
from console.parse.log_steps import Cut, Step, steps
from console.parse.log_where import awk_text

# The awk variable of each field.
NAMES = {
    Field.STATUS: "st",
    Field.TIME: "tm",
    Field.METHOD: "me",
    Field.PATH: "pa",
    Field.HOST: "ho",
    Field.CLIENT: "cl",
    Field.BYTES: "by",
    Field.AGENT: "ag",
    Field.REQUEST_TIME: "rt",
    Field.UPSTREAM: "up",
    Field.UPSTREAM_STATUS: "us",
    Field.UPSTREAM_TIME: "ut",
}


def counts_paths(recipe: Recipe) -> bool:
    """Whether requests are counted by the pattern of their path."""
    return Want.PATHS in recipe.want and Field.PATH in recipe.needed


def path_later(recipe: Recipe) -> bool:
    """Whether a request line can be looked up by itself, so that its path is only taken when it is a new one."""
    return counts_paths(recipe) and Field.PATH not in recipe.form.fields and Field.PATH not in recipe.where.fields


def values_taken(recipe: Recipe) -> Iterator[str]:
    """Each needed variable into the awk variable of its first field."""
    for number, tokens in enumerate(recipe.form.segments, start=1):
        piece = f"${number}"
        for step in steps(tokens, recipe.variables):
            if isinstance(step, Step):
                yield from _taken(step, piece, recipe)
            else:
                yield from _cut(step, piece, recipe)
            piece = "r"


def _cut(cut: Cut, piece: str, recipe: Recipe) -> Iterator[str]:
    """The tail of a piece, as `log_steps.taken` finds it; `r` is what follows its literal."""
    length = len(cut.literal)
    if cut.width:
        stands = f"substr({piece}, k, {length}) == {awk_text(cut.literal)}"
        there = f"(k = length({piece}) - {cut.width - 1}) > 0 && {stands}"
    else:
        again = f"index(substr({piece}, k + 1), {awk_text(cut.literal)})"
        there = f"({_found(cut.literal, piece)}) && (!{again} || (k = match({piece}, {awk_text(cut.tail + '$')})))"
    behind = f"substr({piece}, k + {length})"
    if cut.client is None:
        yield f'r = ({there}) ? {behind} : ""'
        return
    before = f"r = substr({piece}, 1, k - 1)"
    if cut.last:
        yield f'if ({there}) {before}; else r = ""'
        yield from _taken(cut.client, "r", recipe)
        return
    yield f'if ({there}) {{ t = {behind}; {before} }} else t = r = ""'
    yield from _taken(cut.client, "r", recipe)
    yield "r = t"


def _taken(step: Step, piece: str, recipe: Recipe) -> Iterator[str]:
    """One step, as `log_steps.taken` takes it. `piece` is what is left of the piece of the line."""
    length = len(step.prefix)
    if step.prefix:
        begins = f"substr({piece}, 1, {length}) == {awk_text(step.prefix)}"
        if step.width and step.until:
            ends = f"{begins} && {_stands(step.until, piece, length + step.width)}"
            yield from _either(step, ends, *_fixed(step, piece, length), recipe)
            return
        yield f'r = {begins} ? substr({piece}, {length + 1}) : ""'
        piece = "r"
    for literal in step.skips:
        yield f'r = ({_found(literal, piece)}) ? substr({piece}, k + {len(literal)}) : ""'
        piece = "r"
    until = len(step.until)
    if step.whole:
        longest = f"match({piece}, {awk_text('^' + step.whole)})"
        follows = f"substr({piece}, RLENGTH + 1, {until}) == {awk_text(step.until)}"
        value, rest = f"substr({piece}, 1, RLENGTH)", f"substr({piece}, RLENGTH + {until + 1})"
        yield from _either(step, f"{longest} && {follows}", value, rest, recipe)
    elif step.width and step.until:
        yield from _either(step, _stands(step.until, piece, step.width), *_fixed(step, piece), recipe)
    elif step.width:
        value, rest = _fixed(step, piece)
        yield from _assigned(step.variable, value, recipe)
        if not step.last:
            yield f"r = {rest}"
    elif not step.until:
        yield from _assigned(step.variable, piece, recipe)
    else:
        value, rest = f"substr({piece}, 1, k - 1)", f"substr({piece}, k + {until})"
        yield from _either(step, _found(step.until, piece), value, rest, recipe)


def _found(literal: str, piece: str) -> str:
    """True where it stands in the piece; then `k` is where."""
    return f"k = index({piece}, {awk_text(literal)})"


def _stands(literal: str, piece: str, at: int) -> str:
    return f"substr({piece}, {at + 1}, {len(literal)}) == {awk_text(literal)}"


def _fixed(step: Step, piece: str, begin: int = 0) -> tuple[str, str]:
    """A value of fixed width that begins behind so many characters, and what is left behind it."""
    end = begin + step.width
    return f"substr({piece}, {begin + 1}, {step.width})", f"substr({piece}, {end + len(step.until) + 1})"


def _either(step: Step, condition: str, value: str, rest: str, recipe: Recipe) -> Iterator[str]:
    """The value, and what is left where more is taken from it; both empty where the condition does not hold."""
    name = _target(step.variable, recipe)
    if step.last:
        yield f'{name} = ({condition}) ? {value} : ""'
    else:
        yield f'if ({condition}) {{ {name} = {value}; r = {rest} }} else {name} = r = ""'
    yield from _also(step.variable, recipe)


def _assigned(variable: str, value: str, recipe: Recipe) -> Iterator[str]:
    yield f"{_target(variable, recipe)} = {value}"
    yield from _also(variable, recipe)


def _target(variable: str, recipe: Recipe) -> str:
    if not variable:
        return "z"
    if variable == recipe.form.fields.get(Field.REQUEST):
        return "q"
    return NAMES[min(recipe.variables[variable])]


def _also(variable: str, recipe: Recipe) -> Iterator[str]:
    """What else is told by a variable that was just assigned."""
    if not variable:
        return
    fields = recipe.variables[variable]
    if variable != recipe.form.fields.get(Field.REQUEST):
        first, *others = (NAMES[field] for field in sorted(fields))
        yield from (f"{name} = {first}" for name in others)
        return
    if Field.METHOD in fields:
        yield f'{NAMES[Field.METHOD]} = (k = index(q, " ")) ? substr(q, 1, k - 1) : ""'
    if Field.PATH in fields and not path_later(recipe):
        yield from path_of_request()


def path_of_request() -> Iterator[str]:
    """The path as it stands in the request line `q`, with its query."""
    yield 'pa = (k = index(q, " ")) ? substr(q, k + 1) : ""'
    yield 'if (k = index(pa, " ")) pa = substr(pa, 1, k - 1)'
