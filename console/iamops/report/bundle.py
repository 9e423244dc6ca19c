"""A bundle's manifest (`iamops.bundle/1`): what is in it, what was taken out and where, what is missing. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from iamops.model.timestamps import rfc3339
from iamops.redact.clean import clean_text
from iamops.redact.redact import Redaction
from iamops.report.text import Json

LINES_NAMED = 5000


@dataclass(frozen=True, slots=True)
class Member:
    """One file as it stands in the archive. `truncated`: not all of it is here; `kept` says which end is."""

    path: str
    content: bytes
    source: str
    node: str | None = None
    truncated: bool = False
    kept: str = "start"
    redactions: tuple[Redaction, ...] = ()


@dataclass(frozen=True, slots=True)
class NotCollected:
    """What should be in the archive and is not. `what` is the name it would have had."""

    what: str
    source: str
    node: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who made a bundle, when (epoch s), of which cluster, and within which limits."""

    at: float
    who: str
    profile: str
    environment: str
    version: str
    limit_bytes: int
    file_limit_bytes: int
    timeout_s: float


def manifest(around: Circumstances, members: Iterable[Member], missing: Iterable[NotCollected]) -> Json:
    """The document. Line numbers are those of the redacted file, counted from 1."""
    files = list(members)
    return {
        "schema": "iamops.bundle/1",
        "at": rfc3339(around.at),
        "who": clean_text(around.who),
        "profile": around.profile,
        "environment": around.environment,
        "iamops": around.version,
        "limits": {
            "bytes": around.limit_bytes,
            "file_bytes": around.file_limit_bytes,
            "collect_s": around.timeout_s,
        },
        "redactions": totals(files),
        "files": [
            {
                "path": member.path,
                "bytes": len(member.content),
                "source": member.source,
                "node": member.node,
                "truncated": member.truncated,
                "redactions": _redactions(member),
                **({"kept": member.kept} if member.truncated else {}),
            }
            for member in files
        ],
        "uncollected": [
            {"what": file.what, "node": file.node, "source": file.source, "reason": clean_text(file.reason)}
            for file in missing
        ],
    }


def totals(members: Iterable[Member]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for member in members:
        for redaction in member.redactions:
            counts[redaction.kind] += redaction.count
    return dict(sorted(counts.items()))


def _redactions(member: Member) -> list[Json]:
    """By kind, with every line, up to a number that still can be read."""
    lines: defaultdict[str, list[int]] = defaultdict(list)
    for redaction in member.redactions:
        lines[redaction.kind].append(redaction.line)
    return [
        {"kind": kind, "count": count, "lines": lines[kind][:LINES_NAMED]}
        | ({"lines_not_named": len(lines[kind]) - LINES_NAMED} if len(lines[kind]) > LINES_NAMED else {})
        for kind, count in totals([member]).items()
    ]
