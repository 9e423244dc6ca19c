"""Finds and reads profile files. The only place that opens them."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path

from console.model.profile import Profile
from console.parse.profile_yaml import parse_profile
from console.session.own_hands import InOthersHands, own_text
from console.session.resources import by_name, user_dir
from console.session.secrets import learn_secrets


class ProfileNotFound(Exception):
    """There is no such profile, or no single one to choose."""


class ProfileUnreadable(Exception):
    """The file is there but cannot be read as text, or somebody else could change it."""


def user_profile_dir() -> Path:
    """The user's own profiles: ~/.config/iamops/profiles."""
    return user_dir("profiles")


def available_profiles() -> Mapping[str, Path]:
    """Every profile that can be named, the user's own first in authority."""
    return by_name("profiles")


def find_profile(name_or_path: str | None = None) -> Path:
    """The file meant by a name or a path; None means IAMOPS_PROFILE, else the user's only profile."""
    chosen = name_or_path or os.environ.get("IAMOPS_PROFILE")
    if not chosen:
        return _only_profile()
    if "/" in chosen or chosen.endswith((".yaml", ".yml")):
        return _existing(Path(chosen).expanduser())
    known = available_profiles()
    if chosen in known:
        return known[chosen]
    near = difflib.get_close_matches(chosen, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known profiles: {', '.join(sorted(known))}"
    raise ProfileNotFound(f"no profile named {chosen!r}; {hint}")


def asked_name(name_or_path: str | None, profile: Profile) -> str:
    """How the same profile is asked for again: as it was chosen, which its own name need not lead to."""
    return name_or_path or os.environ.get("IAMOPS_PROFILE") or profile.name


def load_profile(name_or_path: str | None = None) -> Profile:
    """Reads and validates a profile. Raises ProfileNotFound, ProfileUnreadable, ProfileError."""
    path = find_profile(name_or_path)
    try:
        text = own_text(path)
    except InOthersHands as error:
        raise ProfileUnreadable(str(error)) from None
    except UnicodeDecodeError as error:
        raise ProfileUnreadable(f"{path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise ProfileUnreadable(f"{path}: {error.strerror}") from error
    profile = parse_profile(text, str(path))
    learn_secrets(profile)
    return profile


def _only_profile() -> Path:
    own = sorted(user_profile_dir().glob("*.yaml"))
    if len(own) == 1:
        return own[0]
    if own:
        names = ", ".join(path.stem for path in own)
        raise ProfileNotFound(f"several profiles in {user_profile_dir()} ({names}): choose with --profile")
    raise ProfileNotFound(
        f"no profile in {user_profile_dir()}: write one with `iamops profile init NAME`, "
        "name one with --profile, or try `iamops demo`"
    )


def _existing(path: Path) -> Path:
    if path.is_dir():
        raise ProfileNotFound(f"{path}: a directory, not a profile")
    if not path.is_file():
        raise ProfileNotFound(f"no profile file at {path}")
    return path
