"""Which of nginx's inherited settings a request gets: those of the innermost block that says any. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from console.parse.directives import Directive

# A block that says one of a list inherits none of it.
LISTS = ("proxy_set_header", "add_header")
# A backend may be told more by headers that nobody but its own people know.
_OWN_HEADER = re.compile(
    r"X-(?!Forwarded|Real-|Client-|HTTP-|Method|Original|Rewrite|Remote|Auth|User|Accel|Request)[A-Za-z0-9-]+",
    re.IGNORECASE,
)

Block = Sequence[Directive]


@dataclass(frozen=True, slots=True)
class Effect:
    """`said`: what is in effect, from the block at `depth`; 0 is the innermost. `cancels`: outer ones say some."""

    said: tuple[Directive, ...]
    depth: int
    cancels: bool


def in_effect(name: str, levels: Sequence[Block]) -> Effect:
    """`levels`: blocks, the innermost first."""
    each = [tuple(one for one in level if one.name == name) for level in levels]
    depth = next((at for at, said in enumerate(each) if said), len(each))
    said = each[depth] if depth < len(each) else ()
    return Effect(said, depth, any(each[depth + 1 :]))


def added(new: Effect, known: Effect) -> Iterator[Directive]:
    """Those of a list that may show: not known, and more than one header more for the backends."""
    wanted, names = [each.args for each in known.said], {each.arg.lower() for each in known.said}
    for each in new.said:
        if each.args in wanted:
            wanted.remove(each.args)
        elif (new.cancels and not known.cancels) or not _is_own(each, names):
            yield each


def lost(new: Effect, known: Effect) -> Iterator[Directive]:
    """Those of a list that are known and not in effect any more."""
    here = [each.args for each in new.said]
    return (each for each in known.said if each.args not in here)


def alike(one: Directive, other: Directive) -> bool:
    """The same words, blocks included, wherever they are written."""
    return _words(one) == _words(other)


def _is_own(each: Directive, known: Collection[str]) -> bool:
    if each.name != "proxy_set_header" or len(each.args) != 2 or each.arg.lower() in known:
        return False
    # What connections to backends that are kept need: it says nothing about the request.
    return each.args == ("Connection", "") or _OWN_HEADER.fullmatch(each.arg) is not None


def _words(each: Directive) -> tuple[object, ...]:
    block = None if each.block is None else tuple(map(_words, each.block))
    return each.name, each.args, block
