"""Profiles as JSON: what is wrong with them, and who serves what in them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from iamops.report.text import Json

if TYPE_CHECKING:
    from iamops.model.profile import Profile
    from iamops.parse.yaml_tree import Problem


def profile_check_document(checked: Iterable[tuple[str, Sequence[Problem]]]) -> Json:
    """`iamops.profile-check/1`, by file."""
    results = [
        {
            "file": file,
            "valid": not problems,
            "problems": [{"line": p.line, "key": p.key, "message": p.message} for p in problems],
        }
        for file, problems in checked
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
