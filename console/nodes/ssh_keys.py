"""The private keys to offer a node: files first, then the agent's. Keeps account of what was tried."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import asyncssh

from console.nodes.ssh_settings import Settings
from console.parse.words import words


class Keys:
    """Hands out key after key until the server takes one. Close it after the login."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._offered: list[str] = []
        self._skipped: list[str] = []
        self._agent: asyncssh.SSHAgentClient | None = None
        self._source = self._all()

    async def next(self) -> asyncssh.SSHKeyPair | None:
        """The next key, or None when there is no other."""
        return await anext(self._source, None)

    def close(self) -> None:
        if self._agent is not None:
            self._agent.close()
            self._agent = None

    @property
    def account(self) -> str:
        """What was tried, as a half sentence for the person who has to find out why it was not enough."""
        offered = f"offered {', '.join(self._offered)}" if self._offered else "there was no key to offer"
        return "; ".join((offered, *self._skipped))

    async def _all(self) -> AsyncIterator[asyncssh.SSHKeyPair]:
        given: set[bytes] = set()
        for name, pair in self._from_files():
            given.add(pair.public_data)
            self._offered.append(name)
            yield pair
        for pair in await self._from_agent():
            if pair.public_data not in given:
                self._offered.append(f"{words(pair.get_comment() or pair.get_algorithm(), 60)} (agent)")
                yield pair

    def _from_files(self) -> Iterator[tuple[str, asyncssh.SSHKeyPair]]:
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
                yield from ((str(file), pair) for pair in pairs)

    async def _from_agent(self) -> Sequence[asyncssh.SSHKeyPair]:
        """The agent's keys, those of our files first; with `only_keys` no others."""
        if not self._settings.agent:
            return ()
        try:
            self._agent = await asyncssh.connect_agent(self._settings.agent)
            pairs = await self._agent.get_keys()
        except (OSError, ValueError) as error:
            self._skipped.append(f"the agent does not answer ({words(str(error), 60)})")
            return ()
        ours = frozenset(_public_halves(self._settings.keys))
        wanted = [pair for pair in pairs if pair.public_data in ours or not self._settings.only_keys]
        return sorted(wanted, key=lambda pair: pair.public_data not in ours)


def _public_halves(files: Sequence[Path]) -> Iterator[bytes]:
    """The public key beside each private one, or inside it: OpenSSH's format has it in the clear."""
    for file in files:
        for candidate in (f"{file}.pub", file):
            with contextlib.suppress(OSError, asyncssh.KeyImportError):
                yield asyncssh.read_public_key(candidate).public_data
                break
