"""The evidence bundle: what triage found and its evidence, redacted, in one archive."""

from __future__ import annotations

import asyncio
import contextlib
import platform
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from iamops.report.bundle import Circumstances, totals
from iamops.report.text import json_text
from iamops.report.triage import markdown, triage_document
from iamops.session.bundle.archive import (
    BundlePiece,
    check_path,
    manifest_bytes,
    members_of,
    write_archive,
)
from iamops.session.profiles import SecretMissing, vrrp_secrets
from iamops.session.triage.triage import Examination
from iamops.session.user_files import audit_file, current_user

AUDIT_RECORDS = 200
PACKAGES = ("asyncssh", "cryptography", "h11", "pydantic", "pyyaml", "textual", "zstandard")
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
    examined: Examination,
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
    # The more nodes, the less of each: everything is held in memory until it is written.
    share = limit_bytes // (4 * len(profile.nodes))
    file_limit = min(file_limit_bytes, max(SMALLEST_FILE_LIMIT_BYTES, share))
    # The VRRP passwords first, where they can be had: what is made after this is without them. The other rules do
    # not need them, and what else the process has learned is known to redaction anyhow.
    known, unknown = KnownSecrets(), list[EvidenceFile]()
    try:
        known = KnownSecrets.of(vrrp_secrets(profile).values())
    except SecretMissing as error:
        reason = f"{error}; passwords are recognised by what stands around them alone"
        unknown = [EvidenceFile("the VRRP passwords to look for", "the profile", None, reason)]
    local = _local_files(examined, status, ledger or audit_file())
    pieces = [BundlePiece(None, file) for file in (*local, *unknown)]
    connector_of = connector_of or (lambda node: SshConnector(profile, profile.nodes[node]))
    found = await asyncio.gather(
        *(_node_files(profile, connector_of(node), timeout_s, file_limit) for node in profile.nodes)
    )
    pieces += [BundlePiece(node, file) for node, files in zip(profile.nodes, found, strict=True) for file in files]
    around = Circumstances(
        now,
        current_user(),
        profile.name,
        str(profile.environment),
        __version__,
        limit_bytes,
        file_limit,
        timeout_s,
    )
    return await asyncio.to_thread(_write, path, around, pieces, known)


def _write(path: Path, around: Circumstances, pieces: Sequence[BundlePiece], known: KnownSecrets) -> BundleReport:
    members, missing = members_of(pieces, known, around)
    head = ("manifest.json", manifest_bytes(around, members, missing))
    size = write_archive(path, [head, *((member.path, member.content) for member in members)], around.at)
    uncollected = {file.what: file.reason for file in missing}
    return BundleReport(path, size, len(members) + 1, totals(members), uncollected)


def _local_files(examined: Examination, status: Mapping[str, Any] | None, ledger: Path) -> Iterator[EvidenceFile]:
    """What this side has, in the order in which it stands in the archive, before everything of a node."""
    # None where no timeline was asked for: an empty one would say that nothing happened.
    timeline = examined.timeline
    since_s = max(0.0, examined.at - min(event.at for event in timeline)) if timeline else None
    yield EvidenceFile("triage.json", "iamops triage --json", _json(triage_document(examined, since_s)))
    yield EvidenceFile("triage.md", "iamops triage --markdown", markdown(examined).encode())
    if status is None:
        yield EvidenceFile("status.json", "iamops status --json", None, "no status document was made of this look")
    else:
        yield EvidenceFile("status.json", "iamops status --json", _json(status))
    source = f"the last {AUDIT_RECORDS} records of {ledger}"
    try:
        lines = [canonical(clean_document(r.raw)) + b"\n" for r in deque(read(ledger), AUDIT_RECORDS)]
        yield EvidenceFile("local/audit.jsonl", source, b"".join(lines), keeps_end=True)
    except OSError as error:
        yield EvidenceFile("local/audit.jsonl", source, None, error.strerror or str(error))
    settings: dict[str, Any] = examined.profile.model_dump(mode="json", exclude_unset=True)
    yield EvidenceFile("local/profile.json", "the profile as it was read", _json(settings))
    packages: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            packages[name] = None
    machine = {"python": platform.python_version(), "platform": platform.platform()}
    versions = {"iamops": __version__, **machine, "packages": packages}
    yield EvidenceFile("local/versions.json", "this machine", _json(versions))


def _json(document: Mapping[str, Any]) -> bytes:
    return f"{json_text(clean_document(document))}\n".encode("ascii")


async def _node_files(
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
