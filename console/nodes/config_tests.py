"""`nginx -t` and `keepalived -t` on a node, as it is. Changes nothing."""

from __future__ import annotations

from console.model.config import DaemonCheck
from console.nodes.transport import CommandFailed, Transport
from console.parse.words import lines_of
from console.render import privileges

TIMEOUT_S = 10.0
COMMANDS = {"nginx": privileges.check_nginx_config(), "keepalived": privileges.check_keepalived_config()}


async def daemon_checks(transport: Transport) -> tuple[DaemonCheck, ...]:
    """What each says, or why it could not be asked. Raises TransportError: none could be run."""
    found: list[DaemonCheck] = []
    failed: list[CommandFailed] = []
    for daemon, argv in COMMANDS.items():
        try:
            result = await transport.run(("sudo", "-n", *argv), timeout_s=TIMEOUT_S)
        except CommandFailed as failure:
            failed.append(failure)
            found.append(DaemonCheck(transport.node, daemon, None, "", failure.reason))
            continue
        said = "\n".join(lines_of(result.stdout + result.stderr, 400))
        refused = said.startswith("sudo:")
        untold = f"{daemon} -t may not be run ({said.splitlines()[0]})" if refused else ""
        found.append(DaemonCheck(transport.node, daemon, result.exit_status, "" if refused else said, untold))
    if len(failed) == len(COMMANDS):
        raise failed[0]
    return tuple(found)
