"""Connects to a node: settles how, dials (in the lab's namespace if need be), checks the host key, logs in."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncssh

from iamops.model.profile import Node, Profile, SshAccess
from iamops.nodes import netns
from iamops.nodes.ssh import errors
from iamops.nodes.ssh.errors import Remote
from iamops.nodes.ssh.host_keys import KnownKeys, known
from iamops.nodes.ssh.peer import OfferedKeys, Peer, acknowledge
from iamops.nodes.ssh.settings import SettingsError, SshSettings, UserFiles, hop_access, settle
from iamops.nodes.ssh.transport import SshTransport
from iamops.nodes.supervisor import run_in_thread
from iamops.nodes.transport import HandshakeFailed, SshConfigInvalid

MAX_HOPS = 8
Hops = tuple[asyncssh.SSHClientConnection, ...]
Address = tuple[int, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class SshLimits:
    """Time limits in seconds. A silent peer is given up after (misses + 1) keepalives."""

    connect_s: float = 5.0
    login_s: float = 10.0
    keepalive_s: float = 2.5
    keepalive_misses: int = 2


class SshConnector:
    """Makes connected transports to one node. Reads the user's SSH files anew at each attempt.

    A profile with a network namespace is a lab: it brings its own key and known_hosts, and the user's
    SSH configuration, agent and keys have no part in it.
    """

    def __init__(
        self, profile: Profile, node: Node, *, limits: SshLimits | None = None, files: UserFiles | None = None
    ) -> None:
        self._node = node
        self._access = profile.ssh_of(node)
        self._keys = (Path(self._access.key).expanduser(),) if self._access.key else ()
        self._namespace = profile.network_namespace
        self._limits = limits or SshLimits()
        self._files = None if self._namespace else (files or UserFiles.of_this_user())

    async def connect(self) -> SshTransport:
        """A logged-in connection, or the TransportError that says why there is none."""
        settings, remote = self._destination()
        return SshTransport(*await self._login(settings, remote, await self._hops(settings)))

    async def fetch_host_key(self) -> tuple[asyncssh.SSHKey, SshSettings]:
        """The host key, without logging in and without trusting it, and the settings for looking it up."""
        settings, remote = self._destination()
        hops = await self._hops(settings)
        # Without authorities the machine shows its plain key, and not a certificate for it.
        filed = dataclasses.replace(self._filed(settings), authorities=())
        peer = Peer(remote.node, filed, OfferedKeys(settings), hops, trusting=False)
        try:
            await self._handshake(settings, remote, peer)
        except asyncssh.HostKeyNotVerifiable:
            if peer.presented is not None:
                return peer.presented, settings
        except asyncssh.ChannelOpenError as error:
            raise errors.hop_failed(remote, settings.jump[-1], error) from None
        except (asyncssh.Error, OSError, ValueError) as error:
            raise errors.login_failed(remote, error, "no login was tried") from error
        finally:
            await _close(hops)
        raise HandshakeFailed(remote.node, "it showed no host key", f"try: {remote.by_hand}")

    def _destination(self) -> tuple[SshSettings, Remote]:
        settings = self._settle(self._access.host or self._node.address, self._access)
        return settings, Remote(self._node.name, settings.host, settings.port, settings.user)

    def _settle(self, name: str, access: SshAccess) -> SshSettings:
        try:
            return settle(name, access, self._files)
        except SettingsError as error:
            step = "correct ~/.ssh/config, or the ssh section of the profile"
            raise SshConfigInvalid(self._node.name, f"cannot use the SSH settings: {error}", step) from error

    def _filed(self, settings: SshSettings) -> KnownKeys:
        return known(settings.known_hosts, settings.known_as, settings.port)

    # --- jump hosts: each rides on the one before it; the first may have a jump host of its own ---

    async def _hops(self, settings: SshSettings, depth: int = 0) -> Hops:
        hops: Hops = ()
        try:
            for hop in settings.jump:
                hops = await self._hop(hop, hops, depth + 1)
        except BaseException:
            await _close(hops)
            raise
        return hops

    async def _hop(self, hop: str, hops: Hops, depth: int) -> Hops:
        try:
            name, access = hop_access(hop)
        except SettingsError as error:
            raise SshConfigInvalid(self._node.name, str(error), "correct ProxyJump") from error
        settings = self._settle(name, access.over(SshAccess(known_hosts=self._access.known_hosts)))
        remote = Remote(self._node.name, settings.host, settings.port, settings.user, hop=name)
        if depth > MAX_HOPS:
            raise SshConfigInvalid(self._node.name, "its jump hosts lead in a circle", "correct ProxyJump")
        if not hops:
            hops = await self._hops(settings, depth)
        # The profile's key is offered to its jump hosts too, beside whatever the user has for them.
        settings = dataclasses.replace(settings, keys=(*self._keys, *settings.keys))
        connection, _ = await self._login(settings, remote, hops)
        return (*hops, connection)

    # --- one machine ---

    async def _login(
        self, settings: SshSettings, remote: Remote, hops: Hops
    ) -> tuple[asyncssh.SSHClientConnection, Peer]:
        """The connections that it rides on are closed if it fails."""
        keys, filed = OfferedKeys(settings), self._filed(settings)
        peer = Peer(remote.node, filed, keys, hops, is_hop=remote.hop is not None)
        try:
            return await self._handshake(settings, remote, peer), peer
        except BaseException as error:
            await _close(hops)
            match error:
                case asyncssh.HostKeyNotVerifiable():
                    raise errors.host_key_refused(remote, settings, filed, peer.presented, error) from None
                case asyncssh.ChannelOpenError():
                    raise errors.hop_failed(remote, settings.jump[-1], error) from None
                case asyncssh.Error() | OSError() | ValueError():
                    raise errors.login_failed(remote, error, keys.account) from error
            raise
        finally:
            keys.close()

    async def _handshake(self, settings: SshSettings, remote: Remote, peer: Peer) -> asyncssh.SSHClientConnection:
        """Raises asyncssh's errors, except for the two time limits."""
        raw = None if peer.hops or settings.proxy_command else await self._dial(settings, remote)
        limit_s = self._limits.login_s + (self._limits.connect_s if raw is None else 0)
        try:
            async with asyncio.timeout(limit_s):
                return await asyncssh.connect(
                    settings.name,
                    settings.port,
                    options=settings.options,
                    config=None,
                    sock=raw,
                    tunnel=peer.hops[-1] if peer.hops else None,
                    client_factory=lambda: peer,
                    known_hosts=peer.authorities,
                    server_host_key_algs=list(peer.known.algorithms),
                    client_keys=None,
                    agent_forwarding=False,
                    # With a GSS key exchange no host key is shown, and so none would be checked.
                    gss_kex=False,
                    # A packet of some kilobytes could become one of some hundred megabytes.
                    compression_algs=["none"],
                    password_auth=False,
                    kbdint_auth=False,
                    keepalive_interval=self._limits.keepalive_s,
                    keepalive_count_max=self._limits.keepalive_misses,
                    # Both limits are ours: asyncssh's cannot be told apart from a lost connection.
                    connect_timeout=None,
                    login_timeout=0,
                )
        except BaseException as error:
            if raw is not None:
                raw.close()
            if isinstance(error, TimeoutError):
                raise errors.login_timed_out(remote, limit_s) from None
            raise

    async def _dial(self, settings: SshSettings, remote: Remote) -> socket.socket:
        """A connection to the first address that answers; no address may use up the time of the others."""
        limit_s = self._limits.connect_s
        try:
            async with asyncio.timeout(limit_s):
                addresses = await self._addresses(settings)
                for family, target in addresses[:-1]:
                    with contextlib.suppress(OSError):
                        async with asyncio.timeout(limit_s / len(addresses)):
                            return await self._connected(family, target)
                return await self._connected(*addresses[-1])
        except TimeoutError:
            raise errors.dial_timed_out(remote, limit_s) from None
        except OSError as error:
            raise errors.dial_failed(remote, error) from error

    async def _addresses(self, settings: SshSettings) -> Sequence[Address]:
        """Every address of the host. In the lab names mean nothing: no question may leave it."""
        host, port, family = settings.host, settings.port, settings.options.family
        flags = socket.AI_NUMERICHOST if self._namespace else 0
        resolve = partial(socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM, flags=flags)
        found = await run_in_thread(resolve, f"resolve {host}")
        return [(family, (str(target[0]), int(target[1]))) for family, _, _, _, target in found]

    async def _connected(self, family: int, target: tuple[str, int]) -> socket.socket:
        raw = netns.open_socket(self._namespace, family)
        try:
            raw.setblocking(False)
            await asyncio.get_running_loop().sock_connect(raw, target)
            acknowledge(raw)
        except BaseException:
            raw.close()
            raise
        return raw


async def _close(hops: Hops) -> None:
    for hop in reversed(hops):
        hop.abort()
        await hop.wait_closed()
