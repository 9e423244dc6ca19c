"""What of a file that changes may be shown: its diff, and its text, without the secrets in them. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from iamops.model.text import one_line
from iamops.plan.config.change import FileChange
from iamops.redact.clean import without_secrets

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
