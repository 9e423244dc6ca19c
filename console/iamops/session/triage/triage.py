"""One deep, bounded, read-only look at a cluster, and what the rules say of it.

The nodes are asked as early as can be: what renders, judges and prints is loaded while they answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

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
# Also without news: an attempt to connect may have ended without one.
NEWS_S = 0.25
LOOK_TWICE_S = 0.1


@dataclass(frozen=True, slots=True)
class Examined:
    """A finished look. `at` is when it ended (epoch s), `took_s` how long whoever asked had waited by then;
    `timeline` is empty unless it was asked for; `untold` says which of its sources could not be read.

    `unlooked` maps each node that could not be looked into to the reason.
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
) -> Examined:
    """Looks at everything, and is over within `timeout_s`, of which `spent_s` have passed already.

    `since_s`: how far back the timeline goes, None for none. `also`: modules to load while the nodes answer.
    Never raises for a node: what could not be seen is in `unlooked`, and in the diagnosis as blind.
    """
    return await _Examination(profile, timeout_s, spent_s, also).run(since_s)


def observation_s(timeout_s: float) -> float:
    """How long after the asking began nothing more is waited for."""
    return max(timeout_s * LOOK_SHARE, timeout_s - CLOSING_S)


class _Examination:
    """One look: a session of its own, and a reader that starts with each node as soon as it is connected."""

    def __init__(self, profile: Profile, timeout_s: float, spent_s: float, also: Sequence[str]) -> None:
        self._profile = profile
        self._cluster = Cluster(profile)
        self._connecting_at = self._cluster.now()
        self._began = self._connecting_at - spent_s
        self._until = self._began + observation_s(timeout_s)
        self._also = also
        self._reader = InspectionReader(profile, self._cluster.now)
        self._tale: TimelineCollector | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()

    async def run(self, since_s: float | None) -> Examined:
        if since_s is not None:
            from iamops.session.triage.timeline import TimelineCollector

            self._tale = TimelineCollector(self._profile, self._began - since_s, self._cluster.now)
        unsubscribe = self._cluster.store.subscribe(lambda _state, _event: self._changed.set())
        await self._cluster.start()
        try:
            await self._look()
            return self._judged()
        finally:
            unsubscribe()
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self._cluster.stop()

    async def _look(self) -> None:
        """Until everything was read or is known to be out of sight, or time is up."""
        self._tasks["here"] = asyncio.create_task(self._here(), name="here")
        if self._tale is not None:
            self._tasks["ledger"] = asyncio.create_task(self._tale.here(), name="ledger")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._until - self._cluster.now())):
                while not self._settled():
                    self._changed.clear()
                    self._begin()
                    await self._news()
                self._asked.set()
                await asyncio.gather(*self._tasks.values())
                await self._look_twice()

    async def _here(self) -> None:
        """What this machine knows, and what judging and printing need: once the nodes have been asked."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEAD_START_S):
                await self._asked.wait()
        await self._load()
        await self._reader.here()

    async def _load(self) -> None:
        """Not in a thread: two that compute take turns of 5 ms, and every packet would wait for one."""
        for module in (*LOADED_THEN, *self._also):
            importlib.import_module(module)
            await asyncio.sleep(TURN_S)

    def _begin(self) -> None:
        """Starts to read every node that has come up meanwhile."""
        for node in self._profile.nodes:
            transport = self._cluster.transport(node)
            if transport is not None and node not in self._tasks:
                self._tasks[node] = asyncio.create_task(self._reader.node(transport), name=f"look {node}")
                if self._tale is not None:
                    self._tasks[f"tale {node}"] = asyncio.create_task(
                        self._tale.node(transport), name=f"tale {node}"
                    )
        if not self._waiting():
            self._asked.set()

    def _waiting(self) -> bool:
        """Is a node still to come that may come up?"""
        nodes = self._cluster.store.state.nodes.values()
        return any(node.link.state is not LinkState.DOWN and node.name not in self._tasks for node in nodes)

    def _settled(self) -> bool:
        """Nothing of the state is still to come, and every node that is up is being read."""
        return not self._waiting() and next(pending(self._cluster.store.state), None) is None

    async def _look_twice(self) -> None:
        """A look at a planned move's very moment sees two owners, or none; what is wrong lasts."""
        state, now = self._cluster.store.state, self._cluster.now()
        listed = [node.listed_at for node in state.nodes.values() if node.listed_at is not None]
        if listed and not _witnesses_agree(state, now):
            await asyncio.sleep(max(0.0, max(listed) + SETTLED_AFTER_S + LOOK_TWICE_S - now))

    async def _news(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NEWS_S):
                await self._changed.wait()

    def _judged(self) -> Examined:
        from iamops.judge.triage.diagnose import diagnose

        now, gathered = self._cluster.now(), self._reader.gathered
        state = self._without_hope(self._cluster.store.state, now)
        gathered.give_up(tuple(self._profile.nodes), lambda node: self._why(state, node))
        state = with_drift(state, gathered)
        view = RuleInput(
            state, gathered.inspection(), gathered.lint(self._profile, now), gathered.unreadable, final=True
        )
        diagnosis = diagnose(view, now)
        took_s = self._cluster.now() - self._began
        told = self._tale.timeline() if self._tale is not None else Timeline()
        unlooked = self._unlooked(state)
        return Examined(self._profile, now, took_s, state, diagnosis, unlooked, told.happenings, told.unavailable)

    def _without_hope(self, state: ClusterState, now: float) -> ClusterState:
        """A node that is still connecting when time is up has not answered: that is said, not left open."""
        for node in state.nodes.values():
            if node.link.state is LinkState.CONNECTING:
                since = self._connecting_at
                reason = f"SSH has not answered within {now - since:.1f} s"
                link = Link(LinkState.DOWN, since, "timeout", reason, "is its sshd hung, or the machine off?")
                state = reduce(state, LinkChanged(now, node.name, link))
        return state

    def _why(self, state: ClusterState, node: str) -> str:
        link = state.nodes[node].link
        return link.reason if link.state is LinkState.DOWN and link.reason else "not read in the time there was"

    def _unlooked(self, state: ClusterState) -> Mapping[str, str]:
        """Nodes of which no part could be read."""
        blind = [name for name, look in self._reader.gathered.looks.items() if not look.any]
        return {name: self._why(state, name) for name in blind}


def _witnesses_agree(state: ClusterState, now: float) -> bool:
    """Exactly one owner of each VIP, and its keepalived the only MASTER of those that are seen."""
    for name in state.profile.vrrp:
        owners = {claim.node for claim in ownership(state, name, now).owners}
        reports = {node.name: node.vrrp[name] for node in state.nodes.values()}
        masters = {n for n, r in reports.items() if isinstance(r, Known) and r.value.state is VrrpState.MASTER}
        if len(owners) != 1 or masters != owners:
            return False
    return True


def with_drift(state: ClusterState, gathered: InspectionResult) -> ClusterState:
    """The files that were read, compared with what the profile asks for: as the console does all the time.

    Not by an event: an event would say that the node was heard now.
    """
    nodes = {name: replace(node, config=_compared(name, gathered)) for name, node in state.nodes.items()}
    return replace(state, nodes=nodes)


def _compared(node: str, gathered: InspectionResult) -> Observed[ConfigReport]:
    tree = gathered.trees.get(node)
    if tree is None or isinstance(tree, Unknown) or gathered.rendered is None:
        return Unknown(gathered.unrendered or gathered.unreadable.get(node, "not compared"))
    try:
        differing = tuple(change.path for change in node_change(tree.value, gathered.rendered[node]).files)
    except Exception as error:
        return Unknown(fault_of_ours(error))
    return Known(ConfigReport(differing), tree.at or 0.0)
