"""TLS over a node's connection: handshakes that never end, and names that none can have."""

from __future__ import annotations

import pytest

from iamops.nodes.probes.tls import NoTls, TlsStream, unchecked


class Endless:
    async def read(self, limit: int) -> bytes:
        return b"\x16\x03\x03\x40\x00" + b"\x0b\x00\xff\xff" + b"\0" * 0x3FFC

    async def write(self, chunk: bytes) -> None: ...

    def close(self) -> None: ...


async def test_a_handshake_without_end_is_no_tls():
    with pytest.raises(NoTls):
        await TlsStream(Endless(), unchecked(), None).handshake()


def test_a_name_that_none_can_have_is_no_fault_of_ours():
    for name in ("a" * 64 + ".example", "a..example"):
        with pytest.raises(NoTls, match="is no name to ask for"):
            TlsStream(Endless(), unchecked(), name)
