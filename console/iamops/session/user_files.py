"""This user's files and the shipped ones: where they are, read where no stranger could change them, written for
their owner only, whatever the umask.
"""

from __future__ import annotations

import contextlib
import errno
import getpass
import grp
import os
import pwd
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from iamops.ledger.files import make_private, regular

PACKAGE = Path(__file__).resolve().parent.parent
PRIVATE = 0o600
GIVEN = ("/dev/", "/proc/")
# More than a profile, a drill or a template may have by its own rules.
MOST_BYTES = 1024 * 1024
MOST_LINKS = 40


def shipped_dir(kind: str) -> Path:
    """The shipped `profiles` or `themes`: inside the wheel, or at the top of a checkout."""
    installed = PACKAGE / "_bundled" / kind
    return installed if installed.is_dir() else PACKAGE.parents[1] / kind


def user_dir(kind: str) -> Path:
    return platformdirs.user_config_path("iamops", appauthor=False) / kind


def state_dir() -> Path:
    return platformdirs.user_state_path("iamops", appauthor=False)


def by_name(shipped: Path, kind: str) -> Mapping[str, Path]:
    """Every YAML file of that kind by its stem; the user's own wins over a shipped one."""
    found: dict[str, Path] = {}
    for directory in (shipped, user_dir(kind)):
        found.update({path.stem: path for path in sorted(directory.glob("*.yaml"))})
    return found


def audit_file() -> Path:
    return state_dir() / "audit.jsonl"


class NoSuchLedger(Exception):
    """The file that was named is not there, or no file; says which."""


def ledger_file(named: Path | None) -> Path:
    """The named ledger, or the user's own, which need not be there yet. Raises NoSuchLedger, OSError."""
    path = named or audit_file()
    try:
        regular(path).close()
    except FileNotFoundError:
        if named is not None:
            raise NoSuchLedger(f"{path}: no such ledger") from None
    except OSError:
        if named is not None and path.exists() and not path.is_file():
            kind = "directory" if path.is_dir() else "device, fifo or socket"
            raise NoSuchLedger(f"{path}: a {kind}, not a ledger") from None
        raise
    return path


def watch_dir(profile: str) -> Path:
    """Where this user's watch of a cluster keeps its outbox and its silence."""
    return state_dir() / "watch" / profile


def current_user() -> str:
    """user@host, as locks, audit and manifests name who acts; the one before sudo, where sudo says so."""
    return f"{os.environ.get('SUDO_USER') or getpass.getuser()}@{socket.gethostname()}"


# Files about the cluster: no stranger reads them, and no stranger's link is followed to them.


def write_private(path: Path, text: str) -> None:
    """Writes a file that nobody else can read; one that is there is replaced. Raises OSError.

    What is no regular file (a terminal, a pipe) is written to as it is, and so is what this process was given open
    (/dev/stdout). Another user's file is refused: its owner could read on.
    """
    refuse_foreign_links(path)
    given = os.path.abspath(path).startswith(GIVEN)
    if not given:
        # A file of ours that others may open, or with a second name: whoever has it open would read what is new.
        with contextlib.suppress(OSError):  # there is none; or it stays, and is for its owner alone from now on
            found = os.lstat(path)
            ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
            if ours and (stat.S_IMODE(found.st_mode) & ~PRIVATE or found.st_nlink > 1):
                path.unlink()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    with os.fdopen(handle, "w", encoding="utf-8") as sink:
        found = os.fstat(handle)
        if stat.S_ISREG(found.st_mode):
            if found.st_uid == os.geteuid():
                os.fchmod(handle, PRIVATE)
            elif not given:
                raise OSError(
                    errno.EPERM, "belongs to another user: remove it first, or name another file", str(path)
                )
            os.ftruncate(handle, 0)
        sink.write(text)


def private_directory(path: Path) -> None:
    """Makes the directory and what is missing above it, for its owner alone. Raises OSError."""
    refuse_foreign_links(path)
    make_private(path)


def refuse_foreign_links(path: Path) -> None:
    """Raises OSError where the path leads through, or to, a link that another user has put there."""
    absolute = Path(os.path.abspath(path))
    for part in (*reversed(absolute.parents), absolute):
        try:
            found = os.lstat(part)
        except OSError:
            return
        if stat.S_ISLNK(found.st_mode) and found.st_uid not in (os.geteuid(), 0):
            raise OSError(errno.ELOOP, "leads through another user's link, and is not followed", str(part))


# Files that say what is run, here and on nodes: read only where nobody but this user and root can change them.


class InOthersHands(Exception):
    """Somebody else could change the file, or put another in its place; says where, and what to do."""


def own_text(path: Path) -> str:
    """The file's text. Raises InOthersHands, OSError, UnicodeDecodeError."""
    check_hands(path)
    # Only of a regular file: opening a fifo waits for somebody to write into it.
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(file, "rb") as source:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        content = source.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"more than {MOST_BYTES} bytes", str(path))
    return content.decode("utf-8")


def text_of(path: Path, unreadable: type[Exception]) -> str:
    """The same; why it cannot be read is raised as `unreadable`."""
    try:
        return own_text(path)
    except InOthersHands as error:
        raise unreadable(str(error)) from None
    except UnicodeDecodeError as error:
        raise unreadable(f"{path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise unreadable(f"{path}: {error.strerror}") from error


def check_hands(path: Path) -> None:
    """Every directory on the way and every link is asked, too. Raises InOthersHands, OSError."""
    # What is shipped is trusted by name, not by where links lead: to change it is to change the program.
    real = path.absolute()
    shipped = real.is_relative_to(PACKAGE) or real.parent == shipped_dir("profiles")
    if not shipped or ".." in real.parts:
        _walk(real, _trusted())


def check_directory(path: Path) -> None:
    """Of a directory that a file of ours is to be made in: it may be everybody's where it is sticky, as /tmp is.

    Raises InOthersHands, OSError.
    """
    trusted = _trusted()
    _check_place(_walk(path.absolute(), trusted, last=False), trusted)


def _trusted() -> frozenset[int]:
    """This user and root; under sudo also its caller, who needs no iamops to change a file."""
    caller = os.environ.get("SUDO_UID", "")
    by_sudo = {int(caller)} if os.geteuid() == 0 and caller.isascii() and caller.isdigit() else set[int]()
    return frozenset({0, os.geteuid(), *by_sudo})


def _walk(path: Path, trusted: frozenset[int], *, last: bool = True) -> Path:
    """From the root down, as the kernel goes; where it leads to. `last`: what stands at the end is judged, too."""
    at, ahead, links = Path("/"), list(reversed(path.parts[1:])), 0
    while ahead:
        part = ahead.pop()
        if part in ("", "."):
            continue
        if part == "..":
            at = at.parent
            continue
        child = at / part
        found = child.lstat()
        _check_place(at, trusted, child, found)
        if not stat.S_ISLNK(found.st_mode):
            at = child
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = Path(child.readlink())
        at = Path("/") if target.is_absolute() else at
        ahead += reversed(target.parts[1:] if target.is_absolute() else target.parts)
    if last:
        _check_own(at, at.stat(), trusted)
    return at


def _check_place(
    directory: Path, trusted: frozenset[int], child: Path | None = None, there: os.stat_result | None = None
) -> None:
    """Can somebody else put another thing in the place of the child? In a sticky directory only its owner can."""
    found = directory.stat()
    if not (found.st_mode & stat.S_ISVTX and found.st_uid in trusted):
        _check_own(directory, found, trusted)
    elif child is not None and there is not None and there.st_uid not in trusted:
        _check_own(child, there, trusted)


def _check_own(path: Path, found: os.stat_result, trusted: frozenset[int]) -> None:
    if found.st_uid not in trusted:
        raise InOthersHands(
            f"{path} belongs to {_user(found.st_uid)}, who could change what is run; "
            f"take a copy, or: chown {_user(os.geteuid())} {path}"
        )
    if found.st_mode & stat.S_IWOTH:
        raise InOthersHands(f"anybody can change {path}, and what it says is run; fix: chmod o-w {path}")
    if found.st_mode & stat.S_IWGRP and not _private(found.st_gid, trusted):
        group = str(found.st_gid)
        with contextlib.suppress(KeyError):
            group = grp.getgrgid(found.st_gid).gr_name
        raise InOthersHands(f"the group {group} can change {path}, and what it says is run; fix: chmod g-w {path}")


def _private(group: int, trusted: frozenset[int]) -> bool:
    """root's, or one that a distribution made for one user alone: of his name, and with nobody else in it."""
    if group == 0:
        return True
    try:
        named = grp.getgrgid(group)
        owner = pwd.getpwnam(named.gr_name)
    except KeyError:
        return False
    return owner.pw_gid == group and owner.pw_uid in trusted and set(named.gr_mem) <= {owner.pw_name}


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
