"""Foreign words on their way into the model: without secrets first, then harmless. The one way in for them.

Everything that is kept of what a node, a service or a file said comes from here, so nothing that leaves later, on
a screen, in a file, in a message or in the audit, can hold a secret. `tests/unit/test_what_leaves.py` keeps the
rest of the house from going round it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from iamops.model.foreign import json_of
from iamops.model.text import MAX_CHARS, safe, safe_bytes
from iamops.redact.redact import redact

# How much is searched beyond what is kept: a secret that is cut in two must be known by its beginning.
BEYOND = 4096


def clean_text(text: str, limit: int = MAX_CHARS) -> str:
    """One line of printable text without secrets, cut at `limit` characters with a note."""
    window = text[: limit + BEYOND]
    clean = without_secrets(window)
    if len(text) == len(window):
        return safe(clean, limit)
    return f"{safe(clean[:limit], limit)}… (+{len(text) - limit} characters)"


def clean_bytes(raw: bytes, limit: int = MAX_CHARS) -> str:
    """The same for bytes; what is not UTF-8 becomes \\xHH."""
    window = raw[: limit * 4 + BEYOND]
    clean = redact(window).text
    if len(raw) == len(window):
        return safe_bytes(clean, limit)
    return f"{safe(clean.decode('utf-8', 'backslashreplace')[:limit], limit)}… (+{len(raw) - len(window)} bytes)"


def clean_lines(raw: bytes, limit: int = MAX_CHARS) -> list[str]:
    """The lines of a text, searched as one: a secret may go over several of them."""
    return [safe_bytes(line, limit) for line in redact(raw).text.splitlines()]


def without_secrets(text: str) -> str:
    """The text with its lines and its controls as they are."""
    raw = text.encode("utf-8", "surrogatepass")
    clean = redact(raw).text
    return text if clean is raw or clean == raw else clean.decode("utf-8", "surrogatepass")


def clean_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which no value holds a secret. One without any is searched once and copied as it is."""
    plain = "\n".join(_texts(document)).encode("utf-8", "replace")
    if not redact(_json(document)).redactions and not redact(plain).redactions:
        return dict(document)
    return {key: _clean(key, value) for key, value in document.items()}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for item in value.values() for text in _texts(item))
    elif isinstance(value, (list, tuple)):
        yield from (text for item in value for text in _texts(item))


def _clean(key: str, value: Any) -> Any:
    if isinstance(value, str):
        # By what it holds, and by what its key says of it.
        clean = without_secrets(value)
        named = _redacted_json({key: clean})
        shown = named.get(key) if isinstance(named, dict) else None
        return shown if isinstance(shown, str) else clean
    if isinstance(value, Mapping):
        return {str(name): _clean(str(name), item) for name, item in value.items()}
    if not isinstance(value, (list, tuple)):
        return value
    # The words of a command tell of each other: behind `-P` stands a password.
    cleaned = [_clean("", item) for item in value]
    if not any(isinstance(item, str) for item in value):
        return cleaned
    listed = _redacted_json([item if isinstance(item, str) else "" for item in cleaned])
    if not isinstance(listed, list) or len(listed) != len(cleaned) or not all(isinstance(w, str) for w in listed):
        return cleaned
    return [new if isinstance(old, str) else old for old, new in zip(cleaned, listed, strict=True)]


def _redacted_json(value: Any) -> Any:
    try:
        return json_of(redact(_json(value)).text)
    except ValueError:
        return None


def _json(value: Any) -> bytes:
    return json.dumps(value, default=str).encode("ascii")


def fault_of_ours(error: BaseException) -> str:
    """Without secrets, and never a traceback. Of a group the first, which is what somebody can act on."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    message = clean_text(str(error), 160)
    return f"a fault of iamops: {type(error).__name__}{': ' if message else ''}{message}"
