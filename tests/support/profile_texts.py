"""The lab's profile as text, and what is said of an edit of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.parse.profile.loader import ProfileError, parse_profile

LAB = (Path(__file__).parents[2] / "profiles" / "lab.yaml").read_text()


def complaints(text: str) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        parse_profile(text, "p.yaml")
    return str(caught.value).splitlines()
