"""Connects in a test, or catches why that cannot be done."""

from __future__ import annotations

import asyncssh
import pytest

from iamops.nodes.ssh.connector import SshConnector
from iamops.nodes.ssh.errors import Remote
from iamops.nodes.transport import TransportError

OTHER_KEY = asyncssh.generate_private_key("ssh-ed25519")
ECDSA_KEY = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
PLACE = Remote("iam-a", "10.0.4.20", 22, "iamops")


async def failure_of(connector: SshConnector) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await connector.connect()
    return caught.value


async def works(connector: SshConnector) -> None:
    transport = await connector.connect()
    assert (await transport.run(["true"], timeout_s=5)).ok
    await transport.close()
