"""Host keys: what the known_hosts files hold for a host, and what a presented key means against them.

Reads files, decides; never writes. The matching itself (hashed names, ports, markers) is asyncssh's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from pathlib import Path

import asyncssh

SSH_PORT = 22
PREFERRED = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
PREFERRED_RSA = ("rsa-sha2-512", "rsa-sha2-256")
GLOBAL_FILES = (Path("/etc/ssh/ssh_known_hosts"), Path("/etc/ssh/ssh_known_hosts2"))


class KeyTrust(Enum):
    """What a presented host key is to us."""

    TRUSTED = auto()
    UNKNOWN = auto()
    CHANGED = auto()
    REVOKED = auto()


@dataclass(frozen=True, slots=True)
class HostKey:
    """A host key as a person compares it: its type, and the fingerprint that ssh-keygen -l prints."""

    key_type: str
    fingerprint: str

    @classmethod
    def of(cls, key: asyncssh.SSHKey) -> HostKey:
        return cls(key.get_algorithm(), key.get_fingerprint("sha256"))

    def __str__(self) -> str:
        return f"{self.key_type} {self.fingerprint}"


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """What the files hold for one host. `any_port`: keys under the plain name: those vouch for any port."""

    keys: tuple[asyncssh.SSHKey, ...]
    authorities: tuple[asyncssh.SSHKey, ...]
    revoked: tuple[asyncssh.SSHKey, ...]
    any_port: tuple[asyncssh.SSHKey, ...] = ()

    def standing(self, key: asyncssh.SSHKey) -> KeyTrust:
        """As OpenSSH sees it: an entry without a port vouches for any port, but accuses at none."""
        if key in self.revoked:
            return KeyTrust.REVOKED
        if key in self.keys or key in self.any_port:
            return KeyTrust.TRUSTED
        return KeyTrust.CHANGED if self.keys else KeyTrust.UNKNOWN

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What to ask the server for: the types on file first, so that it presents a key we know.

        The others follow, so that a host that has changed its key type is told from one we cannot talk to.
        """
        on_file = (name for key in (*self.keys, *self.any_port) for name in key.sig_algorithms)
        wanted = (*(name.decode("ascii") for name in on_file), *PREFERRED, *PREFERRED_RSA)
        certified = [f"{name}-cert-v01@openssh.com" for name in (*PREFERRED, *PREFERRED_RSA)]
        return tuple(dict.fromkeys((*(certified if self.authorities else ()), *wanted)))


def known(files: Sequence[Path], host: str, port: int) -> KnownKeys:
    """Looks one host up in all files. Files that are missing or unreadable count as empty."""
    keys, authorities, revoked = _matched(files, entry_name(host, port))
    if port == SSH_PORT:
        return KnownKeys(keys, authorities, revoked)
    any_port, _, also_revoked = _matched(files, entry_name(host, SSH_PORT))
    return KnownKeys(keys, authorities, (*revoked, *also_revoked), any_port)


def entry_name(host: str, port: int) -> str:
    """The name under which a known_hosts file lists this host and port; OpenSSH writes it in lower case."""
    return host.lower() if port == SSH_PORT else f"[{host.lower()}]:{port}"


def standing_lines(files: Sequence[Path], host: str, port: int) -> tuple[tuple[Path, int], ...]:
    """File and line number (from 1) of every plain key entry for exactly this host and port."""
    name = entry_name(host, port)
    return tuple(
        (file, number)
        for file in files
        for number, line in enumerate(_text(file).splitlines(), start=1)
        if not line.lstrip().startswith("@") and names(line, name)
    )


def names(line: str, name: str) -> bool:
    """Whether one line of a known_hosts file holds a key under this entry name."""
    return any(content.match(name, "", None)[0] for content in _parsed_lines([line]))


def _matched(files: Sequence[Path], name: str) -> tuple[tuple[asyncssh.SSHKey, ...], ...]:
    """Keys, authorities and revoked keys. Without a port argument asyncssh never falls back to another."""
    keys, authorities, revoked = list[asyncssh.SSHKey](), list[asyncssh.SSHKey](), list[asyncssh.SSHKey]()
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        for content in _parsed_file(file, status.st_mtime_ns, status.st_size):
            found = content.match(name, "", None)
            keys += found[0]
            authorities += found[1]
            revoked += found[2]
    return tuple(keys), tuple(authorities), tuple(revoked)


@lru_cache(maxsize=16)
def _parsed_file(file: Path, _mtime_ns: int, _size: int) -> tuple[asyncssh.SSHKnownHosts, ...]:
    """A parsed file. Kept while it is unchanged: fifty nodes would read the same thousand lines."""
    text = _text(file)
    try:
        return (asyncssh.import_known_hosts(text),)
    except ValueError:
        return tuple(_parsed_lines(text.splitlines()))


def _parsed_lines(lines: Iterable[str]) -> Iterator[asyncssh.SSHKnownHosts]:
    """Line by line, because one broken line must not hide the others; OpenSSH skips it too."""
    for line in lines:
        try:
            yield asyncssh.import_known_hosts(line)
        except ValueError:
            continue


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
