"""Observes a cluster for `iamops status`, until everything was seen once or for as long as it is watched."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys

from iamops.cli.lines import lines
from iamops.cli.output import stdout_failed
from iamops.judge.triage.correlate import correlate
from iamops.model.exit_code import ExitCode
from iamops.model.profile import Profile
from iamops.model.split_brain import HANDOVER_S
from iamops.model.vip import ownership
from iamops.report.status import exit_code, status_document
from iamops.report.text import Json, json_line, json_text
from iamops.session.cluster import Cluster

# The nodes' addresses are listed one after the other.
LISTED_S = 0.2
# With --watch: at most ten documents a second, and one every few seconds though nothing changed.
PACE_S, AT_LEAST_S = 0.1, 5.0
# Ages alone turn LIVE into STALE.
NO_CHANGE_S = 1.0
# What moves all the time, and is no change by itself.
MOVING = frozenset(
    ("at", "age_s", "latency_ms", "rate_per_s", "total", "by_status", "probes", "host", "evidence", "title")
)


def show_status(profile: Profile, args: argparse.Namespace) -> int:
    return asyncio.run(_status(Cluster(profile), args))


async def _status(cluster: Cluster, args: argparse.Namespace) -> int:
    await cluster.start()
    try:
        await cluster.settled(args.timeout)
        if args.watch:
            return await _watch(cluster)
        state, now = cluster.store.state, cluster.now()
        if any(len(ownership(state, name, now).owners) != 1 for name in state.profile.vrrp):
            # A VIP on two nodes, or on none, may be moving: a moment later it is not, or it is a finding.
            await asyncio.sleep(HANDOVER_S + LISTED_S)
        document = _document(cluster, final=True)
        if args.json:
            print(json_text(document))
        else:
            from iamops.cli.status.table import print_table

            print_table(document)
        return exit_code(document)
    finally:
        await cluster.stop()


def _document(cluster: Cluster, *, final: bool = False) -> Json:
    state, now = cluster.store.state, cluster.now()
    return status_document(state, correlate(cluster.findings(state, now, final=final)), now)


async def _watch(cluster: Cluster) -> int:
    """A document when something other than an age or a latency changed, and every few seconds."""
    shown, printed_at = "", 0.0
    changed = asyncio.Event()
    unsubscribe = cluster.store.subscribe(lambda _state, _event: changed.set())
    try:
        while True:
            document = _document(cluster)
            essence = json.dumps(_still(document), sort_keys=True)
            if essence != shown or cluster.now() - printed_at >= AT_LEAST_S:
                lines(sys.stdout).put(json_line(document))
                await lines(sys.stdout).drained()
                if stdout_failed():
                    return ExitCode.OK
                shown, printed_at = essence, cluster.now()
            changed.clear()
            await asyncio.sleep(PACE_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(NO_CHANGE_S):
                    await changed.wait()
    finally:
        unsubscribe()


def _still(value: object) -> object:
    """The document without what moves all the time."""
    if isinstance(value, dict):
        return {key: _still(item) for key, item in value.items() if key not in MOVING}
    return [_still(item) for item in value] if isinstance(value, list) else value
