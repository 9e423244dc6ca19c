"""The evidence bundle: what triage said and what it was said from, redacted, in one archive."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console import __version__
from console.judge.bundle_manifest import Circumstances, Missing, totals
from console.model.profile import Profile
from console.nodes.evidence import Piece, collect
from console.nodes.ssh import SshConnector
from console.nodes.transport import Connector, TransportError
from console.parse.own_fault import fault_of_ours
from console.parse.redact_known import KnownSecrets
from console.session.bundle_archive import SUFFIXES, BundleRefused, check_path, write_archive
from console.session.bundle_local import local_pieces
from console.session.bundle_members import Told, manifest_bytes, members_of
from console.session.resources import audit_file
from console.session.secrets import SecretMissing, vrrp_secrets
from console.session.triage import Examined
from console.session.who import who

__all__ = ["SUFFIXES", "BundleRefused", "BundleReport", "check_path", "write_bundle"]

LIMIT_BYTES = 50 * 1024 * 1024
FILE_LIMIT_BYTES = 4 * 1024 * 1024
SMALLEST_FILE_LIMIT_BYTES = 64 * 1024
COLLECT_TIMEOUT_S = 20.0
CLOSE_TIMEOUT_S = 2.0

ConnectorOf = Callable[[str], Connector]


@dataclass(frozen=True, slots=True)
class BundleReport:
    """What was written. `redactions`: how many, by kind; `uncollected`: what is missing -> why."""

    path: Path
    bytes: int
    files: int
    redactions: Mapping[str, int]
    uncollected: Mapping[str, str]


async def write_bundle(
    examined: Examined,
    path: Path,
    *,
    now: float,
    status: Mapping[str, Any] | None = None,
    connector_of: ConnectorOf | None = None,
    ledger: Path | None = None,
    limit_bytes: int = LIMIT_BYTES,
    file_limit_bytes: int = FILE_LIMIT_BYTES,
    timeout_s: float = COLLECT_TIMEOUT_S,
) -> BundleReport:
    """Collects from every node for at most `timeout_s` and writes the archive. Raises BundleRefused.

    `now`: epoch s, stamped into the manifest and the members. `status`: the `iamops.status/1` document of
    `examined.state`. A dead node costs its own files only.
    """
    check_path(path)
    profile = examined.profile
    file_limit = _file_limit(file_limit_bytes, limit_bytes, len(profile.nodes))
    known, unsaid = _known(profile)
    told = [Told(None, each) for each in local_pieces(examined, status, ledger or audit_file())]
    told += [Told(None, each) for each in unsaid]
    told += await _from_nodes(profile, connector_of or _ssh(profile), timeout_s, file_limit)
    around = Circumstances(
        now,
        who(),
        profile.name,
        str(profile.environment),
        __version__,
        limit_bytes,
        file_limit,
        timeout_s,
    )
    return await asyncio.to_thread(_written, path, around, told, known)


def _written(path: Path, around: Circumstances, told: Iterable[Told], known: KnownSecrets) -> BundleReport:
    members, missing = members_of(told, known, around)
    head = ("manifest.json", manifest_bytes(around, members, missing))
    size = write_archive(path, [head, *((each.path, each.content) for each in members)], around.at)
    return BundleReport(path, size, len(members) + 1, totals(members), _reasons(missing))


def _reasons(missing: Iterable[Missing]) -> dict[str, str]:
    return {each.what: each.reason for each in missing}


def _file_limit(asked: int, limit_bytes: int, nodes: int) -> int:
    """The more nodes, the less of each: everything is held in memory until it is written."""
    return min(asked, max(SMALLEST_FILE_LIMIT_BYTES, limit_bytes // (4 * nodes)))


def _known(profile: Profile) -> tuple[KnownSecrets, tuple[Piece, ...]]:
    """The VRRP passwords, where they can be had; the other rules do not need them.

    What else the process has learned is known to redaction anyhow.
    """
    try:
        return KnownSecrets.of(vrrp_secrets(profile).values()), ()
    except SecretMissing as error:
        reason = f"{error}; passwords are recognised by what stands around them alone"
        return KnownSecrets(), (Piece("the VRRP passwords to look for", "the profile", None, reason),)


def _ssh(profile: Profile) -> ConnectorOf:
    return lambda node: SshConnector(profile, profile.nodes[node])


async def _from_nodes(profile: Profile, connector_of: ConnectorOf, timeout_s: float, limit: int) -> list[Told]:
    """All nodes at once, each on its own."""
    pieces = await asyncio.gather(
        *(_from_node(profile, connector_of(node), timeout_s, limit) for node in profile.nodes)
    )
    return [Told(node, piece) for node, found in zip(profile.nodes, pieces, strict=True) for piece in found]


async def _from_node(profile: Profile, connector: Connector, timeout_s: float, limit: int) -> tuple[Piece, ...]:
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    try:
        async with asyncio.timeout_at(until):
            transport = await connector.connect()
    except TransportError as error:
        return (Piece("", "ssh", None, error.reason),)
    except TimeoutError:
        return (Piece("", "ssh", None, f"no connection within {timeout_s:.0f} s"),)
    except Exception as error:
        return (Piece("", "ssh", None, fault_of_ours(error)),)
    try:
        return await collect(transport, profile, timeout_s=max(0.0, until - loop.time()), limit_bytes=limit)
    finally:
        with contextlib.suppress(TransportError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await transport.close()
