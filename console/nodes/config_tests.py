"""`nginx -t` and `keepalived -t` on a node, as it is. Changes nothing."""

from __future__ import annotations

from console.model.config import DaemonCheck
from console.nodes.transport import CommandFailed, Transport
from console.parse.safe_text import safe_bytes
from console.render import privileges

TIMEOUT_S = 10.0
COMMANDS = {"nginx": privileges.check_nginx_config(), "keepalived": privileges.check_keepalived_config()}


async def daemon_checks(transport: Transport) -> tuple[DaemonCheck, ...]:
    """What each says. A node that does not allow it says nothing. Raises LinkLost."""
    found = []
    for daemon, argv in COMMANDS.items():
        try:
            result = await transport.run(("sudo", "-n", *argv), timeout_s=TIMEOUT_S)
        except CommandFailed:
            continue
        said = "\n".join(safe_bytes(line, 400) for line in (result.stdout + result.stderr).splitlines())
        if not said.startswith("sudo:"):
            found.append(DaemonCheck(transport.node, daemon, result.exit_status, said))
    return tuple(found)
