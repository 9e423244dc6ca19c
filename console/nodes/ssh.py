"""Connects to a node: settles how, dials (in the lab's namespace if need be), checks the key, logs in."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from console.model.profile import Node, Profile, SshAccess
from console.nodes import netns, ssh_errors
from console.nodes.aside import aside
from console.nodes.ssh_errors import Place
from console.nodes.ssh_hostkeys import Known, known
from console.nodes.ssh_keys import Keys
from console.nodes.ssh_peer import Peer, acknowledge
from console.nodes.ssh_settings import Settings, SettingsError, UserFiles, hop_access, settle
from console.nodes.ssh_transport import SshTransport
from console.nodes.transport import HandshakeFailed, SshConfigInvalid

MAX_HOPS = 8
Hops = tuple[asyncssh.SSHClientConnection, ...]
Address = tuple[int, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long anything may take, in seconds. A silent peer is given up after (misses + 1) keepalives."""

    connect_s: float = 5.0
    login_s: float = 10.0
    keepalive_s: float = 2.5
    keepalive_misses: int = 2


@dataclass(frozen=True, slots=True)
class Presented:
    """The host key a machine showed, and the settings under which it would be looked up."""

    key: asyncssh.SSHKey
    settings: Settings
    place: Place


class SshConnector:
    """Makes connected transports to one node. Reads the user's SSH files anew at each attempt.

    A profile with a network namespace is a lab: it brings its own key and known_hosts, and the user's
    SSH configuration, agent and keys have no part in it.
    """

    def __init__(
        self, profile: Profile, node: Node, *, limits: Limits | None = None, files: UserFiles | None = None
    ) -> None:
        self._node = node
        self._access = profile.ssh_of(node)
        self._namespace = profile.network_namespace
        self._limits = limits or Limits()
        self._files = None if self._namespace else (files or UserFiles.of_this_user())

    async def connect(self) -> SshTransport:
        """A logged-in connection, or the TransportError that says why there is none."""
        settings, place = self._destination()
        hops = await self._hops(settings)
        try:
            connection, peer = await self._login(settings, place, hops, self._filed(settings))
        except BaseException:
            await _close(hops)
            raise
        return SshTransport(connection, peer)

    async def look(self) -> Presented:
        """The host key, without logging in to the node and without trusting anything it says."""
        settings, place = self._destination()
        hops = await self._hops(settings)
        # Without authorities the machine shows its plain key, and not a certificate for it.
        filed = dataclasses.replace(self._filed(settings), authorities=())
        peer = Peer(place.node, filed, Keys(settings), hops, trusting=False)
        try:
            await self._handshake(settings, place, peer)
        except asyncssh.HostKeyNotVerifiable:
            if peer.presented is not None:
                return Presented(peer.presented, settings, place)
        except asyncssh.ChannelOpenError as error:
            raise ssh_errors.hop_failed(place, settings.jump[-1], error) from None
        except (asyncssh.Error, OSError, ValueError) as error:
            raise ssh_errors.login_failed(place, error, "no login was tried") from error
        finally:
            await _close(hops)
        raise HandshakeFailed(place.node, "it showed no host key", f"try: {place.by_hand}")

    def _destination(self) -> tuple[Settings, Place]:
        settings = self._settle(self._access.host or self._node.address, self._access)
        return settings, Place(self._node.name, settings.host, settings.port, settings.user)

    def _settle(self, name: str, access: SshAccess) -> Settings:
        try:
            return settle(name, access, self._files)
        except SettingsError as error:
            step = "correct ~/.ssh/config, or the ssh section of the profile"
            raise SshConfigInvalid(self._node.name, f"cannot use the SSH settings: {error}", step) from error

    def _filed(self, settings: Settings) -> Known:
        return known(settings.known_hosts, settings.known_as, settings.port)

    # --- jump hosts: each rides on the one before it; the first may have a jump host of its own ---

    async def _hops(self, settings: Settings, depth: int = 0) -> Hops:
        hops: Hops = ()
        try:
            for hop in settings.jump:
                hops = await self._hop(hop, hops, depth + 1)
        except BaseException:
            await _close(hops)
            raise
        return hops

    async def _hop(self, hop: str, hops: Hops, depth: int) -> Hops:
        name, access = self._hop_access(hop)
        settings = self._settle(name, access.over(SshAccess(known_hosts=self._access.known_hosts)))
        place = Place(self._node.name, settings.host, settings.port, settings.user, hop=name)
        if depth > MAX_HOPS:
            raise SshConfigInvalid(self._node.name, "its jump hosts lead in a circle", "correct ProxyJump")
        if not hops:
            hops = await self._hops(settings, depth)
        # The profile's key is offered to its jump hosts too, beside whatever the user has for them.
        own = dataclasses.replace(settings, keys=(*self._key, *settings.keys))
        try:
            connection, _ = await self._login(own, place, hops, self._filed(settings))
        except BaseException:
            await _close(hops)
            raise
        return (*hops, connection)

    def _hop_access(self, hop: str) -> tuple[str, SshAccess]:
        try:
            return hop_access(hop)
        except SettingsError as error:
            raise SshConfigInvalid(self._node.name, str(error), "correct ProxyJump") from error

    # --- one machine ---

    async def _login(
        self, settings: Settings, place: Place, hops: Hops, filed: Known
    ) -> tuple[asyncssh.SSHClientConnection, Peer]:
        keys = Keys(settings)
        peer = Peer(place.node, filed, keys, hops, is_hop=place.hop is not None)
        try:
            return await self._handshake(settings, place, peer), peer
        except asyncssh.HostKeyNotVerifiable as error:
            raise ssh_errors.host_key_refused(place, settings, filed, peer.presented, error) from None
        except asyncssh.ChannelOpenError as error:
            raise ssh_errors.hop_failed(place, settings.jump[-1], error) from None
        except (asyncssh.Error, OSError, ValueError) as error:
            raise ssh_errors.login_failed(place, error, keys.account) from error
        finally:
            keys.close()

    async def _handshake(self, settings: Settings, place: Place, peer: Peer) -> asyncssh.SSHClientConnection:
        """Raises asyncssh's errors, except for the two limits of time."""
        raw = None if peer.hops or settings.proxy_command else await self._dial(settings, place)
        limit_s = self._limits.login_s + (self._limits.connect_s if raw is None else 0)
        try:
            async with asyncio.timeout(limit_s):
                return await self._open(settings, peer, raw)
        except BaseException as error:
            if raw is not None:
                raw.close()
            if isinstance(error, TimeoutError):
                raise ssh_errors.login_timed_out(place, limit_s) from None
            raise

    async def _open(
        self, settings: Settings, peer: Peer, raw: socket.socket | None
    ) -> asyncssh.SSHClientConnection:
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

    async def _dial(self, settings: Settings, place: Place) -> socket.socket:
        limit_s = self._limits.connect_s
        try:
            async with asyncio.timeout(limit_s):
                addresses = await self._addresses(settings)
                return await self._first_answering(addresses, limit_s / len(addresses))
        except TimeoutError:
            raise ssh_errors.dial_timed_out(place, limit_s) from None
        except OSError as error:
            raise ssh_errors.dial_failed(place, error) from error

    async def _addresses(self, settings: Settings) -> Sequence[Address]:
        """Every address of the host. In the lab names mean nothing: no question may leave it."""
        host, port, family = settings.host, settings.port, settings.options.family
        flags = socket.AI_NUMERICHOST if self._namespace else 0

        def resolve() -> list[Any]:
            return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=flags)

        found = await aside(resolve, f"resolve {host}")
        return [(family, (str(target[0]), int(target[1]))) for family, _, _, _, target in found]

    async def _first_answering(self, addresses: Sequence[Address], share_s: float) -> socket.socket:
        """A connection to the first address that answers; none may use up the time of the others."""
        for family, target in addresses[:-1]:
            try:
                async with asyncio.timeout(share_s):
                    return await self._connected(family, target)
            except OSError:
                continue
        return await self._connected(*addresses[-1])

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

    @property
    def _key(self) -> tuple[Path, ...]:
        return (Path(self._access.key).expanduser(),) if self._access.key else ()


async def _close(hops: Hops) -> None:
    for hop in reversed(hops):
        hop.abort()
        await hop.wait_closed()
