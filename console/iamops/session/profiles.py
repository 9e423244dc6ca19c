"""Finds and reads profile files. The only place that opens them."""

from __future__ import annotations

import contextlib
import difflib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from iamops.model.profile import Profile, VrrpAuth
from iamops.parse.profile.loader import ProfileError, parse_profile
from iamops.redact.known import learn
from iamops.session.user_files import by_name, shipped_dir, text_of, user_dir


class SecretMissing(Exception):
    """A secret that the profile names is not there; says which, and how to provide it."""


def vrrp_secrets(profile: Profile) -> Mapping[str, str]:
    """Passwords by VRRP instance. Raises SecretMissing; never says what a secret is."""
    return {name: _secret(name, vrrp.auth) for name, vrrp in profile.vrrp.items() if vrrp.auth is not None}


def _secret(instance: str, auth: VrrpAuth) -> str:
    """From an environment variable or a file of the operator's machine. A secret that is resolved is known to
    redaction: nobody can forget that.
    """
    if auth.from_env is not None:
        value = os.environ.get(auth.from_env, "")
        if not value:
            raise SecretMissing(
                f"{instance}: set {auth.from_env} to the VRRP password (the profile's auth.from_env)"
            )
    else:
        path = Path(auth.from_file or "").expanduser()
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise SecretMissing(f"{instance}: {path}: {why} (the profile's auth.from_file)") from None
    learn((value,))
    return value


class ProfileNotFound(Exception):
    """There is no such profile, or no single one to choose."""


class ProfileUnreadable(Exception):
    """The file is there but cannot be read as text, or somebody else could change it."""


def user_profile_dir() -> Path:
    return user_dir("profiles")


def find_profile(name_or_path: str | None = None) -> Path:
    """The file meant by a name or a path; None means IAMOPS_PROFILE, else the user's only profile."""
    chosen = name_or_path or os.environ.get("IAMOPS_PROFILE")
    if not chosen:
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
    if "/" in chosen or chosen.endswith((".yaml", ".yml")):
        path = Path(chosen).expanduser()
        if path.is_dir():
            raise ProfileNotFound(f"{path}: a directory, not a profile")
        if not path.is_file():
            raise ProfileNotFound(f"no profile file at {path}")
        return path
    known = by_name(shipped_dir("profiles"), "profiles")
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
    profile = parse_profile(text_of(path, ProfileUnreadable), str(path))
    # Those secrets that can be had now are taken out of every text from now on.
    for name, vrrp in profile.vrrp.items():
        if vrrp.auth is not None:
            with contextlib.suppress(SecretMissing):
                _secret(name, vrrp.auth)
    return profile


class ProfileNotYours(Exception):
    """The profile is a shipped one; says how to get one of your own."""


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A profile's file while it is edited: its text as it was read, and what that means."""

    path: Path
    text: str
    profile: Profile

    @classmethod
    def found(cls, name_or_path: str | None) -> ProfileFile:
        """Raises what load_profile raises, and ProfileNotYours."""
        path = find_profile(name_or_path)
        if path.resolve().parent == shipped_dir("profiles").resolve():
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
        return self.path.read_text(encoding="utf-8") == self.text


class ProfileOnDisk:
    """Whether the file still says what a session was opened with; read again only when it was touched.

    `path` is the very file the profile was read from: a name may lead to another one by now.
    """

    def __init__(self, path: Path, profile: Profile) -> None:
        self.path = path.absolute()
        self._profile = profile
        self._stamp: tuple[int, int, int] | None = None
        self._verdict = ""

    def changed(self) -> str:
        """Why the profile in use is not the one on disk, as a sentence; empty while it is."""
        try:
            found = self.path.stat()
        except OSError as error:
            return f"{self.path} cannot be read any more: {error.strerror}"
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._stamp:
            edited = f"{self.path.name} was edited on disk"
            try:
                verdict = "" if load_profile(str(self.path)) == self._profile else edited
            except (ProfileError, ProfileNotFound, ProfileUnreadable) as error:
                verdict = f"{edited}, and is not valid now: {str(error).splitlines()[0]}"
            self._stamp, self._verdict = stamp, verdict
        return self._verdict
