"""Makes the files of a bundle of what was told: redacted, cut to size, safely named. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from console.judge.bundle_manifest import Circumstances, Member, Missing, manifest
from console.nodes.evidence import Piece
from console.parse.cut_text import cut_to, shares
from console.parse.redact import Redaction, learned, marked, redact
from console.parse.redact_known import KnownSecrets

# Room for the manifest itself, out of the whole bundle's limit.
MANIFEST_SHARE = 16
_UNSAFE = re.compile(r"[^A-Za-z0-9._@+\-\[\] ]")
NAME_CHARS = 120


@dataclass(frozen=True, slots=True)
class Told:
    """A piece and the node that told it; None: this side."""

    node: str | None
    piece: Piece

    @property
    def path(self) -> str:
        """Where it stands in the archive, before that is made safe."""
        parts = (*(("nodes", self.node) if self.node else ()), self.piece.name)
        return "/".join(part for part in parts if part)


def members_of(
    told: Iterable[Told], known: KnownSecrets, around: Circumstances
) -> tuple[list[Member], list[Missing]]:
    """Every file that could be had, and what is missing, in the order in which they came."""
    each_told = list(told)
    known = known.and_plain(_learned(each_told))
    missing = [_missing(each, known) for each in each_told if each.piece.content is None]
    whole = list(_distinct(_member(each, known) for each in each_told if each.piece.content is not None))
    budget = around.limit_bytes - around.limit_bytes // MANIFEST_SHARE
    sizes = [min(len(member.content), around.file_limit_bytes) for member in whole]
    allowed = shares(sizes, budget)
    return [_cut(member, limit) for member, limit in zip(whole, allowed, strict=True)], missing


def manifest_bytes(around: Circumstances, members: Sequence[Member], missing: Sequence[Missing]) -> bytes:
    document = manifest(around, members, missing)
    return json.dumps(document, indent=1, ensure_ascii=True).encode("ascii") + b"\n"


def _learned(told: Iterable[Told]) -> set[bytes]:
    """Passwords that stand in the configurations: a log may repeat them where nothing gives them away."""
    configs = (each.piece.content for each in told if each.piece.name.startswith(("config/", "keepalived/")))
    return {secret for content in configs if content is not None for secret in learned(content)}


def _member(told: Told, known: KnownSecrets) -> Member:
    piece = told.piece
    redacted = redact(piece.content or b"", known)
    return Member(
        path=safe_path(told.path, known),
        content=redacted.text,
        source=_clean(piece.source, known),
        node=told.node,
        truncated=piece.left_out,
        kept="end" if piece.keeps_end else "start",
        # What this side says was looked at when it was written, value by value.
        redactions=redacted.redactions if told.node else marked(redacted.text),
    )


def _missing(told: Told, known: KnownSecrets) -> Missing:
    piece = told.piece
    return Missing(
        safe_path(told.path, known), _clean(piece.source, known), told.node, _clean(piece.reason, known)
    )


def _clean(text: str, known: KnownSecrets) -> str:
    """A node's words are redacted in the manifest too."""
    return redact(text.encode("utf-8", "surrogateescape"), known).text.decode("utf-8", "replace")


def _distinct(members: Iterable[Member]) -> Iterator[Member]:
    """No two of the same name: unpacking would lose one."""
    taken = {"manifest.json"}
    for member in members:
        path, number = member.path, 1
        while path.lower() in taken:
            number += 1
            path = f"{member.path}.{number}"
        taken.add(path.lower())
        yield replace(member, path=path)


def safe_path(path: str, known: KnownSecrets) -> str:
    """A path that stays below the place where it is unpacked, whatever a node called its files."""
    parts = [_UNSAFE.sub("_", part)[:NAME_CHARS] for part in _clean(path, known).split("/")]
    kept = [part for part in parts if part.strip(". ")]
    return "/".join(kept) or "unnamed"


def _cut(member: Member, limit: int) -> Member:
    """Cut after it was redacted; the numbers of its lines follow."""
    keeps_end = member.kept == "end"
    kept, left_out = cut_to(member.content, limit, keeps_end=keeps_end)
    if not left_out:
        return member
    gone = member.content.count(b"\n", 0, left_out) if keeps_end else 0
    last = kept.count(b"\n")
    lines = (Redaction(each.line - gone, each.kind, each.count) for each in member.redactions)
    still = tuple(each for each in lines if 1 <= each.line <= last)
    return replace(member, content=kept, truncated=True, redactions=still)
