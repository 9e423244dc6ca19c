"""What a detector takes out of a text, as (kind, secret)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from iamops.redact.spans import SecretSpan


def taken(spans: Callable[[bytes, bytes], Iterator[SecretSpan]], text: bytes) -> set[tuple[str, bytes]]:
    return {(span.kind, text[span.start : span.end].strip()) for span in spans(text, text.lower())}
