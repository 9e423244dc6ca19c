"""Reads what the daemons would load on each node, and compares it with what runs. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from iamops.judge.disk.keepalived import (
    KeepalivedFiles,
    current_units,
    decides_s,
    keepalived_unloaded,
    known_checks,
    nginx_unloaded,
)
from iamops.judge.disk.sources import DaemonSources, is_pattern, joined, outside
from iamops.judge.lint.tree import ConfigTree
from iamops.model.config import KEEPALIVED_CONF, NGINX_CONF
from iamops.model.events import FilesExamined
from iamops.model.profile import Profile
from iamops.model.running import FilesReport, LiveVrrp
from iamops.nodes.config import (
    DIRECTORIES,
    ConfigUnreadable,
    read_hosts,
    read_listing,
    read_named,
    read_readable,
    read_tree,
    with_loaded,
)
from iamops.nodes.keepalived import VrrpUnknown, VrrpWitness
from iamops.nodes.transport import Clock, Transport, TransportError
from iamops.parse.keepalived.conf import keepalived_conf
from iamops.parse.keepalived.dump import live_config, live_on_disk
from iamops.parse.keepalived.settings import running_blocks, running_settings
from iamops.parse.nginx.routing import answers_itself, upstreams_by_domain
from iamops.redact.clean import fault_of_ours
from iamops.render.nodefiles import CHECK_SCRIPT, check_script, keepalived_text, nginx_texts
from iamops.render.templating import RenderError
from iamops.session.config.configurator import own_templates
from iamops.session.store import Store

TIMEOUT_S = 6.0
# What is included may include more.
ROUNDS = 3


async def examine_files(
    profile: Profile, transport: Callable[[str], Transport | None], store: Store, now: Clock
) -> None:
    """One event for each node, connected or not. Never raises for a node: what is missing has a reason."""
    began = now()
    connected = {name: found for name in profile.nodes if (found := transport(name)) is not None}
    files = await asyncio.gather(*(_read_node(found, profile) for found in connected.values()))
    read: dict[str, KeepalivedFiles | str] = {name: f"{name} is not connected" for name in profile.nodes}
    read |= zip(connected, files, strict=True)
    # Judging files takes a while, and neither the keyboard nor the links may wait for it.
    reports = await asyncio.to_thread(_reports, profile, read)
    for name, report in reports.items():
        known, reason = (None, report) if isinstance(report, str) else (report, "")
        store.apply(FilesExamined(began, name, known, reason))


async def _read_node(transport: Transport, profile: Profile) -> KeepalivedFiles | str:
    """The files and what runs; or why they are not known."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            tree, running, hosts = await asyncio.gather(
                _tree(transport, profile), _running(transport, profile), read_hosts(transport)
            )
            rendered = await asyncio.to_thread(_rendered, profile, transport.node)
            if isinstance(running, VrrpUnknown):
                return KeepalivedFiles(tree, unavailable=running.reason, hosts=hosts, rendered=rendered)
            wanted = keepalived_conf({KEEPALIVED_CONF: keepalived_text(profile, transport.node)})
            settings, rest, live = running_settings(running), running_blocks(running), live_config(running)
            return KeepalivedFiles(tree, settings, rest, live, wanted, hosts=hosts, rendered=rendered)
    except TimeoutError:
        return f"its files were not read within {TIMEOUT_S:g} s"
    except (ConfigUnreadable, TransportError) as failure:
        return str(failure)
    except Exception as error:
        return fault_of_ours(error)


def _rendered(profile: Profile, node: str) -> Mapping[str, str] | None:
    """None where the operator's own templates cannot be filled: then nothing was pushed by them either."""
    try:
        return nginx_texts(profile, node, own_templates(profile))
    except (RenderError, OSError):
        return None


async def _tree(transport: Transport, profile: Profile) -> ConfigTree:
    """By the node's own script; without it whatever the login user may read. Then what these files include."""
    try:
        conf = await read_tree(transport, profile)
    except ConfigUnreadable:
        conf = await with_loaded(await read_readable(transport), transport, profile)
    conf = replace(conf, listing=await read_listing(transport, DIRECTORIES))
    tree, asked = await asyncio.to_thread(ConfigTree.of, conf), set[str]()
    for _ in range(ROUNDS):
        elsewhere = [path for path in outside(conf, (tree.nginx, tree.keepalived)) if path not in asked]
        if elsewhere:
            conf = replace(conf, listing=joined(conf.listing, await read_listing(transport, elsewhere, depth=1)))
        missing = [path for path in _unread(replace(tree, conf=conf)) if path not in asked]
        asked |= {*elsewhere, *missing}
        if missing:
            conf = replace(conf, files={**(await read_named(transport, missing)).files, **conf.files})
        if not elsewhere and not missing:
            break
        tree = await asyncio.to_thread(ConfigTree.of, conf)
    return tree


def _unread(tree: ConfigTree) -> Iterator[str]:
    """Files that a daemon includes, or runs, and that nobody has read yet."""
    if CHECK_SCRIPT in tree.conf.listing.files and CHECK_SCRIPT not in tree.files:
        yield CHECK_SCRIPT
    for root, parsed in ((NGINX_CONF, tree.nginx), (KEEPALIVED_CONF, tree.keepalived)):
        yield from (path for path in DaemonSources.of(tree.conf, root, parsed).unavailable if not is_pattern(path))


async def _running(transport: Transport, profile: Profile) -> str | VrrpUnknown:
    """What keepalived runs with; or why that is not known."""
    try:
        return await VrrpWitness(transport, profile).data_text()
    except VrrpUnknown as unknown:
        return unknown


def _reports(profile: Profile, read: Mapping[str, KeepalivedFiles | str]) -> Mapping[str, FilesReport | str]:
    """What each node's files say; or why that is not known."""
    absent = {name: files for name, files in read.items() if isinstance(files, str)}
    seen = {name: files for name, files in read.items() if not isinstance(files, str)}
    reports: dict[str, FilesReport | str] = dict(absent)
    for name, files in seen.items():
        try:
            others = [other for other in seen.values() if other is not files]
            reports[name] = _report(profile, files, others, absent)
        except Exception as error:
            reports[name] = fault_of_ours(error)
    return reports


def _report(
    profile: Profile, seen: KeepalivedFiles, others: list[KeepalivedFiles], absent: Mapping[str, str]
) -> FilesReport:
    unit, nginx, tree = profile.keepalived.unit, profile.nginx, seen.tree
    current = current_units(seen, profile)
    live: Mapping[str, LiveVrrp] = {}
    if seen.running is not None:
        live = seen.live
    elif (
        not tree.keepalived.mistakes
        and not DaemonSources.of(tree.conf, KEEPALIVED_CONF, tree.keepalived).unavailable
    ):
        # keepalived does not answer: its files do, if it has read these, or will at its start.
        live = live_on_disk(tree.keepalived) if unit in current or unit in tree.conf.stopped else {}
    return FilesReport(
        upstreams_by_domain(tree.nginx, profile.domains, nginx.port),
        {unit: keepalived_unloaded(seen, others, unit, absent), nginx.unit: nginx_unloaded(seen, profile)},
        answers_itself(tree.nginx, nginx.port),
        current,
        known_checks(seen, CHECK_SCRIPT, check_script(profile)),
        decides_s(seen),
        live,
        reads_nginx=NGINX_CONF in tree.files,
    )
