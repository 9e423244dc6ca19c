"""What a bundle holds of this side: what triage said, the state it judged, the audit, the profile, versions."""

from __future__ import annotations

import platform
from collections import deque
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from console import __version__
from console.judge.json_text import json_text
from console.judge.triage_document import triage_document
from console.judge.triage_markdown import markdown
from console.ledger.audit import read
from console.ledger.record import canonical
from console.model.profile import Profile
from console.nodes.evidence import Piece
from console.parse.redact_document import clean_document
from console.session.triage import Examined

AUDIT_RECORDS = 200
PACKAGES = ("asyncssh", "cryptography", "h11", "pydantic", "pyyaml", "textual", "zstandard")


def local_pieces(examined: Examined, status: Mapping[str, Any] | None, ledger: Path) -> Iterator[Piece]:
    """In the order in which they stand in the archive, before everything that comes from a node."""
    since_s = _timeline_s(examined)
    yield Piece("triage.json", "iamops triage --json", _json(triage_document(examined, since_s)))
    yield Piece("triage.md", "iamops triage --markdown", markdown(examined).encode())
    if status is None:
        yield Piece("status.json", "iamops status --json", None, "no status document was made of this look")
    else:
        yield Piece("status.json", "iamops status --json", _json(status))
    yield _audit(ledger)
    yield Piece("local/profile.json", "the profile as it was read", _json(_settings(examined.profile)))
    yield Piece("local/versions.json", "this machine", _json(_versions()))


def _timeline_s(examined: Examined) -> float | None:
    """None where no timeline was asked for: an empty one would say that nothing happened."""
    if not examined.timeline:
        return None
    return max(0.0, examined.at - min(each.at for each in examined.timeline))


def _audit(ledger: Path) -> Piece:
    name, source = "local/audit.jsonl", f"the last {AUDIT_RECORDS} records of {ledger}"
    try:
        latest = deque(read(ledger), AUDIT_RECORDS)
    except OSError as error:
        return Piece(name, source, None, error.strerror or str(error))
    lines = [canonical(clean_document(record.raw)) + b"\n" for record in latest]
    return Piece(name, source, b"".join(lines), keeps_end=True)


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
