"""Reads what the daemons would load on each node, and compares it with what runs. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from console.judge.lint.tree import Tree
from console.judge.unloaded import Seen, keepalived_unloaded, nginx_unloaded
from console.model.config import ConfTree
from console.model.events import Event, FilesExamined
from console.model.profile import Profile
from console.model.proxy import FilesReport
from console.nodes.config_files import ConfigUnreadable, read_loaded, read_readable, read_tree
from console.nodes.keepalived import VrrpUnknown, VrrpWitness
from console.nodes.transport import Transport, TransportError
from console.parse.nginx_itself import answers_itself
from console.parse.nginx_proxy import upstreams_by_domain
from console.parse.running_vrrp import Settings, running_settings
from console.session.clock import Clock

TIMEOUT_S = 6.0


async def look_at_files(
    profile: Profile, transport: Callable[[str], Transport | None], tell: Callable[[Event], None], now: Clock
) -> None:
    """One event for each node that is connected. Never raises for a node: what it does not tell is a reason."""
    began = now()
    connected = {name: found for name in profile.nodes if (found := transport(name)) is not None}
    looks = await asyncio.gather(*(_look(found, profile) for found in connected.values()))
    read = dict(zip(connected, looks, strict=True))
    # Reading files takes a while, and neither the keyboard nor the links may wait for it.
    reports = await asyncio.to_thread(_reports, profile, read)
    for name, look in read.items():
        reason = look if isinstance(look, str) else ""
        tell(FilesExamined(began, name, reports.get(name), reason))


Look = tuple[ConfTree, Mapping[str, Settings] | None] | str


async def _look(transport: Transport, profile: Profile) -> Look:
    """The files and what runs; or why there are none."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            tree, running = await asyncio.gather(_tree(transport, profile), _running(transport, profile))
            return tree, running
    except TimeoutError:
        return f"its files were not read within {TIMEOUT_S:g} s"
    except (ConfigUnreadable, TransportError) as failure:
        return str(failure)


async def _tree(transport: Transport, profile: Profile) -> ConfTree:
    """By the node's own script; without it whatever the login user may read."""
    try:
        return await read_tree(transport, profile)
    except ConfigUnreadable:
        tree = await read_readable(transport)
        return replace(tree, loaded_at=await read_loaded(transport, profile))


async def _running(transport: Transport, profile: Profile) -> Mapping[str, Settings] | None:
    try:
        return running_settings(await VrrpWitness(transport, profile).data_text())
    except VrrpUnknown:
        return None


def _reports(profile: Profile, read: Mapping[str, Look]) -> Mapping[str, FilesReport]:
    seen = {name: Seen(Tree.of(look[0]), look[1]) for name, look in read.items() if not isinstance(look, str)}
    unit = profile.keepalived.unit
    return {
        name: FilesReport(
            upstreams_by_domain(each.tree.nginx),
            {
                unit: keepalived_unloaded(each, [other for other in seen.values() if other is not each], unit),
                profile.nginx.unit: nginx_unloaded(each, profile),
            },
            answers_itself(each.tree.nginx, profile.nginx.port),
        )
        for name, each in seen.items()
    }
