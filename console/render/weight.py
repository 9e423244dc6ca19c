"""How much a value in a template is, all that it holds counted as often as it is held. Pure."""

from __future__ import annotations

import re
from collections.abc import ItemsView, KeysView, ValuesView
from typing import Any

_HOLDERS = (list, tuple, set, frozenset, KeysView, ValuesView, ItemsView)
# One conversion of `"%-23s" | format(...)`: no `*`, and neither width nor precision above 999.
_CONVERSION = re.compile(r"%(?:\(\w+\))?[-#0 +]*(\d{0,3})(?:\.(\d{0,3}))?[diouxXeEfFgGcrs%]")


def weight(value: Any, most: int) -> int:
    """Characters and entries. A list that stands twice in another is there twice: so is it compared, hashed and
    written. What goes beyond `most` is not counted to its end.
    """
    total, waiting = 0, [value]
    while waiting and total + len(waiting) <= most:
        each = waiting.pop()
        total += 1
        if isinstance(each, str | range):
            total += len(each)
        elif isinstance(each, dict):
            if total + 2 * len(each) > most:
                return total + 2 * len(each)
            waiting += each.keys()
            waiting += each.values()
        elif isinstance(each, _HOLDERS):
            if total + len(each) > most:
                return total + len(each)
            waiting += each
    return total + len(waiting)


def formatted_weight(text: str, values: Any, most: int) -> int | None:
    """What `text % values` can make at most; None where a conversion is none, or has a width beyond 999."""
    conversions = list(_CONVERSION.finditer(text))
    if "%" in _CONVERSION.sub("", text):
        return None
    widths = sum(int(number or 0) for each in conversions for number in each.groups())
    return len(text) + widths + len(conversions) * weight(values, most)
