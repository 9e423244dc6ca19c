"""The seed's load-balancing test: requests through the VIP, and which backend has them in its own log."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Mapping
from typing import Any

from console.model.facts import ProbeReport
from console.model.profile import Profile, Service
from console.model.traffic import Share
from console.nodes.client_probe import ClientTarget, probe_once
from console.nodes.netns import connect
from console.nodes.transport import Transport, TransportError
from console.parse.numbers import whole
from console.parse.words import words_of

LOOK_TIMEOUT_S = 5.0
REQUEST_TIMEOUT_S = 2.0
# Requests that carry the token, and all others between the first and the last of them: a stranger's
# request takes a backend's turn too.
_COUNT = (
    "index($0, token) { n++; others += pending; pending = 0; next } "
    "n { pending++ } END { print n + 0, others + 0 }"
)


async def split(profile: Profile, count: int, transports: Mapping[str, Transport | None]) -> dict[str, Any]:
    """domain -> {service, sent, failed, backends, others, unread}, after `count` requests to each domain."""
    found: dict[str, Any] = {}
    for service in profile.services.values():
        if service.domain:
            found[service.domain] = await _of_service(profile, service, count, transports)
    return found


async def _of_service(
    profile: Profile, service: Service, count: int, transports: Mapping[str, Transport | None]
) -> dict[str, Any]:
    token = new_token()
    reports = await send(profile, service, count, token)
    by_node = await shares(profile, service, token, transports)
    return {
        "service": service.name,
        "sent": count,
        "failed": sum(not report.ok for report in reports),
        "backends": {name: share.requests for name, share in by_node.items()},
        "others": sum(share.others for share in by_node.values()),
        "unread": {name: share.reason for name, share in by_node.items() if share.requests is None},
    }


def new_token() -> str:
    """What tells the requests of one test from everybody else's; nobody can guess it."""
    return f"iamops-{secrets.token_hex(6)}"


async def send(profile: Profile, service: Service, count: int, token: str) -> tuple[ProbeReport, ...]:
    """GETs of the health path, one after the other, each on a connection of its own.

    Each in a thread of its own too: whoever is cancelled waits for one request and not for all of them.
    """
    path = f"{service.health}{'&' if '?' in service.health else '?'}{token}"
    target = ClientTarget("split", profile.instance.address, profile.nginx.port, service.domain or "", path)

    def open_socket(address: str, port: int, timeout_s: float) -> socket.socket:
        return connect(address, port, timeout_s, namespace=profile.network_namespace)

    reports = [await asyncio.to_thread(probe_once, target, open_socket, REQUEST_TIMEOUT_S) for _ in range(count)]
    return tuple(reports)


async def shares(
    profile: Profile, service: Service, token: str, transports: Mapping[str, Transport | None]
) -> dict[str, Share]:
    """What the log of the service says on each of its nodes."""
    nodes = [name for name in profile.nodes if service.runs_on(name)]
    found = await asyncio.gather(*(_share(transports[name], service, token) for name in nodes))
    return dict(zip(nodes, found, strict=True))


async def _share(transport: Transport | None, service: Service, token: str) -> Share:
    if transport is None:
        return Share(None, reason="not connected")
    argv = ("awk", "-v", f"token={token}", _COUNT, service.log_path)
    try:
        result = await transport.run(argv, timeout_s=LOOK_TIMEOUT_S)
    except TransportError as failure:
        return Share(None, reason=failure.reason)
    match [whole(word) for word in result.text.split()]:
        case [int(answered), int(failed)] if result.ok:
            return Share(answered, failed)
    return Share(None, reason=words_of(result.stderr.strip(), 160) or f"{service.log_path} cannot be read")
