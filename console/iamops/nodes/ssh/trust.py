"""Trusting a node's host key: what it presents, what is on file, and the one careful write to that file."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from iamops.model.profile import Node, Profile
from iamops.nodes.ssh.connector import SshConnector, SshLimits
from iamops.nodes.ssh.host_keys import HostKey, KeyTrust, entry_name, known, names, standing_lines
from iamops.nodes.ssh.settings import UserFiles


class CannotTrust(Exception):
    """The key cannot be put on file; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class HostKeyOffer:
    """A host key that waits for a decision. `file` is where it would be written, under `name`.

    `filed` are the keys on file for this host, `other_files` the lines of files that are not ours to change.
    """

    node: str
    name: str
    presented: HostKey
    trust: KeyTrust
    filed: tuple[HostKey, ...]
    file: Path
    other_files: tuple[tuple[Path, int], ...]
    line: str


async def fetch_offer(
    profile: Profile, node: Node, *, limits: SshLimits | None = None, files: UserFiles | None = None
) -> HostKeyOffer:
    """The node's host key, fetched without a login, and what is on file. Raises TransportError, CannotTrust."""
    key, settings = await SshConnector(profile, node, limits=limits, files=files).fetch_host_key()
    if not settings.known_hosts:
        raise CannotTrust(f"the profile names no known_hosts file for {node.name}: set ssh.known_hosts")
    on_file = known(settings.known_hosts, settings.known_as, settings.port)
    own, *others = settings.known_hosts
    name = entry_name(settings.known_as, settings.port)
    # `type base64`, without the comment, which the remote side chooses.
    key_type, blob, *_ = key.export_public_key("openssh").decode("ascii").split()
    return HostKeyOffer(
        node=node.name,
        name=name,
        presented=HostKey.of(key),
        trust=on_file.standing(key),
        filed=tuple(map(HostKey.of, on_file.keys)),
        file=own,
        other_files=standing_lines(others, settings.known_as, settings.port),
        line=f"{name} {key_type} {blob}",
    )


def accept(wanted: HostKeyOffer, *, replace: bool = False) -> None:
    """Puts the key on file. Raises CannotTrust for a changed key without `replace`, or a revoked one."""
    match wanted.trust:
        case KeyTrust.TRUSTED:
            return
        case KeyTrust.REVOKED:
            raise CannotTrust(f"{wanted.presented} is marked @revoked for {wanted.name}: it is never trusted")
        case KeyTrust.CHANGED if not replace:
            raise CannotTrust(f"the host key of {wanted.node} has changed: nothing is replaced without --replace")
        case KeyTrust.CHANGED if wanted.other_files:
            lines = ", ".join(f"{file}:{number}" for file, number in wanted.other_files)
            raise CannotTrust(f"the old key of {wanted.node} stands in {lines}: remove it there first")
        case KeyTrust.CHANGED:
            _rewrite(wanted)
        case KeyTrust.UNKNOWN:
            _append(wanted)


def _append(wanted: HostKeyOffer) -> None:
    """One write at the end of the file: neither other writers nor we lose anything."""
    _prepare_directory(wanted.file)
    handle = os.open(wanted.file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(handle).st_size
        complete = size == 0 or os.pread(handle, 1, size - 1) == b"\n"
        os.write(handle, f"{wanted.line}\n".encode() if complete else f"\n{wanted.line}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def _rewrite(wanted: HostKeyOffer) -> None:
    """The file without the host's old keys and with its new one, put in place in one step."""
    # A known_hosts that is a symbolic link into someone's dotfiles stays one.
    file = wanted.file.resolve()
    kept = [_without(line, wanted.name) for line in file.read_text(errors="surrogateescape").splitlines()]
    text = "\n".join([*(line for line in kept if line is not None), wanted.line]) + "\n"
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    os.close(handle)
    part = Path(name)
    try:
        part.write_text(text, errors="surrogateescape")
        part.chmod(file.stat().st_mode & 0o777)
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _without(line: str, name: str) -> str | None:
    """The line without this host; None if nothing of it is left. Other names on it keep their key."""
    if line.lstrip().startswith(("@", "#")) or not names(line, name):
        return line
    hosts, _, key = line.strip().partition(" ")
    if name not in hosts.split(","):
        return None if hosts.startswith("|") else line
    others = [host for host in hosts.split(",") if host != name]
    return f"{','.join(others)} {key}" if others else None


def _prepare_directory(file: Path) -> None:
    # `parents=True` would give the upper ones the mode that the umask leaves: others could replace the file then.
    missing = [directory for directory in (file.parent, *file.parent.parents) if not directory.exists()]
    for directory in reversed(missing):
        directory.mkdir(mode=0o700, exist_ok=True)
