"""A reader of foreign words, as the fuzzer sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """`read` takes any bytes; `raises`: what it documents, and its callers expect. `seeds`: good inputs to begin
    with; `words`: those of the format.
    """

    name: str
    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    raises: tuple[type[Exception], ...] = ()
    words: tuple[bytes, ...] = ()
