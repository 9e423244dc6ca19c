"""Lines for stdout: each of them one line, and some with a beginning in colour where a terminal shows it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from console.cli.output import Output
from console.parse.safe_text import one_line

RED, GREEN, YELLOW, CYAN = 31, 32, 33, 36


class Coloured(str):
    """Plain text that knows in which colour its first characters are meant. Printed as it is, it has none:
    a colour is put in at the edge, where foreign text has been made harmless.
    """

    colour: int
    length: int

    def __new__(cls, text: str, colour: int, length: int | None = None) -> Coloured:
        """`length`: how many characters; None: all."""
        line = super().__new__(cls, text)
        line.colour, line.length = colour, len(text) if length is None else length
        return line


def print_lines(lines: Iterable[str]) -> None:
    """Prints one line for each; none of them can begin another."""
    out = sys.stdout
    if isinstance(out, Output) and out.isatty() and not os.environ.get("NO_COLOR"):
        out.draw("".join(f"{painted(line)}\n" for line in lines))
    else:
        print("\n".join(map(one_line, lines)))


def painted(line: str) -> str:
    """As a terminal gets it."""
    if not isinstance(line, Coloured):
        return one_line(line)
    head, tail = one_line(line[: line.length]), one_line(line[line.length :])
    return f"\x1b[{line.colour}m{head}\x1b[0m{tail}"
