"""Profiles as JSON: what is wrong with them, and who serves what in them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iamops.model.profile import Profile

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CheckedProfile:
    """A profile's file and its problems: the line, the key, and what is wrong there."""

    file: str
    problems: tuple[tuple[int, str, str], ...] = ()

    @property
    def lines(self) -> list[str]:
        if not self.problems:
            return [f"{self.file}: ok"]
        return [f"{self.file}:{line}: {f'{key}: ' if key else ''}{text}" for line, key, text in self.problems]


def profile_check_document(checked: Sequence[CheckedProfile]) -> Json:
    """`iamops.profile-check/1`."""
    results = [
        {
            "file": profile.file,
            "valid": not profile.problems,
            "problems": [{"line": line, "key": key, "message": text} for line, key, text in profile.problems],
        }
        for profile in checked
    ]
    return {"schema": "iamops.profile-check/1", "profiles": results}


def backends_document(profile: Profile) -> Json:
    """`iamops.backends/1`: every published service's backends, as the profile has them."""
    rows = [
        {"service": service.name, "backend": name, "endpoint": endpoint, "drained": name in service.drained}
        for service in profile.services.values()
        if service.domain
        for name, endpoint in profile.backends_of(service).items()
    ]
    return {"schema": "iamops.backends/1", "backends": rows}
