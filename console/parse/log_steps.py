"""How values are taken out of a line: the few searches that a format and the wanted variables need. Pure.

The rules are the same here and in a node's awk, so that any line at all gives the same values on both sides.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from console.parse.log_format import Clock, Token

# Values that are always so many characters wide: nothing needs to be searched for their end.
WIDTHS = {"status": 3, Clock.LOCAL: 26, Clock.ISO: 25}


@dataclass(frozen=True, slots=True)
class Step:
    """Takes one value. First `prefix` must stand there; or everything up to and with each of `skips` goes.

    The value has `width` characters, or ends where `until` first occurs, or with the piece. `strict`: `until`
    must follow a value of fixed width. `last`: nothing more is taken from this piece.
    """

    variable: str
    prefix: str = ""
    skips: tuple[str, ...] = ()
    width: int = 0
    until: str = ""
    strict: bool = False
    last: bool = False


def steps(tokens: tuple[Token, ...], wanted: Container[str]) -> tuple[Step, ...]:
    """What takes the wanted variables out of one piece of the line, from left to right."""
    places = [at for at, token in enumerate(tokens) if token.variable and token.text in wanted]
    found: list[Step] = []
    at = 0
    for place in places:
        literals = [token.text for token in tokens[at:place] if not token.variable]
        at_start = place == len(literals) == 1 and at == 0
        last = place == places[-1]
        until = tokens[place + 1].text if place + 1 < len(tokens) else ""
        width = WIDTHS.get(tokens[place].text, 0)
        found.append(
            Step(
                tokens[place].text,
                prefix=literals[0] if at_start else "",
                skips=() if at_start else _skips(literals),
                width=width,
                until=until,
                strict=bool(width and until and (not last or tokens[place].text == "status")),
                last=last,
            )
        )
        at = place + 2
    return tuple(found)


def taken(piece: str, plan: tuple[Step, ...]) -> dict[str, str]:
    """The values; empty from where the piece is not as planned."""
    found: dict[str, str] = {}
    for step in plan:
        if step.prefix:
            piece = piece[len(step.prefix) :] if piece.startswith(step.prefix) else ""
        for literal in step.skips:
            piece = piece.partition(literal)[2]
        found[step.variable], piece = _value(piece, step)
    return found


def _value(piece: str, step: Step) -> tuple[str, str]:
    if step.width:
        end = step.width + len(step.until)
        if step.strict and piece[step.width : end] != step.until:
            return "", ""
        return piece[: step.width], piece[end:]
    if not step.until:
        return piece, ""
    value, found, rest = piece.partition(step.until)
    return (value, rest) if found else ("", "")


def _skips(literals: list[str]) -> tuple[str, ...]:
    """One search where the last literal cannot be taken for an earlier one, its last character if that will do."""
    if not literals:
        return ()
    *before, last = literals
    for text in (last[-1:], last):
        if not any(text in other for other in before) and text not in (last[:-1] if text is not last else ""):
            return (text,)
    return tuple(literals)
