"""One deep, bounded, read-only look at a cluster, and what the rules say of it.

The nodes are asked as early as can be: what renders, judges and prints is loaded while they answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from iamops.judge.rules.base import SETTLED_AFTER_S, RuleInput
from iamops.model.events import LinkChanged
from iamops.model.facts import ConfigReport, Link, LinkState, VrrpState
from iamops.model.journal import Timeline, TimelineEvent
from iamops.model.observed import Known, Observed, Unknown
from iamops.model.profile import Profile
from iamops.model.reduce import reduce
from iamops.model.state import ClusterState, pending
from iamops.model.vip import ownership
from iamops.plan.config.change import node_change
from iamops.redact.clean import fault_of_ours
from iamops.session.cluster import Cluster
from iamops.session.triage.inspect import InspectionReader, InspectionResult

if TYPE_CHECKING:
    from iamops.judge.findings import Diagnosis
    from iamops.session.triage.timeline import TimelineCollector


TIMEOUT_S = 10.0
# Of the time that was promised so much is kept for judging, printing and closing connections, which take a fifth
# of a second on a quiet machine. Of a short time the look has this share all the same.
CLOSING_S = 2.5
LOOK_SHARE = 0.6
# Connecting is mostly our own work: what is yet to be loaded waits for it, but not for a node that hangs.
HEAD_START_S = 0.5
LOADED_THEN = (
    "iamops.session.config.configurator",
    "jinja2",
    "iamops.judge.triage.diagnose",
    "iamops.judge.lint.lint",
)
# After each module the answers that have come meanwhile have their turn.
TURN_S = 0.002
# Also without an event: an attempt to connect may have ended without one.
WAKE_S = 0.25
LOOK_TWICE_S = 0.1
LIVE_TIMEOUT_S = 8.0
NOT_READ = "not read in the time there was"


@dataclass(frozen=True, slots=True)
class Examination:
    """A finished look. `at` is when it ended (epoch s), `took_s` how long the caller had waited by then;
    `timeline` is empty unless it was asked for; `unavailable` says which of its sources could not be read.

    `not_inspected` maps each node of which no part could be read to the reason.
    """

    profile: Profile
    at: float
    took_s: float
    state: ClusterState
    diagnosis: Diagnosis
    not_inspected: Mapping[str, str]
    timeline: tuple[TimelineEvent, ...] = ()
    unavailable: tuple[str, ...] = ()


async def examine(
    profile: Profile,
    *,
    timeout_s: float = TIMEOUT_S,
    since_s: float | None = None,
    spent_s: float = 0.0,
    also: Sequence[str] = (),
) -> Examination:
    """Looks at everything, and is over within `timeout_s`, of which `spent_s` have passed already.

    `since_s`: how far back the timeline goes, None for none. `also`: modules to load while the nodes answer.
    Never raises for a node: what could not be seen is in `not_inspected`, and in the diagnosis as not evaluated.
    """
    return await _Examiner(profile, timeout_s, spent_s, also).run(since_s)


def observation_s(timeout_s: float) -> float:
    """How long after the asking began nothing more is waited for."""
    return max(timeout_s * LOOK_SHARE, timeout_s - CLOSING_S)


class _Examiner:
    """One look: a session of its own, and a reader that starts with each node as soon as it is connected."""

    def __init__(self, profile: Profile, timeout_s: float, spent_s: float, also: Sequence[str]) -> None:
        self._profile = profile
        self._cluster = Cluster(profile)
        self._connecting_at = self._cluster.now()
        self._began = self._connecting_at - spent_s
        self._until = self._began + observation_s(timeout_s)
        self._also = also
        self._reader = InspectionReader(profile, self._cluster.now)
        self._timeline: TimelineCollector | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._all_asked = asyncio.Event()

    async def run(self, since_s: float | None) -> Examination:
        if since_s is not None:
            from iamops.session.triage.timeline import TimelineCollector

            self._timeline = TimelineCollector(self._profile, self._began - since_s, self._cluster.now)
        unsubscribe = self._cluster.store.subscribe(lambda _state, _event: self._changed.set())
        await self._cluster.start()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._until - self._cluster.now())):
                    await self._look()
            return self._examined()
        finally:
            unsubscribe()
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self._cluster.stop()

    async def _look(self) -> None:
        """Until everything was read or is known to be out of sight."""
        store = self._cluster.store
        self._begin("here", self._here())
        if self._timeline is not None:
            self._begin("ledger", self._timeline.here())
        while self._waiting() or next(pending(store.state), None) is not None:
            self._changed.clear()
            self._begin_nodes()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WAKE_S):
                    await self._changed.wait()
        self._all_asked.set()
        await asyncio.gather(*self._tasks.values())
        # A look in the middle of a planned move sees two owners, or none; what is wrong lasts.
        state, now = store.state, self._cluster.now()
        listed = [node.listed_at for node in state.nodes.values() if node.listed_at is not None]
        if listed and not _witnesses_agree(state, now):
            await asyncio.sleep(max(0.0, max(listed) + SETTLED_AFTER_S + LOOK_TWICE_S - now))

    async def _here(self) -> None:
        """What this machine knows, and what judging and printing need: once the nodes have been asked."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEAD_START_S):
                await self._all_asked.wait()
        # Not in a thread: two that compute take turns of 5 ms, and every packet would wait for one.
        for module in (*LOADED_THEN, *self._also):
            importlib.import_module(module)
            await asyncio.sleep(TURN_S)
        await self._reader.here()

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks[name] = asyncio.create_task(work, name=name)

    def _begin_nodes(self) -> None:
        for node in self._profile.nodes:
            transport = self._cluster.transport(node)
            if transport is not None and node not in self._tasks:
                self._begin(node, self._reader.node(transport))
                if self._timeline is not None:
                    self._begin(f"timeline of {node}", self._timeline.node(transport))
        if not self._waiting():
            self._all_asked.set()

    def _waiting(self) -> bool:
        """Is a node still to come that may come up?"""
        nodes = self._cluster.store.state.nodes.values()
        return any(node.link.state is not LinkState.DOWN and node.name not in self._tasks for node in nodes)

    def _examined(self) -> Examination:
        now, results = self._cluster.now(), self._reader.results
        state = self._cluster.store.state
        for node in state.nodes.values():
            if node.link.state is LinkState.CONNECTING:
                # It has not answered by the end: that is reported, not left open.
                since = self._connecting_at
                reason = f"SSH has not answered within {now - since:.1f} s"
                link = Link(LinkState.DOWN, since, "timeout", reason, "is its sshd hung, or the machine off?")
                state = reduce(state, LinkChanged(now, node.name, link))
        links = {node.name: node.link for node in state.nodes.values()}
        why = {name: link.reason if link.state is LinkState.DOWN else "" for name, link in links.items()}
        state, diagnosis = _diagnosed(self._profile, state, results, now, why, final=True)
        timeline = self._timeline.timeline() if self._timeline is not None else Timeline()
        return Examination(
            self._profile,
            now,
            self._cluster.now() - self._began,
            state,
            diagnosis,
            {name: why[name] or NOT_READ for name, look in results.looks.items() if not look.any},
            timeline.events,
            timeline.unavailable,
        )


async def observe_live(cluster: Cluster, *, timeout_s: float = LIVE_TIMEOUT_S) -> Diagnosis:
    """One deep look over the connections that a session has already; changes nothing. Reads every connected node
    for at most `timeout_s`; what is missing then is not evaluated, with the reason.
    """
    profile = cluster.profile
    reader = InspectionReader(profile, cluster.now)
    made = [transport for name in profile.nodes if (transport := cluster.transport(name)) is not None]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(reader.here(), *(reader.node(transport) for transport in made))
    state = cluster.store.state
    why = {node.name: node.link.reason for node in state.nodes.values()}
    # Judging configuration files takes a while, and the keyboard must not wait for it.
    _, diagnosis = await asyncio.to_thread(_diagnosed, profile, state, reader.results, cluster.now(), why)
    return diagnosis


def _diagnosed(
    profile: Profile,
    state: ClusterState,
    results: InspectionResult,
    now: float,
    why: Mapping[str, str | None],
    *,
    final: bool = False,
) -> tuple[ClusterState, Diagnosis]:
    """With the files that were read compared to what the profile asks for, as the console does all the time.
    `why`: a node's reason for being unread, where its link has one.

    Not by an event: an event would say that the node was heard now.
    """
    from iamops.judge.triage.diagnose import diagnose

    results.give_up(tuple(profile.nodes), lambda node: why[node] or NOT_READ)
    nodes = {name: replace(node, config=_compared(name, results)) for name, node in state.nodes.items()}
    state = replace(state, nodes=nodes)
    lint = results.lint(profile, now)
    rules = RuleInput(state, results.inspection(), lint, results.unreadable, final=final)
    return state, diagnose(rules, now)


def _witnesses_agree(state: ClusterState, now: float) -> bool:
    """Exactly one owner of each VIP, and its keepalived the only MASTER of those that are seen."""
    for name in state.profile.vrrp:
        owners = {claim.node for claim in ownership(state, name, now).owners}
        reports = {node.name: node.vrrp[name] for node in state.nodes.values()}
        masters = {n for n, r in reports.items() if isinstance(r, Known) and r.value.state is VrrpState.MASTER}
        if len(owners) != 1 or masters != owners:
            return False
    return True


def _compared(node: str, results: InspectionResult) -> Observed[ConfigReport]:
    tree = results.trees.get(node)
    if tree is None or results.rendered is None:
        return Unknown(results.unrendered or results.unreadable.get(node, "not compared"))
    try:
        differing = tuple(change.path for change in node_change(tree.value, results.rendered[node]).files)
    except Exception as error:
        return Unknown(fault_of_ours(error))
    return Known(ConfigReport(differing), tree.at or 0.0)
