"""The far end of one SSH connection: its host key, our keys for it, when it was last heard, its end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Sequence

import asyncssh

from iamops.nodes.ssh import errors
from iamops.nodes.ssh.host_keys import KeyTrust, KnownKeys
from iamops.nodes.ssh.settings import SshSettings
from iamops.nodes.transport import TransportError
from iamops.redact.clean import clean_text


class OfferedKeys:
    """The private keys to offer a node, files first, then the agent's, and what was tried. To be closed after the
    login.
    """

    def __init__(self, settings: SshSettings) -> None:
        self._settings = settings
        self._offered: list[str] = []
        self._skipped: list[str] = []
        self._agent: asyncssh.SSHAgentClient | None = None
        self.pairs = self._all()

    def close(self) -> None:
        if self._agent is not None:
            self._agent.close()
            self._agent = None

    @property
    def account(self) -> str:
        """What was tried, as half a sentence."""
        offered = f"offered {', '.join(self._offered)}" if self._offered else "there was no key to offer"
        return "; ".join((offered, *self._skipped))

    async def _all(self) -> AsyncIterator[asyncssh.SSHKeyPair]:
        given: set[bytes] = set()
        for file in self._settings.keys:
            try:
                # Testing the primes of our own RSA key takes 0.2 s of the event loop at every login.
                pairs = asyncssh.load_keypairs(file, unsafe_skip_rsa_key_validation=True)
            except FileNotFoundError:
                if self._settings.only_keys:
                    self._skipped.append(f"{file} does not exist")
            except OSError as error:
                self._skipped.append(f"{file} cannot be read ({error.strerror})")
            except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
                why = "needs its passphrase: ssh-add" if "Passphrase" in str(error) else "is not a private key"
                self._skipped.append(f"{file} {why}")
            else:
                for pair in pairs:
                    given.add(pair.public_data)
                    self._offered.append(str(file))
                    yield pair
        for pair in await self._from_agent():
            if pair.public_data not in given:
                self._offered.append(f"{clean_text(pair.get_comment() or pair.get_algorithm(), 60)} (agent)")
                yield pair

    async def _from_agent(self) -> Sequence[asyncssh.SSHKeyPair]:
        """The agent's keys, those of our files first; with `only_keys` no others."""
        if not self._settings.agent:
            return ()
        try:
            self._agent = await asyncssh.connect_agent(self._settings.agent)
            pairs = await self._agent.get_keys()
        except (OSError, ValueError) as error:
            self._skipped.append(f"the agent does not answer ({clean_text(str(error), 60)})")
            return ()
        ours: set[bytes] = set()
        for file in self._settings.keys:
            # The public key beside the private one, or inside it: OpenSSH's format has it in the clear.
            for candidate in (f"{file}.pub", file):
                with contextlib.suppress(OSError, asyncssh.KeyImportError):
                    ours.add(asyncssh.read_public_key(candidate).public_data)
                    break
        wanted = [pair for pair in pairs if pair.public_data in ours or not self._settings.only_keys]
        return sorted(wanted, key=lambda pair: pair.public_data not in ours)


KeyLists = tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]]


class Peer(asyncssh.SSHClient):
    """asyncssh calls this object for everything about a connection. It trusts nothing but `known`.

    `hops` are the connections it rides on, which end with it. Not `trusting`: it only notes the host key.
    """

    def __init__(
        self,
        node: str,
        known: KnownKeys,
        keys: OfferedKeys,
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
        """Takes the time of everything that arrives, and acknowledges it at once."""
        deliver = conn.data_received
        raw: socket.socket | None = conn.get_extra_info("socket")

        def receive(data: bytes, datatype: asyncssh.DataType = None) -> None:
            self.heard_at = time.monotonic()
            if self._prompt and raw is not None:
                acknowledge(raw)
            deliver(data, datatype)

        # asyncssh offers no hook for this, and looks the method up at every read.
        conn.data_received = receive  # type: ignore[method-assign]  # see above

    def settled(self) -> None:
        """The first session is open: from here on sshd itself sends without Nagle's delay.

        A jump host's sshd never does: it only ever forwards.
        """
        self._prompt = self._is_hop

    def authorities(self, host: str, addr: str, port: int | None) -> KeyLists:
        """What asyncssh may judge: host certificates. Plain keys are judged below."""
        return [], list(self.known.authorities), list(self.known.revoked if self.known.authorities else ())

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.presented = key
        return self._trusting and self.known.standing(key) is KeyTrust.TRUSTED

    async def public_key_auth_requested(self) -> asyncssh.SSHKeyPair | None:
        return await anext(self._keys.pairs, None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closing:
            self.failure = errors.lost(self.node, exc)
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
