"""Makes a text fit into so many bytes, at the ends of lines. Pure."""

from __future__ import annotations


def cut_to(content: bytes, limit: int, *, keeps_end: bool) -> tuple[bytes, int]:
    """What fits, and how many bytes were left out. Whole lines only: half a line may be half a secret."""
    if len(content) <= limit:
        return content, 0
    if keeps_end:
        begin = content.find(b"\n", len(content) - limit - 1) + 1
        kept = content[begin:] if begin else b""
    else:
        kept = content[: content.rfind(b"\n", 0, max(limit, 0)) + 1]
    return kept, len(content) - len(kept)


def shares(sizes: list[int], budget: int) -> list[int]:
    """How much of each may be kept: small ones whole, and what is left is divided among the large ones."""
    allowed = [0] * len(sizes)
    left, waiting = max(budget, 0), len(sizes)
    for place in sorted(range(len(sizes)), key=lambda each: sizes[each]):
        allowed[place] = min(sizes[place], left // waiting)
        left -= allowed[place]
        waiting -= 1
    return allowed
