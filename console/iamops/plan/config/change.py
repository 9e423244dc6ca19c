"""What a push would change on one node: the files that differ, and what was seen of all of them. Pure."""

from __future__ import annotations

import base64
import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from iamops.model.config import ConfFile, ConfTree
from iamops.model.text import one_line
from iamops.redact.clean import without_secrets
from iamops.render.nodefiles import NodeFile

# What marks a file as one of ours: such a file that the profile no longer asks for may go.
OURS = "Written by iamops"
# With its space: `#include` is a directive of sudoers, and `#!` names an interpreter.
_HEADER = re.compile(rf"# [^\n]*{OURS} from the profile\.(?=\n|\Z)")


def same_settings(live: str, wanted: str) -> bool:
    """Whether two files differ in nothing but the comment in their first line, if in anything.

    It names the profile and the node: a name is no setting.
    """
    if live == wanted or not _HEADER.match(live):
        return live == wanted
    head = _HEADER.match(wanted)
    return _HEADER.sub("#", live, count=1) == (_HEADER.sub("#", wanted, count=1) if head else wanted)


ABSENT = "-"
EXECUTABLE = 0o111


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


CONTEXT = 3
# A password wherever it stands in a line, and a definition: its value may be one.
_SECRET = re.compile(r"(\bauth_pass[ \t]+|^[ \t]*\$\w+[ \t]*=)([^\n}]+)", re.MULTILINE)
_MARKER = re.compile(r"\[redacted ([a-z_]+)\]")


def diff_lines(change: FileChange, node: str) -> list[str]:
    """A unified diff from the node's file to the profile's, its lines without a newline.

    A secret is shown as unchanged or changed only.
    """
    old, new = _shown(change, change.old, "old"), _shown(change, change.new, "new")
    before = "/dev/null" if change.old is None else f"{node}:{change.path}"
    after = "/dev/null" if change.new is None else f"rendered:{change.path}"
    lines = [_line(line) for line in difflib.unified_diff(old, new, before, after, lineterm="", n=CONTEXT)]
    return lines or [_line(f"  {node}:{change.path}: only its mode changes")]


def side_by_side(change: FileChange) -> Iterator[tuple[str, str, str]]:
    """(mark, left, right) for every line; the mark is ` `, `-`, `+` or `~` (changed on both sides)."""
    old, new = _shown(change, change.old, "old"), _shown(change, change.new, "new")
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from ((" ", _line(a), _line(b)) for a, b in zip(old[i1:i2], new[j1:j2], strict=True))
            continue
        left, right = old[i1:i2], new[j1:j2]
        for n in range(max(len(left), len(right))):
            a, b = (_line(lines[n]) if n < len(lines) else "" for lines in (left, right))
            yield "~" if n < min(len(left), len(right)) else "-" if n < len(left) else "+", a, b


def _shown(change: FileChange, text: str | None, side: str) -> list[str]:
    if text is None:
        return []
    other_side = change.new if side == "old" else change.old
    other_lines, shown = frozenset(() if other_side is None else other_side.split("\n")), []
    # The same word on both sides where the secret stays, so that no line of it differs.
    old, new = ([] if content is None else _SECRET.findall(content) for content in (change.old, change.new))
    word = "(secret, unchanged)" if old == new else f"(secret, {side})"
    for line, by_name, by_shape in _two_ways(text, word):
        # A password that changes must still be seen to change.
        redacted = by_shape if line in other_lines else _MARKER.sub(rf"[redacted \1, {side}]", by_shape)
        shown.append(by_name if change.secret and by_name != line else redacted)
    # What else Python takes for a line's end is none for a daemon: it would show a comment as two lines.
    return shown[:-1] if shown[-1] == "" else shown


def _line(text: str) -> str:
    return "\t".join(map(one_line, text.split("\t")))


def may_be_shown(text: str) -> str:
    """A file of the profile without its secrets."""
    return "\n".join(name if name != line else shape for line, name, shape in _two_ways(text, "(secret)"))


def _two_ways(text: str, word: str) -> Iterator[tuple[str, str, str]]:
    """Each line as it is, without what keepalived's keywords give away, and without what redaction knows."""
    by_name = _SECRET.sub(lambda found: f"{found[1]}{word}", text)
    return zip(text.split("\n"), by_name.split("\n"), without_secrets(text).split("\n"), strict=True)
