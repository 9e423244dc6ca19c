"""A profile's file while it is edited: read, replaced as a whole, and put back."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from console.model.profile import Profile
from console.parse.profile_yaml import parse_profile
from console.session.profiles import find_profile, load_profile
from console.session.resources import bundled_dir


class ProfileNotYours(Exception):
    """The profile is a shipped one; says how to get one of your own."""


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """The file, its text as it was read, and what that means."""

    path: Path
    text: str
    profile: Profile

    @classmethod
    def found(cls, name_or_path: str | None) -> ProfileFile:
        """Raises what load_profile raises, and ProfileNotYours."""
        path = find_profile(name_or_path)
        if path.resolve().parent == bundled_dir("profiles").resolve():
            how = f"`iamops profile init NAME --from {path.stem}`"
            raise ProfileNotYours(f"{path.stem} is shipped with iamops: make it yours first, {how}")
        profile = load_profile(name_or_path)
        return cls(path, path.read_text(encoding="utf-8"), profile)

    def with_text(self, text: str) -> ProfileFile:
        """The same file with another text, not yet written. Raises ProfileError."""
        return ProfileFile(self.path, text, parse_profile(text, str(self.path)))

    def write(self) -> None:
        """Atomic, with the rights the file has. Raises OSError."""
        target = self.path.resolve()
        handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as sink:
                sink.write(self.text)
                sink.flush()
                os.fsync(sink.fileno())
            Path(scratch).chmod(target.stat().st_mode & 0o7777)
            os.replace(scratch, target)
        except OSError:
            Path(scratch).unlink(missing_ok=True)
            raise

    def is_on_disk(self) -> bool:
        """Whether the file still has this text."""
        return self.path.read_text(encoding="utf-8") == self.text
