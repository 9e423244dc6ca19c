"""How to reach and log in to one machine: the profile over the user's OpenSSH configuration.

Reads ~/.ssh/config (never /etc/ssh/ssh_config: distributions put options there that only OpenSSH knows).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from iamops.model.foreign import whole
from iamops.model.profile import SshAccess
from iamops.nodes.ssh.host_keys import GLOBAL_FILES

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")


class SettingsError(Exception):
    """The settings cannot be used; the message says which file and line."""


@dataclass(frozen=True, slots=True)
class SshSettings:
    """All settings for one machine before a packet is sent.

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
    """Where a user's SSH files are. `None` in its place: only the profile counts."""

    home: Path
    agent: str | None

    @classmethod
    def of_this_user(cls) -> UserFiles:
        return cls(Path("~").expanduser(), os.environ.get("SSH_AUTH_SOCK"))

    @property
    def ssh(self) -> Path:
        return self.home / ".ssh"


def settle(name: str, access: SshAccess, files: UserFiles | None) -> SshSettings:
    """The settings for `name` (an address, or a Host alias of the user's). Raises SettingsError.

    `access` wins; then the user's configuration; then OpenSSH's defaults.
    """
    options = _options(name, access, files)
    known_hosts, keys, agent = list[Path](), list[Path](), None
    if files is not None:
        # The first file is the one to which a newly trusted key would be added.
        known_hosts += _listed(options, "UserKnownHostsFile") or [files.ssh / "known_hosts"]
        known_hosts += _listed(options, "GlobalKnownHostsFile") or GLOBAL_FILES
        keys += _listed(options, "IdentityFile") or [files.ssh / default for default in DEFAULT_KEYS]
        chosen = options.config.get("IdentityAgent", "SSH_AUTH_SOCK")
        if chosen:
            agent = files.agent if chosen == "SSH_AUTH_SOCK" else str(Path(str(chosen)).expanduser())
    jump = access.jump or options.config.get("ProxyJump")
    hops = tuple(hop.strip() for hop in str(jump).split(",")) if jump else ()
    # `Host *` with a ProxyJump also applies to the jump host: not to itself.
    to_itself = any(hop_access(hop)[0] == name for hop in hops)
    return SshSettings(
        name=name,
        host=options.host,
        port=options.port,
        user=options.username,
        known_as=options.host_key_alias or options.host,
        known_hosts=(Path(access.known_hosts).expanduser(),) if access.known_hosts else tuple(known_hosts),
        jump=() if to_itself else hops,
        keys=(Path(access.key).expanduser(),) if access.key else tuple(keys),
        agent=agent or None,
        only_keys=bool(access.key or options.config.get("IdentitiesOnly")),
        options=options,
    )


def _options(name: str, access: SshAccess, files: UserFiles | None) -> asyncssh.SSHClientConnectionOptions:
    given: dict[str, Any] = {"port": access.port, "username": access.user}
    given = {key: value for key, value in given.items() if value is not None}
    given |= {"client_keys": None, "x509_trusted_certs": None, "canonicalize_hostname": False}
    config: list[Path] | None = None
    if files is not None:
        readable = os.access(files.ssh / "config", os.R_OK)
        config = [files.ssh / "config"] if readable else []
    try:
        options = asyncssh.SSHClientConnectionOptions(host=name, config=config, **given)
        if options.config.get("Ciphers"):
            return options
        return asyncssh.SSHClientConnectionOptions(host=name, config=config, encryption_algs=FAST_FIRST, **given)
    except (asyncssh.ConfigParseError, OSError, ValueError) as error:
        raise SettingsError(str(error)) from error


def _listed(options: asyncssh.SSHClientConnectionOptions, option: str) -> list[Path]:
    files = options.config.get(option)
    return [Path(str(file)).expanduser() for file in files] if isinstance(files, list) else []


def hop_access(hop: str) -> tuple[str, SshAccess]:
    """The host in `[user@]host[:port]`, and the user and port it names. Raises SettingsError."""
    user, _, address = hop.removeprefix("ssh://").rpartition("@")
    host, colon, port = address.rpartition(":")
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        port = rest.removeprefix(":")
    elif not colon or ":" in host:
        host, port = address, ""
    number = whole(port)
    if not host or (number is None and port):
        raise SettingsError(f"ProxyJump {hop!r} is not [user@]host[:port]")
    # The user's own configuration is not held to the profile's stricter patterns.
    return host, SshAccess.model_construct(user=user or None, port=number)
