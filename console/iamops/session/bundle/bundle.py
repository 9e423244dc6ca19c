"""The evidence bundle: what triage said and what it was said from, redacted, in one archive."""

from __future__ import annotations

import asyncio
import contextlib
import platform
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from iamops import __version__
from iamops.ledger.audit import read
from iamops.ledger.record import canonical
from iamops.model.profile import Profile
from iamops.nodes.evidence import EvidenceFile, collect
from iamops.nodes.ssh.connector import SshConnector
from iamops.nodes.transport import Connector, TransportError
from iamops.redact.clean import clean_document, fault_of_ours
from iamops.redact.known import KnownSecrets
from iamops.report.bundle import Circumstances, NotCollected, totals
from iamops.report.text import json_text
from iamops.report.triage import markdown, triage_document
from iamops.session.bundle.archive import (
    SUFFIXES,
    BundlePiece,
    BundleRefused,
    check_path,
    manifest_bytes,
    members_of,
    write_archive,
)
from iamops.session.profiles import SecretMissing, vrrp_secrets
from iamops.session.triage.triage import Examined
from iamops.session.user import audit_file, who

# What a bundle holds of this side: what triage said, the state it judged, the audit, the profile, versions.

AUDIT_RECORDS = 200
PACKAGES = ("asyncssh", "cryptography", "h11", "pydantic", "pyyaml", "textual", "zstandard")


def local_pieces(examined: Examined, status: Mapping[str, Any] | None, ledger: Path) -> Iterator[EvidenceFile]:
    """In the order in which they stand in the archive, before everything that comes from a node."""
    since_s = _timeline_s(examined)
    yield EvidenceFile("triage.json", "iamops triage --json", _json(triage_document(examined, since_s)))
    yield EvidenceFile("triage.md", "iamops triage --markdown", markdown(examined).encode())
    if status is None:
        yield EvidenceFile("status.json", "iamops status --json", None, "no status document was made of this look")
    else:
        yield EvidenceFile("status.json", "iamops status --json", _json(status))
    yield _audit(ledger)
    yield EvidenceFile("local/profile.json", "the profile as it was read", _json(_settings(examined.profile)))
    yield EvidenceFile("local/versions.json", "this machine", _json(_versions()))


def _timeline_s(examined: Examined) -> float | None:
    """None where no timeline was asked for: an empty one would say that nothing happened."""
    if not examined.timeline:
        return None
    return max(0.0, examined.at - min(each.at for each in examined.timeline))


def _audit(ledger: Path) -> EvidenceFile:
    name, source = "local/audit.jsonl", f"the last {AUDIT_RECORDS} records of {ledger}"
    try:
        latest = deque(read(ledger), AUDIT_RECORDS)
    except OSError as error:
        return EvidenceFile(name, source, None, error.strerror or str(error))
    lines = [canonical(clean_document(record.raw)) + b"\n" for record in latest]
    return EvidenceFile(name, source, b"".join(lines), keeps_end=True)


def _settings(profile: Profile) -> dict[str, Any]:
    settings: dict[str, Any] = profile.model_dump(mode="json", exclude_unset=True)
    return settings


def _versions() -> dict[str, Any]:
    return {
        "iamops": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _json(document: Mapping[str, Any]) -> bytes:
    return f"{json_text(clean_document(document))}\n".encode("ascii")


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
    told = [BundlePiece(None, each) for each in local_pieces(examined, status, ledger or audit_file())]
    told += [BundlePiece(None, each) for each in unsaid]
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


def _written(path: Path, around: Circumstances, told: Iterable[BundlePiece], known: KnownSecrets) -> BundleReport:
    members, missing = members_of(told, known, around)
    head = ("manifest.json", manifest_bytes(around, members, missing))
    size = write_archive(path, [head, *((each.path, each.content) for each in members)], around.at)
    return BundleReport(path, size, len(members) + 1, totals(members), _reasons(missing))


def _reasons(missing: Iterable[NotCollected]) -> dict[str, str]:
    return {each.what: each.reason for each in missing}


def _file_limit(asked: int, limit_bytes: int, nodes: int) -> int:
    """The more nodes, the less of each: everything is held in memory until it is written."""
    return min(asked, max(SMALLEST_FILE_LIMIT_BYTES, limit_bytes // (4 * nodes)))


def _known(profile: Profile) -> tuple[KnownSecrets, tuple[EvidenceFile, ...]]:
    """The VRRP passwords, where they can be had; the other rules do not need them.

    What else the process has learned is known to redaction anyhow.
    """
    try:
        return KnownSecrets.of(vrrp_secrets(profile).values()), ()
    except SecretMissing as error:
        reason = f"{error}; passwords are recognised by what stands around them alone"
        return KnownSecrets(), (EvidenceFile("the VRRP passwords to look for", "the profile", None, reason),)


def _ssh(profile: Profile) -> ConnectorOf:
    return lambda node: SshConnector(profile, profile.nodes[node])


async def _from_nodes(
    profile: Profile, connector_of: ConnectorOf, timeout_s: float, limit: int
) -> list[BundlePiece]:
    """All nodes at once, each on its own."""
    pieces = await asyncio.gather(
        *(_from_node(profile, connector_of(node), timeout_s, limit) for node in profile.nodes)
    )
    return [BundlePiece(node, piece) for node, found in zip(profile.nodes, pieces, strict=True) for piece in found]


async def _from_node(
    profile: Profile, connector: Connector, timeout_s: float, limit: int
) -> tuple[EvidenceFile, ...]:
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    try:
        async with asyncio.timeout_at(until):
            transport = await connector.connect()
    except TransportError as error:
        return (EvidenceFile("", "ssh", None, error.reason),)
    except TimeoutError:
        return (EvidenceFile("", "ssh", None, f"no connection within {timeout_s:.0f} s"),)
    except Exception as error:
        return (EvidenceFile("", "ssh", None, fault_of_ours(error)),)
    try:
        return await collect(transport, profile, timeout_s=max(0.0, until - loop.time()), limit_bytes=limit)
    finally:
        with contextlib.suppress(TransportError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await transport.close()
