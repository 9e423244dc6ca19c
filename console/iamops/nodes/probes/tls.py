"""TLS over any byte stream, so that a port is asked as its clients ask it: OpenSSL speaks, we carry its bytes."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from iamops.nodes.transport import ByteStream
from iamops.redact.clean import clean_text

T = TypeVar("T")

CHUNK = 16 * 1024
# Of a handshake: a long chain is a tenth of that.
HANDSHAKE_MAX = 512 * 1024


class NoTls(ConnectionError):
    """The other side does not speak TLS, or not with us. The message has OpenSSL's reason."""


class CaUnreadable(Exception):
    """The profile's CA cannot be used. The message says why."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How a service's certificate is checked: by which CA (a file on this machine), for which name."""

    ca: str | None = None
    name: str | None = None


class TlsStream:
    """A ByteStream inside TLS. `handshake` first; it raises NoTls, ssl.SSLCertVerificationError.

    Raises NoTls for a name that is none, such as one with a label of more than 63 characters.
    """

    def __init__(self, stream: ByteStream, context: ssl.SSLContext, name: str | None) -> None:
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        except ValueError as error:
            raise NoTls(
                f"{clean_text(name or '', 80)} is no name to ask for: {clean_text(str(error), 80)}"
            ) from None
        self._left = HANDSHAKE_MAX

    async def handshake(self) -> None:
        await self._carried(self._tls.do_handshake)
        self._left = 0

    def certificate(self) -> bytes:
        """The other side's own certificate, DER."""
        return self._tls.getpeercert(binary_form=True) or b""

    async def read(self, limit: int) -> bytes:
        try:
            return await self._carried(lambda: self._tls.read(limit))
        except NoTls:
            return b""

    async def write(self, chunk: bytes) -> None:
        await self._carried(lambda: self._tls.write(chunk))

    def close(self) -> None:
        self._stream.close()

    async def _carried(self, step: Callable[[], T]) -> T:
        """One step of OpenSSL's, with as much coming and going as it asks for."""
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                await self._send()
                chunk = await self._stream.read(CHUNK)
                if self._left:
                    self._left -= len(chunk)
                    if self._left <= 0:
                        raise NoTls(f"a handshake of more than {HANDSHAKE_MAX:,} bytes") from None
                if chunk:
                    self._incoming.write(chunk)
                else:
                    self._incoming.write_eof()
            except ssl.SSLCertVerificationError:
                raise
            except ssl.SSLError as error:
                raise NoTls(clean_text(error.reason or str(error), 80).replace("_", " ").lower()) from None
            else:
                await self._send()
                return done

    async def _send(self) -> None:
        if self._outgoing.pending:
            await self._stream.write(self._outgoing.read())


def unchecked() -> ssl.SSLContext:
    """Accepts every certificate: to read it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def checking(ca: str, *, name: bool) -> ssl.SSLContext:
    """Accepts what this CA vouches for; with `name` only for the name that is asked for. Raises CaUnreadable."""
    path = Path(ca).expanduser()
    try:
        stamp = path.stat().st_mtime_ns
        return _checking(path, stamp, name)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CaUnreadable(f"{ca}: {clean_text(str(why), 80)}") from None


@functools.lru_cache(maxsize=8)
def _checking(path: Path, _stamp: int, name: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = name
    context.load_verify_locations(cafile=path)
    return context


def refusal(error: ssl.SSLCertVerificationError) -> str:
    return clean_text(error.verify_message or str(error), 120)
