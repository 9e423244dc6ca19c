"""Which cases `make test` runs, and which wait for `make soak`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sliced(cases: Iterable[Any], *long: Any) -> list[Any]:
    """All cases in their order; those of a kind that another one shows already are marked as long."""
    every = list(cases)
    unknown = set(long) - set(every)
    assert not unknown, f"no such case: {unknown}"
    return [pytest.param(case, marks=pytest.mark.long) if case in long else case for case in every]
