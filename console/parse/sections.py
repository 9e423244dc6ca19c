"""Cuts the output of a many-part remote script into its parts. Pure."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.parse.numbers import whole

_MARK = re.compile(r"\n==iamops (?P<kind>begin|end) (?P<word>\S+)==\n")


@dataclass(frozen=True, slots=True)
class Section:
    """One command's output (stdout and stderr together) and exit status."""

    text: str
    exit_status: int

    @property
    def ok(self) -> bool:
        return self.exit_status == 0


def script(parts: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """One argv that runs several commands and marks where each begins and how it ended."""
    lines = []
    for name, argv in parts.items():
        lines.append(f"printf '\\n==iamops begin %s==\\n' {shlex.quote(name)}")
        lines.append(f"{shlex.join(argv)} 2>&1")
        lines.append("printf '\\n==iamops end %s==\\n' $?")
    return ("sh", "-c", "\n".join(lines))


def sections(text: str) -> Mapping[str, Section]:
    """The parts by name. A part that has no end mark is left out: it was cut off."""
    found: dict[str, Section] = {}
    marks = list(_MARK.finditer(text))
    for begin, end in itertools.pairwise(marks):
        status = whole(end["word"])
        if begin["kind"] == "begin" and end["kind"] == "end" and status is not None:
            found[begin["word"]] = Section(text[begin.end() : end.start()], status)
    return found
