"""Bundles in a test: nodes that give their files, and what stands in the archive."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

from iamops.judge.findings import Diagnosis
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.nodes.transport import CommandResult, Transport
from iamops.session.bundle.bundle import BundleReport, write_bundle
from iamops.session.triage.triage import Examination
from tests.support.profiles import pair

NOW = 1_795_600_000.0


def tar_of(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return sink.getvalue()


@dataclass
class FakeNode:
    """Says the same to every question, and gives its configuration as a tar."""

    node: str
    says: bytes = b"all is well\n"
    files: Mapping[str, bytes] = field(default_factory=dict)
    heard_at: float = 0.0
    closed: bool = False

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        if "readable" in argv:
            return CommandResult(tuple(argv), 0, tar_of(self.files), b"")
        if argv[0] == "sudo":
            return CommandResult(tuple(argv), 0, tar_of({}), b"")
        return CommandResult(tuple(argv), 0, self.says, b"0\n")

    async def close(self) -> None:
        self.closed = True


@dataclass
class Connecting:
    """A connector to a fake node, to one that is dead, or to one that never answers."""

    to: Any

    async def connect(self) -> Transport:
        if isinstance(self.to, Exception):
            raise self.to
        if self.to is None:
            await asyncio.Event().wait()
        return self.to


def examined(profile: Profile | None = None) -> Examination:
    profile = profile or pair()
    return Examination(profile, NOW, 1.0, ClusterState.of(profile), Diagnosis(()), {})


async def bundled(path: Path, nodes: Mapping[str, Any] | None = None, **wishes: Any) -> BundleReport:
    nodes = nodes or {name: FakeNode(name) for name in ("iam-a", "iam-b")}
    wishes.setdefault("ledger", path.parent / "audit.jsonl")
    looked = examined(wishes.pop("profile", None))
    return await write_bundle(looked, path, now=NOW, connector_of=lambda node: Connecting(nodes[node]), **wishes)


def opened(path: Path) -> tarfile.TarFile:
    raw = path.read_bytes()
    if path.suffix == ".zst":
        with zstandard.ZstdDecompressor().stream_reader(raw) as plain:
            raw = plain.read()
    return tarfile.open(fileobj=io.BytesIO(raw))


def files_of(path: Path) -> dict[str, bytes]:
    with opened(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}
