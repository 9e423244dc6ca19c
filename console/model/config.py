"""Configuration files as they are on a node, or in a directory. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ConfFile:
    """One file. `changed_at` in epoch seconds of the node's clock; None is what is not known.

    `link`: the path is a symbolic link to `link`, and `content` is what it leads to.
    """

    path: str
    content: str
    mode: int | None = None
    owner: str | None = None
    group: str | None = None
    changed_at: float | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class ConfTree:
    """The configuration of one node (or of one directory that stands for a node), by absolute path.

    `loaded_at`: unit -> when it last read its files, epoch seconds of the same clock as `changed_at`;
    a unit that is not running is left out. `rendered`: path -> what the profile says it should be, where
    a profile was at hand.
    """

    name: str
    files: Mapping[str, ConfFile]
    loaded_at: Mapping[str, float] = field(default_factory=dict)
    rendered: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class DaemonCheck:
    """What `nginx -t` or `keepalived -t` said of a tree. `exit_status` None: it was killed by a signal."""

    node: str
    daemon: str
    exit_status: int | None
    output: str
