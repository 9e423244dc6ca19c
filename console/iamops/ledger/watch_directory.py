"""Where a watch keeps its outbox, its lock and the maintenance silence: one directory per cluster and user."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from iamops.judge.alerts.silence import Silence, silence_of
from iamops.ledger.files import make_private
from iamops.model.foreign import json_of
from iamops.redact.clean import clean_text

SILENCE_BYTES = 64 * 1024


class WatchBusy(Exception):
    """Another watch runs on this directory."""


class WatchDirectory:
    """The directory and what is in it. It is made, for its owner alone, when something is first written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outbox = path / "outbox.db"
        self._lock = path / "lock"
        self._silence = path / "silence.json"
        self._last: tuple[tuple[int, int] | None, Silence | None, str] = (None, None, "")

    def make(self) -> None:
        """Raises OSError."""
        make_private(self.path)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """The directory for one watch alone. Raises WatchBusy with who has it, OSError."""
        self.make()
        file = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WatchBusy(
                    f"another watch runs on {self.path} (process {_pid(file)}): end that one, "
                    "or give this one a directory of its own with --state-dir"
                ) from None
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(file)

    def running(self) -> str | None:
        """The process id of the watch that runs here; None when there is none."""
        try:
            file = os.open(self._lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _pid(file)
        finally:
            os.close(file)
        return None

    def silence(self, now: float) -> tuple[Silence | None, str]:
        """The silence that holds at `now` (wall clock), and why its file could not be read, if so: then none does.

        The file is read when it has changed.
        """
        try:
            found = self._silence.stat()
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            return None, f"{self._silence}: {error.strerror}"
        mark = (found.st_mtime_ns, found.st_ino)
        if mark != self._last[0]:
            self._last = (mark, *self._read_silence())
        _, silence, trouble = self._last
        if silence is not None and silence.lies_ahead(now):
            trouble = (
                f"{self._silence} begins in the future: the clock was set back since, and nothing is held back"
            )
        return (silence if silence and silence.holds(now) else None), trouble

    def keep_silence(self, silence: Silence) -> None:
        """Replaces what holds. Raises OSError."""
        self.make()
        scratch = self._silence.with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps(silence.document(), indent=2) + "\n", encoding="ascii")
        scratch.chmod(0o600)
        scratch.replace(self._silence)

    def end_silence(self) -> None:
        """Raises OSError."""
        self._silence.unlink(missing_ok=True)

    def _read_silence(self) -> tuple[Silence | None, str]:
        try:
            with self._silence.open("rb") as file:
                return silence_of(json_of(file.read(SILENCE_BYTES))), ""
        except OSError as error:
            return None, f"{self._silence}: {error.strerror}"
        except (ValueError, TypeError, KeyError) as error:
            return None, f"{self._silence} is no silence ({clean_text(str(error), 100)}): nothing is held back"


def _pid(file: int) -> str:
    return clean_text(os.pread(file, 32, 0).decode("ascii", "replace").strip(), 20) or "not known"
