"""Whether the profile's file still says what a session was opened with. Read again only when it was touched."""

from __future__ import annotations

from pathlib import Path

from console.model.profile import Profile
from console.parse.profile_yaml import ProfileError
from console.session.profiles import ProfileNotFound, ProfileUnreadable, load_profile

Stamp = tuple[int, int, int]


class ProfileOnDisk:
    """`path` is the very file the profile was read from: a name may lead to another one by now."""

    def __init__(self, path: Path, profile: Profile) -> None:
        self.path = path.absolute()
        self._profile = profile
        self._stamp: Stamp | None = None
        self._verdict = ""

    def changed(self) -> str:
        """Why the profile in use is not the one on disk, as a sentence; empty while it is."""
        try:
            stamp = self._stamp_now()
        except OSError as error:
            return f"{self.path} cannot be read any more: {error.strerror}"
        if stamp != self._stamp:
            self._stamp, self._verdict = stamp, self._compared()
        return self._verdict

    def _stamp_now(self) -> Stamp:
        found = self.path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _compared(self) -> str:
        try:
            same = load_profile(str(self.path)) == self._profile
        except (ProfileError, ProfileNotFound, ProfileUnreadable) as error:
            return f"{self.path.name} was edited on disk, and is not valid now: {str(error).splitlines()[0]}"
        return "" if same else f"{self.path.name} was edited on disk"
