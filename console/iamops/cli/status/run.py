"""Observes a cluster for `iamops status`, until everything was seen once or for as long as it is watched."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from iamops.cli.lines import lines
from iamops.cli.output import stdout_failed
from iamops.judge.triage.correlate import correlate
from iamops.model.contest import HANDOVER_S
from iamops.model.exit_code import ExitCode
from iamops.model.profile import Profile
from iamops.model.vip import ownership
from iamops.report.status import fully_blind, silent, status_document
from iamops.report.text import json_line, json_text
from iamops.session.cluster import Cluster

# The nodes' addresses are listed one after the other.
LISTED_S = 0.2


def show_status(profile: Profile, *, timeout_s: float, as_json: bool, watch: bool) -> int:
    """Looks once, or until Ctrl-C, and returns the exit code."""
    return asyncio.run(_status(Cluster(profile), timeout_s, as_json=as_json, watch=watch))


async def _status(cluster: Cluster, timeout_s: float, *, as_json: bool, watch: bool) -> int:
    await cluster.start()
    try:
        await cluster.settled(timeout_s)
        if watch:
            return await _watch(cluster)
        await _handed_over(cluster)
        document = _document(cluster, final=True)
        _print(document, as_json=as_json)
        return ExitCode.UNREACHABLE if fully_blind(document) or silent(document) else ExitCode.OK
    finally:
        await cluster.stop()


async def _handed_over(cluster: Cluster) -> None:
    """A VIP on two nodes, or on none, may be one that moves: a moment later it is not, or it is a finding."""
    state, now = cluster.store.state, cluster.now()
    if any(len(ownership(state, name, now).owners) != 1 for name in state.profile.vrrp):
        await asyncio.sleep(HANDOVER_S + LISTED_S)


def _document(cluster: Cluster, *, final: bool = False) -> dict[str, Any]:
    state, now = cluster.store.state, cluster.now()
    return status_document(state, correlate(cluster.findings(state, now, final=final)), now)


def _print(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json_text(document))
        return
    from iamops.cli.status.table import print_table

    print_table(document)


async def _watch(cluster: Cluster, every_s: float = 0.1, at_least_s: float = 5.0) -> int:
    """A document when something other than an age or a latency changed, and every few seconds."""
    shown, printed_at = "", 0.0
    changed = asyncio.Event()
    unsubscribe = cluster.store.subscribe(lambda _state, _event: changed.set())
    try:
        while True:
            document = _document(cluster)
            essence = _essence(document)
            if essence != shown or cluster.now() - printed_at >= at_least_s:
                lines(sys.stdout).put(json_line(document))
                await lines(sys.stdout).taken()
                if stdout_failed():
                    return ExitCode.OK
                shown, printed_at = essence, cluster.now()
            changed.clear()
            await asyncio.sleep(every_s)
            await _next(changed)
    finally:
        unsubscribe()


async def _next(changed: asyncio.Event, patience_s: float = 1.0) -> None:
    """Waits for a change, but not for ever: ages alone turn LIVE into STALE."""
    try:
        async with asyncio.timeout(patience_s):
            await changed.wait()
    except TimeoutError:
        return


_MOVING = {
    "at",
    "age_s",
    "latency_ms",
    "rate_per_s",
    "total",
    "by_status",
    "probes",
    "host",
    "evidence",
    "title",
}


def _essence(document: object) -> str:
    """The document without what moves all the time."""
    return json.dumps(_still(document), sort_keys=True)


def _still(value: object) -> object:
    if isinstance(value, dict):
        return {key: _still(item) for key, item in value.items() if key not in _MOVING}
    return [_still(item) for item in value] if isinstance(value, list) else value
