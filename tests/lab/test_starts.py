"""A machine that has no time for the console: it comes later, and says nothing that is not so."""

from __future__ import annotations

import pytest

from tests.lab.conftest import LabForTests
from tests.soak.starts import LOOPS, campaign

pytestmark = pytest.mark.alone


def test_a_start_under_load_finds_nothing_that_is_not_so(lab: LabForTests):
    for start, said in campaign("lab", 2, LOOPS, watched_s=4.0):
        assert said == ()
        assert start.owner_s is not None
