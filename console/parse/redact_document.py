"""Documents that are kept or sent: their values without secrets, their keys and shape as they are. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from console.parse.foreign_json import json_of
from console.parse.redact import redact
from console.parse.words import without_secrets


def clean_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which no value holds a secret. One without any is searched once and copied as it is."""
    if (
        not redact(_json(document)).redactions
        and not redact("\n".join(_texts(document)).encode("utf-8", "replace")).redactions
    ):
        return dict(document)
    return {key: _clean(key, value) for key, value in document.items()}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for each in value.values() for text in _texts(each))
    elif isinstance(value, (list, tuple)):
        yield from (text for each in value for text in _texts(each))


def _clean(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return _text(key, value)
    if isinstance(value, Mapping):
        return {str(name): _clean(str(name), each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return _list(key, value)
    return value


def _text(key: str, value: str) -> str:
    """By what it holds, and by what its key says of it."""
    clean = without_secrets(value)
    shown = _again({key: clean})
    told = shown.get(key) if isinstance(shown, dict) else None
    return told if isinstance(told, str) else clean


def _list(key: str, values: Sequence[Any]) -> list[Any]:
    """The words of a command tell of each other: behind `-P` stands a password."""
    cleaned = [_clean("", each) for each in values]
    if not any(isinstance(each, str) for each in values):
        return cleaned
    words = [each if isinstance(each, str) else "" for each in cleaned]
    told = _again(words)
    if not isinstance(told, list) or len(told) != len(words) or not all(isinstance(each, str) for each in told):
        return cleaned
    return [new if isinstance(old, str) else old for old, new in zip(cleaned, told, strict=True)]


def _again(value: Any) -> Any:
    try:
        return json_of(redact(_json(value)).text)
    except ValueError:
        return None


def _json(value: Any) -> bytes:
    return json.dumps(value, default=str).encode("ascii")
