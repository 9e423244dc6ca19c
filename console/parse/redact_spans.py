"""A place in a text that holds a secret, and the small walks that every finder needs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

MARK = b"[redacted "
KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end` are a secret of a kind. `quoted`: its marker must be a JSON string."""

    start: int
    end: int
    kind: str
    quoted: bool = False

    @property
    def marker(self) -> bytes:
        marker = MARK + self.kind.encode("ascii") + b"]"
        return b'"' + marker + b'"' if self.quoted else marker

    def joined(self, other: Span) -> Span:
        """Both, under the name of the one that begins first; any name tells more than KNOWN."""
        quoted = self.quoted and other.end <= self.end
        kind = other.kind if self.kind == KNOWN else self.kind
        return replace(self, end=max(self.end, other.end), kind=kind, quoted=quoted)

    def by_line(self, text: bytes) -> Iterator[Span]:
        """The pieces of it on each line, without line ends and the white space around them."""
        if b"\n" not in text[self.start : self.end]:
            yield self
            return
        at = self.start
        for line in text[self.start : self.end].split(b"\n"):
            begin = at + len(line) - len(line.lstrip())
            end = at + len(line.rstrip())
            if begin < end:
                yield replace(self, start=begin, end=end, quoted=False)
            at += len(line) + 1


def hits(text: bytes, needles: Iterable[bytes]) -> Iterator[int]:
    """Where any of the needles begins, needle by needle. `text` is in lower case, as they are."""
    for needle in needles:
        at = text.find(needle)
        while at >= 0:
            yield at
            at = text.find(needle, at + len(needle))


def lines_with(text: bytes, needles: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """(start, end) of each line from the first needle in it on; each line once for each needle."""
    for needle in needles:
        at = text.find(needle)
        while at >= 0:
            end = line_end(text, at)
            yield at, end
            at = text.find(needle, end)


def line_end(text: bytes, at: int) -> int:
    """Where the line ends that `at` is on; its carriage return is not part of it."""
    end = text.find(b"\n", at)
    end = len(text) if end < 0 else end
    return end - 1 if end > at and text[end - 1 : end] == b"\r" else end
