"""A document as JSON that any reader takes, in ASCII, and whose strings can be shown. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from iamops.model.text import one_line, safe_lines

Json = dict[str, Any]


def json_text(document: Mapping[str, object]) -> str:
    """Indented, without a newline at its end. What is not finite is null: JSON has no word for it."""
    return json.dumps(_harmless(document), indent=2, allow_nan=False)


def json_line(document: Mapping[str, object]) -> str:
    """On one line, with its newline."""
    return json.dumps(_harmless(document), allow_nan=False) + "\n"


def exact_json(record: object) -> str:
    """On one line, and every string to the letter, so that it can be checked: escaped, and so inert as text."""
    return json.dumps(record).replace("\x7f", "\\u007f")


def _harmless(value: object) -> object:
    """`jq -r` prints a string as it is: a terminal then gets what stood in it."""
    if isinstance(value, str):
        return safe_lines(value)
    if isinstance(value, Mapping):
        return {one_line(key) if isinstance(key, str) else key: _harmless(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_harmless(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
