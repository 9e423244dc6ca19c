"""A node whose /run is full can arm no undo: nothing is touched, and the reason is told, not systemd's riddle."""

from __future__ import annotations

import pytest

from iamops.plan.checks import no_room


@pytest.mark.parametrize("text", ["", "\n", "df: unrecognized option '--output'\n", "Avail IFree\n   -   -\n"])
def test_a_df_that_does_not_tell_is_no_full_disk(text: str):
    assert no_room("iam-b", text) == ""
