"""Keeps tables of what clients name as they like small, with every request in them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from console.model.traffic import OTHERS
from console.parse.log_counts import TAB, Counts

# So many different keys are kept of a table over all pieces of a log; then the rarest are counted together.
KEYS_MAX = 200_000


class TooManyNames(ValueError):
    """No log says that: the node does."""


def add_bounded(counts: Counts, more: Counts) -> None:
    """Adds; what is rare in a table that has grown too big is added to its slot's others. Raises TooManyNames."""
    counts.add(more)
    squeeze(counts.shapes, _of_shape)
    squeeze(counts.paths, _of_path)
    squeeze(counts.clients, _of_client)
    if max(map(len, (counts.shapes, counts.sent, counts.times, counts.answers))) > 2 * KEYS_MAX:
        raise TooManyNames("the log's reader tells more times or backends than any log holds")


def squeeze(table: Counter[str], others: Callable[[str], str], most: int | None = None) -> None:
    """`others` names the key to which what is rare is added: itself, if that is what it is."""
    limit, most = 1, KEYS_MAX if most is None else most
    while len(table) > most:
        rare = [key for key, number in table.items() if number <= limit and others(key) != key]
        for key in rare:
            table[others(key)] += table.pop(key)
        if not rare and limit > max(table.values()):
            return  # others alone: of so many slots
        limit *= 2


def _of_path(key: str) -> str:
    slot, status, _ = key.split(TAB, 2)
    return TAB.join((slot, status, OTHERS))


def _of_client(key: str) -> str:
    return TAB.join((key.partition(TAB)[0], OTHERS))


def _of_shape(key: str) -> str:
    """Methods and hosts are what clients make of them."""
    slot, status, *shape = key.split(TAB)
    return TAB.join((slot, status, OTHERS, OTHERS, *shape[-2:])) if len(shape) > 3 else key
