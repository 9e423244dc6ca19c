"""The comment that heads a rendered file. It names the profile and the node: a name is no setting. Pure."""

from __future__ import annotations

import re

# What marks a file as one of ours: such a file that the profile no longer asks for may go.
OURS = "Written by iamops"
# With its space: `#include` is a directive of sudoers, and `#!` names an interpreter.
_HEADER = re.compile(rf"# [^\n]*{OURS} from the profile\.(?=\n|\Z)")


def same_settings(live: str, wanted: str) -> bool:
    """Whether two files differ in nothing but this comment in their first line, if in anything."""
    return live == wanted or (_HEADER.match(live) is not None and _settings(live) == _settings(wanted))


def _settings(text: str) -> str:
    return _HEADER.sub("#", text, count=1) if _HEADER.match(text) else text
