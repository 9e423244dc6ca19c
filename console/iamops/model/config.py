"""Configuration files as they are on a node, or in a directory. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NGINX_CONF, KEEPALIVED_CONF = "/etc/nginx/nginx.conf", "/etc/keepalived/keepalived.conf"


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
class FileListing:
    """What lies in some directories, read or not: path -> when it was last changed, written, replaced or renamed.

    Links in `files` and `directories` are followed; `links` has their own times. `listed`: the directories whose
    entries are all here.
    """

    files: Mapping[str, float] = field(default_factory=dict)
    directories: Mapping[str, float] = field(default_factory=dict)
    links: Mapping[str, float] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ConfTree:
    """The configuration of one node (or of one directory that stands for a node), by absolute path.

    `loaded_at`: unit -> when it last read its files, epoch seconds of the same clock as `changed_at`;
    left out where that is not known, as for the units in `stopped`, which do not run. `rendered`: path -> what the
    profile says it should be, where a profile was at hand. `whole`: patterns of which every file is in `files`.
    """

    name: str
    files: Mapping[str, ConfFile]
    loaded_at: Mapping[str, float] = field(default_factory=dict)
    rendered: Mapping[str, str] | None = None
    stopped: frozenset[str] = frozenset()
    listing: FileListing = FileListing()
    whole: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DaemonCheck:
    """What `nginx -t` or `keepalived -t` printed. `exit_status` None: it was killed by a signal.

    `unavailable`: why it could not be run.
    """

    node: str
    daemon: str
    exit_status: int | None
    output: str
    unavailable: str = ""
