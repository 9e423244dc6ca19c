"""What a push changes on one node, and which of its files the node has: digests alone decide. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from io import BytesIO

from iamops.model.config import ConfFile, ConfTree
from iamops.render.nodefiles import NodeFile

# What marks a file as one of ours: such a file that the profile no longer asks for may go.
OURS = "Written by iamops"
# With its space: `#include` is a directive of sudoers, and `#!` names an interpreter.
_HEADER = re.compile(rf"# [^\n]*{OURS} from the profile\.(?=\n|\Z)")
ABSENT = "-"
EXECUTABLE = 0o111
# How the nodes' script ends its record of a push, or does not yet.
PENDING, CONFIRMED = "pending", "confirmed"


def same_settings(live: str, wanted: str) -> bool:
    """Whether two files differ in nothing but the comment in their first line, if in anything.

    It names the profile and the node: a name is no setting.
    """
    if live == wanted or not _HEADER.match(live):
        return live == wanted
    head = _HEADER.match(wanted)
    return _HEADER.sub("#", live, count=1) == (_HEADER.sub("#", wanted, count=1) if head else wanted)


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file. `old` None: it is new; `new` None: it goes. `secret`: its lines may never be shown."""

    path: str
    old: str | None = field(repr=False)
    new: str | None = field(repr=False)
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    secret: bool = False


@dataclass(frozen=True, slots=True)
class NodeFilesChange:
    """All changes of one node. `seen`: path -> SHA-256 of what is there now, or `-` where nothing is.

    `asked_for`: the files that are then as they were asked for, those that are so already included.
    """

    node: str
    files: tuple[FileChange, ...] = ()
    seen: Mapping[str, str] = field(default_factory=dict)
    asked_for: frozenset[str] = frozenset()

    @property
    def settled(self) -> frozenset[str]:
        """Whose content is known once this is done."""
        return self.asked_for | {file.path for file in self.files}

    def touches(self, directory: str) -> bool:
        return any(change.path.startswith(directory) for change in self.files)

    @property
    def daemons(self) -> tuple[str, ...]:
        """Which daemons must read their files anew. Scripts are read at every run, by themselves."""
        read = {
            "nginx": self.touches("/etc/nginx/"),
            "keepalived": any(is_keepalived_conf(change.path) for change in self.files),
        }
        return tuple(daemon for daemon, changed in read.items() if changed)


def node_change(tree: ConfTree, wanted: Sequence[NodeFile], *, exact: bool = False) -> NodeFilesChange:
    """From what is there to what is wanted. `exact`: everything else goes too, not only what is ours."""
    by_path = {file.path: file for file in wanted}
    changes = [change for file in wanted if (change := _change(tree.files.get(file.path), file)) is not None]
    for path, live in tree.files.items():
        if path not in by_path and (exact or OURS in live.content):
            changes.append(FileChange(path, live.content, None, secret=is_keepalived_conf(path)))
    seen = {path: digest(tree.files.get(path)) for path in sorted({*tree.files, *by_path})}
    return NodeFilesChange(
        tree.name, tuple(sorted(changes, key=lambda change: change.path)), seen, frozenset(by_path)
    )


def changes_identity(changes: Mapping[str, NodeFilesChange]) -> str:
    """Names exactly these changes from exactly what was seen."""
    facts = [
        (node, sorted(change.seen.items()), [(file.path, file.new, file.mode) for file in change.files])
        for node, change in sorted(changes.items())
    ]
    return text_digest(repr(facts))


def payload(change: NodeFilesChange, push: str, meta: str, rollback_s: int) -> str:
    """What `iamops-config stage` reads: a tar with a manifest and the new files, in base64. Deterministic."""
    import tarfile  # not what every command that knows of plans should wait for

    manifest = [f"id {push}", f"meta {meta}", f"rollback_s {rollback_s}"]
    manifest += [f"daemon {daemon}" for daemon in change.daemons]
    manifest += [f"seen {was} {path}" for path, was in change.seen.items()]
    contents = {"manifest": ""}
    for file in change.files:
        if file.new is None:
            manifest.append(f"drop {file.path}")
        else:
            manifest.append(f"put {file.mode:o} {file.owner}:{file.group} {file.path}")
            contents[f"files{file.path}"] = file.new
    contents["manifest"] = "".join(f"{line}\n" for line in manifest)
    sink = BytesIO()
    with tarfile.TarFile(fileobj=sink, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, text in contents.items():
            content, info = text.encode("utf-8", "surrogateescape"), tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o600
            tar.addfile(info, BytesIO(content))
    return base64.encodebytes(sink.getvalue()).decode("ascii")


def digest(file: ConfFile | None) -> str:
    return text_digest(None if file is None else file.content)


def text_digest(content: str | None) -> str:
    return ABSENT if content is None else hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()


def is_keepalived_conf(path: str) -> bool:
    """keepalived's own files may carry its password, wherever they include one another."""
    return path.startswith("/etc/keepalived/") and path.endswith(".conf")


def _change(live: ConfFile | None, file: NodeFile) -> FileChange | None:
    """None: nothing is to be done. Rights and owner stay as they are, unless the file would not work."""
    mode, owner, group = file.mode, file.owner, file.group
    # sudo ignores a file that has others than these.
    kept = None if file.path.startswith("/etc/sudoers.d/") else live
    if kept is not None and kept.mode is not None and kept.owner is not None and kept.group is not None:
        owner, group = kept.owner, kept.group
        mode = kept.mode if kept.mode & EXECUTABLE == mode & EXECUTABLE else mode
    if live is not None and same_settings(live.content, file.content) and live.mode in (None, mode):
        return None
    secret = file.secret or is_keepalived_conf(file.path)
    return FileChange(file.path, live.content if live else None, file.content, mode, owner, group, secret)


class Side(StrEnum):
    """Which files a node has. `neither`: other ones, or some of each."""

    NEW = "new"
    OLD = "old"
    NEITHER = "neither"
    UNSEEN = "unseen"


class PushOutcome(StrEnum):
    """What became of a push on one node."""

    KEPT = "kept"
    BACK = "taken back"
    WAITING = "in place, not confirmed"
    UNSEEN = "not seen"


@dataclass(frozen=True, slots=True)
class FilesSeen:
    """What a node has and remembers. `outcome`: how the push ended there (`confirmed`, `taken back timer`),
    `pending` while it waits, empty where the node does not know it. `digests`: path -> SHA-256; what is
    not there is left out.
    """

    outcome: str
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PushedFiles:
    """`old` and `new`: path -> SHA-256 before and after, `-` where there is no file."""

    node: str
    push: str
    old: Mapping[str, str]
    new: Mapping[str, str]

    def side(self, seen: FilesSeen | None) -> Side:
        """A push that changes rights only has the same digests on both sides: then the node's word counts."""
        if seen is None:
            return Side.UNSEEN
        is_new = all(seen.digests.get(path, ABSENT) == sha256 for path, sha256 in self.new.items())
        is_old = all(seen.digests.get(path, ABSENT) == sha256 for path, sha256 in self.old.items())
        if is_new and is_old:
            return Side.NEW if seen.outcome in (PENDING, CONFIRMED) else Side.OLD
        return Side.NEW if is_new else Side.OLD if is_old else Side.NEITHER

    def outcome(self, seen: FilesSeen | None) -> PushOutcome:
        """What the node says of the push counts only where its files agree."""
        match self.side(seen), seen.outcome if seen else "":
            case Side.NEW, outcome if outcome == CONFIRMED:
                return PushOutcome.KEPT
            case Side.NEW, outcome if outcome == PENDING:
                return PushOutcome.WAITING
            case Side.OLD, outcome if outcome not in (PENDING, CONFIRMED):
                return PushOutcome.BACK
        return PushOutcome.UNSEEN

    def has_answer(self, seen: FilesSeen | None) -> str:
        """Which files the node has, as a sentence."""
        if seen is None:
            return f"the files of {self.node} are not seen"
        side, word = self.side(seen), f" ({seen.outcome})" if seen.outcome else ""
        if side is not Side.NEITHER:
            return f"{self.node} has the {side} files{word}"
        pushed = ((path, (self.old[path], self.new[path])) for path in self.old)
        odd = ", ".join(path for path, sides in pushed if seen.digests.get(path, ABSENT) not in sides)
        by_others = f"; changed by another hand: {odd}" if odd else ""
        return f"{self.node} has neither all old nor all new files{word}{by_others}"


def pushed_files(change: NodeFilesChange, push: str) -> PushedFiles:
    """Of the files that differ; what a push leaves alone tells nothing of it."""
    old = {file.path: text_digest(file.old) for file in change.files}
    return PushedFiles(change.node, push, old, {file.path: text_digest(file.new) for file in change.files})
