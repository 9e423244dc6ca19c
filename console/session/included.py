"""What keepalived's files include beside the managed ones, as far as the login user may read it. Read only."""

from __future__ import annotations

from dataclasses import replace

from console.judge.sources import Sources, is_pattern, joined, outside
from console.model.config import KEEPALIVED_CONF, ConfTree
from console.nodes.config_files import DIRECTORIES, ConfigUnreadable, read_listing, read_named
from console.nodes.transport import Transport, TransportError
from console.parse.directives import Reading
from console.parse.keepalived_conf import keepalived_conf

# What is included may include more.
ROUNDS = 3


async def with_included(transport: Transport, conf: ConfTree) -> ConfTree:
    """The tree with it; where everything is at hand nothing more is asked. What cannot be read stays unread."""
    try:
        for _ in range(ROUNDS):
            reading = _read(conf)
            if not _unread(conf, reading):
                break
            elsewhere = outside(conf, (reading,)) if conf.listing.listed else DIRECTORIES
            if elsewhere:
                conf = replace(conf, listing=joined(conf.listing, await read_listing(transport, elsewhere)))
            named = [path for path in _unread(conf, reading) if not is_pattern(path)]
            if not named:
                break
            conf = replace(conf, files={**(await read_named(transport, named)).files, **conf.files})
    except (ConfigUnreadable, TransportError):
        return conf
    return conf


def _read(conf: ConfTree) -> Reading:
    return keepalived_conf({path: file.content for path, file in conf.files.items()})


def _unread(conf: ConfTree, reading: Reading) -> tuple[str, ...]:
    return Sources.of(conf, KEEPALIVED_CONF, reading).unread
