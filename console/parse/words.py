"""Foreign words on their way into the model: without secrets first, then harmless. The one way in for them.

Whoever keeps what a node, a service or a file said takes it from here, so nothing that leaves later, on a screen,
in a file, in a message or in the audit, can hold a secret. `tests/unit/test_one_redaction.py` keeps the rest of
the house from going round it.
"""

from __future__ import annotations

from console.parse.redact import redact
from console.parse.safe_text import MAX_CHARS, safe, safe_bytes

# What is looked at beyond what is kept: a secret that is cut in two must be known by its beginning.
BEYOND = 4096


def words(text: str, limit: int = MAX_CHARS) -> str:
    """One line of printable text without secrets, cut at `limit` characters with a note."""
    window = text[: limit + BEYOND]
    clean = without_secrets(window)
    if len(text) == len(window):
        return safe(clean, limit)
    return f"{safe(clean[:limit], limit)}… (+{len(text) - limit} characters)"


def words_of(raw: bytes, limit: int = MAX_CHARS) -> str:
    """The same for bytes; what is not UTF-8 becomes \\xHH."""
    window = raw[: limit * 4 + BEYOND]
    clean = redact(window).text
    if len(raw) == len(window):
        return safe_bytes(clean, limit)
    return f"{safe(clean.decode('utf-8', 'backslashreplace')[:limit], limit)}… (+{len(raw) - len(window)} bytes)"


def lines_of(raw: bytes, limit: int = MAX_CHARS) -> list[str]:
    """The lines of a text: what one of them says about another is looked at before they are taken apart."""
    return [safe_bytes(line, limit) for line in redact(raw).text.splitlines()]


def without_secrets(text: str) -> str:
    """The text with its lines and its controls as they are."""
    raw = text.encode("utf-8", "surrogatepass")
    clean = redact(raw).text
    return text if clean is raw or clean == raw else clean.decode("utf-8", "surrogatepass")
