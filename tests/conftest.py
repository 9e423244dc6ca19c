"""What holds for every test."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from iamops.redact.known import forget

# Whoever starts a run in the background may have it ignore these, and every child would: our commands honour that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _nothing_learned() -> Iterator[None]:
    """What one test makes known to redaction is no secret of the next."""
    forget()
    yield
    forget()
