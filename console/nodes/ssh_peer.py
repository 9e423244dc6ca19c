"""The far end of one SSH connection: its host key, our keys for it, when it was last heard, its end."""

from __future__ import annotations

import asyncio
import socket
import time

import asyncssh

from console.nodes import ssh_errors
from console.nodes.ssh_hostkeys import Known, Standing
from console.nodes.ssh_keys import Keys
from console.nodes.transport import TransportError

KeyLists = tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]]


class Peer(asyncssh.SSHClient):
    """asyncssh asks this object everything about a connection. It trusts nothing but `known`.

    `hops` are the connections it rides on, which end with it. Not `trusting`: it only looks at the key.
    """

    def __init__(
        self,
        node: str,
        known: Known,
        keys: Keys,
        hops: tuple[asyncssh.SSHClientConnection, ...] = (),
        *,
        trusting: bool = True,
        is_hop: bool = False,
    ) -> None:
        self.node = node
        self.known = known
        self.hops = hops
        self.heard_at = time.monotonic()
        self.presented: asyncssh.SSHKey | None = None
        self.failure: TransportError | None = None
        self.closing = False
        self._keys = keys
        self._trusting = trusting
        self._is_hop = is_hop
        self._prompt = True
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        """Listens in on everything that arrives: one float per read, and prompt TCP acknowledgements."""
        deliver = conn.data_received
        raw: socket.socket | None = conn.get_extra_info("socket")

        def heard(data: bytes, datatype: asyncssh.DataType = None) -> None:
            self.heard_at = time.monotonic()
            if self._prompt and raw is not None:
                acknowledge(raw)
            deliver(data, datatype)

        # asyncssh offers no hook for this, and looks the method up at every read.
        conn.data_received = heard  # type: ignore[method-assign]  # see above

    def settled(self) -> None:
        """The first session is open: from here on sshd itself sends without Nagle's delay.

        A jump host's sshd never does: it only ever forwards.
        """
        self._prompt = self._is_hop

    def authorities(self, host: str, addr: str, port: int | None) -> KeyLists:
        """What asyncssh may judge by itself: host certificates. Plain keys are judged below."""
        return [], list(self.known.authorities), list(self.known.revoked if self.known.authorities else ())

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.presented = key
        return self._trusting and self.known.standing(key) is Standing.TRUSTED

    async def public_key_auth_requested(self) -> asyncssh.SSHKeyPair | None:
        return await self._keys.next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closing:
            self.failure = ssh_errors.lost(self.node, exc)
        for hop in self.hops:
            hop.close()
        if not self._closed.done():
            self._closed.set_result(None)

    async def wait_closed(self) -> TransportError | None:
        await asyncio.shield(self._closed)
        return self.failure

    async def close_hops(self) -> None:
        for hop in reversed(self.hops):
            hop.close()
            await hop.wait_closed()


def acknowledge(raw: socket.socket) -> None:
    """Sends the TCP acknowledgement now.

    Until a session is open sshd runs with Nagle's algorithm: its second small packet waits for our
    acknowledgement of the first, which Linux delays by 40 ms. The option does not stick.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
