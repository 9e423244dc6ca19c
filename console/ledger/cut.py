"""A record's body as JSON can hold it, and not larger than a line may be. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

# A plan with two pictures has some ten thousand bytes; a drill's report seldom a hundred thousand.
LARGEST_BYTES = 1024 * 1024
# Texts of more characters are shortened, and lists of more than an eighth as many entries.
LIMITS = (64 * 1024, 8 * 1024, 1024, 128)
DEEPEST = 50
NOTE = "cut"


def fitting(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body, with `cut` where something was left out: how large it was, and what was shortened."""
    whole = {str(key): plain(value) for key, value in body.items()}
    size = _size(whole)
    if size <= LARGEST_BYTES:
        return whole
    for limit in LIMITS:
        told = f"the record had {size} bytes: texts over {limit} characters, lists over {limit // 8} are shortened"
        shorter = {**{key: _short(value, limit) for key, value in whole.items()}, NOTE: told}
        if _size(shorter) <= LARGEST_BYTES:
            return shorter
    texts = {key: _short(value, LIMITS[-1]) for key, value in whole.items() if isinstance(value, str)}
    kept = dict(list(texts.items())[: LIMITS[-1]])
    return {**kept, NOTE: f"the record had {size} bytes: only its short texts are kept"}


def plain(value: Any, depth: int = 1) -> Any:
    """Only what every reader of JSON understands."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping | list | tuple) and depth > DEEPEST:
        return f"(nested deeper than {DEEPEST})"
    if isinstance(value, Mapping):
        return {str(key): plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, depth + 1) for each in value]
    return str(value)


def _short(value: Any, limit: int) -> Any:
    if isinstance(value, str) and len(value) > limit:
        return f"{value[:limit]}… (+{len(value) - limit} characters)"
    if isinstance(value, dict):
        return {key[:limit]: _short(each, limit) for key, each in list(value.items())[:limit]}
    if isinstance(value, list):
        kept = [_short(each, limit) for each in value[: limit // 8]]
        return kept if len(value) <= len(kept) else [*kept, f"… (+{len(value) - len(kept)} entries)"]
    return value


def _size(body: Mapping[str, Any]) -> int:
    return len(json.dumps(body, separators=(",", ":")))
