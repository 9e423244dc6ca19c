"""One cluster under observation: profile, links, probes and store, wired together."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from iamops.judge.findings import Finding
from iamops.judge.rules import findings
from iamops.judge.triage.events import signs
from iamops.model.events import (
    ClientProbed,
    ConfigCompared,
    Event,
    HostReported,
    NodeHeard,
    Noticed,
    RequestsCounted,
)
from iamops.model.facts import ProbeReport, Severity
from iamops.model.observed import Unknown
from iamops.model.profile import Profile
from iamops.model.running import ClockOffset, LiveVrrp
from iamops.model.state import PUBLIC, ClusterState, client_views, pending
from iamops.nodes.collect.context import CollectorContext, alarm
from iamops.nodes.collect.run import observe
from iamops.nodes.collect.system import read_host
from iamops.nodes.keepalived import VrrpUnknown, VrrpWitness
from iamops.nodes.link import NodeLink
from iamops.nodes.netns import connect
from iamops.nodes.pace import CLIENT, Pace
from iamops.nodes.probes.client import ClientProbe, ClientTarget
from iamops.nodes.ssh.connector import SshConnector
from iamops.nodes.supervisor import Supervisor, run_in_thread, session_clock
from iamops.nodes.transport import Clock, CommandFailed, Transport, TransportError
from iamops.redact.clean import clean_text
from iamops.session.adapters import NodeCommands, wait_for
from iamops.session.store import Store

if TYPE_CHECKING:
    from iamops.judge.findings import Diagnosis
    from iamops.session.logs import LogTap
    from iamops.session.traffic import TrafficFeed
    from iamops.session.triage.timeline import Recall


CHECK_EVERY_S = 2.0


class Parts(Supervisor):
    """Keeps the parts of a session alive, and reports in the state what fails in them or beside them."""

    def unexpected(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error that nobody waits for, in a callback or a forgotten task: a finding, and no traceback."""
        error = context.get("exception")
        if isinstance(error, Exception):
            # Reporting it may fail of the same thing; then there is nobody left to report to.
            with contextlib.suppress(Exception):
                self.report_fault("something beside the parts", error)
        if loop.get_debug():
            loop.default_exception_handler(context)

    def begin(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        return asyncio.create_task(self.keep(self.part(name), work), name=name)

    async def watch(self) -> None:
        while True:
            self.check()
            await asyncio.sleep(CHECK_EVERY_S)


CLOCK_LOOKS = 5
FILES_AFTER_S = 5.0
# So long after its last sign of life a part counts as standing still.
CLIENT_SILENT_S = 10.0
FILES_SILENT_S = 90.0
RECALL_AFTER_S = 1.5
# The client's probe may be waiting for a VIP that does not answer: it ends within two of its timeouts.
PROBE_PATIENCE_S = 0.2
# So soon after an event it is judged what it means for the pace.
PACE_S = 0.25


class Cluster:
    """Observes every node of a profile from `start` to `stop`. `store` holds what is known."""

    def __init__(self, profile: Profile, *, clock: Clock | None = None, for_console: bool = False) -> None:
        """`for_console`: also watches whether the nodes' files are what the profile asks for, and keeps what
        the access logs hold beyond plain counts.
        """
        self.profile = profile
        self._for_console = for_console
        self.now: Clock = clock or session_clock()
        self.pace = Pace(self.now, self._probe_again, self._alarm)
        self._parts = Parts(lambda event: self.store.apply(event), self.now)
        self.check_parts = self._parts.check
        self.store = Store(ClusterState.of(profile), partial(self._parts.report_fault, "showing what is known"))
        self._contexts: dict[str, CollectorContext] = {}
        self._traffic = self._traffic_feed() if for_console else None
        self._links = {name: self._link(name) for name in profile.nodes}
        self.commands = NodeCommands(self.transport, profile)
        self._tasks: list[asyncio.Task[None]] = []
        self._alarms: set[asyncio.Task[None]] = set()
        self._probe: ClientProbe | None = None
        self._log_tap: LogTap | None = None
        self._recall: Recall | None = None
        self._began = self.now()

    async def start(self) -> None:
        """Returns at once; what is learned arrives in the store. Started already: nothing happens."""
        if self._probe is not None:
            return
        asyncio.get_running_loop().set_exception_handler(self._parts.unexpected)
        self._tasks = [self._parts.begin(f"the link to {name}", link.run) for name, link in self._links.items()]
        if self._for_console:
            self._tasks.append(asyncio.create_task(self._keep_watching_files(), name="config"))
        self._tasks.append(self._parts.begin("minding the pace", self._mind_pace))
        self._tasks.append(self._parts.begin("watching over the parts", self._parts.watch))
        self._probe = self._client_probe(asyncio.get_running_loop())
        self._probe.start()

    async def stop(self) -> None:
        """Ends every link and probe, and waits for them; for a probe that hangs only a moment: it says no more."""

        async def end(probe: ClientProbe) -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PROBE_PATIENCE_S):
                    await run_in_thread(probe.stop, "client-probe-stop")

        ending = asyncio.create_task(end(self._probe), name="client probe") if self._probe is not None else None
        if self._log_tap is not None:
            await self._log_tap.stop()
        if self._traffic is not None:
            await self._traffic.stop()
        tasks = (*self._tasks, *self._alarms)
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if ending is not None:
            await ending

    def refresh(self) -> None:
        """Looks at every node now, and tries every broken link again now instead of after its back-off."""
        for link in self._links.values():
            link.retry_now()
        self.refresh_nodes()

    def refresh_nodes(self) -> None:
        """Asks every connected node's collectors for fresh evidence: somebody is about to act on it."""
        self.pace.attend()
        for context in self._contexts.values():
            context.refresh()

    def refresh_locks(self) -> None:
        for context in self._contexts.values():
            context.safety_changed.set()

    def findings(self, state: ClusterState, now: float, *, final: bool = False) -> tuple[Finding, ...]:
        """What the rules say of the live state, each with its own severity; causes and symptoms side by side."""
        return findings(state, now, final=final)

    async def examine(self) -> Diagnosis:
        # Loading what judges files takes longer than a frame.
        await asyncio.to_thread(importlib.import_module, "iamops.session.triage.triage")
        from iamops.session.triage.triage import observe_live

        return await observe_live(self)

    async def settled(self, timeout_s: float) -> bool:
        return await wait_for(self.store, lambda state: next(pending(state), None) is None, timeout_s)

    def transport(self, node: str) -> Transport | None:
        return self._links[node].transport

    def why_not_connected(self, node: str) -> str:
        link = self.store.state.nodes[node].link
        why = f"{node}: {link.reason}" if link.reason else f"{node} is not connected"
        return f"{why}; next: {link.next_step}" if link.next_step else why

    def log_tap(self) -> LogTap:
        """The nodes' logs; loaded when they are first looked at, and read only while somebody does."""
        if self._log_tap is None:
            from iamops.session.logs import LogTap

            self._log_tap = LogTap(self.profile, self.transport, self.store, self.now)
        return self._log_tap

    async def live_config(self, instance: str) -> dict[str, LiveVrrp]:
        """What each node's keepalived is running with; a node that does not answer is left out."""
        found: dict[str, LiveVrrp] = {}
        for name, link in self._links.items():
            if link.transport is None:
                continue
            with contextlib.suppress(VrrpUnknown, TransportError):
                config = await VrrpWitness(link.transport, self.profile).config()
                found |= {name: config[instance]} if instance in config else {}
        return found

    async def refresh_files(self) -> None:
        """Reads what the daemons would load, and how nginx treats its backends; the answers are in the state."""
        # Loading what reads files takes longer than a frame.
        await asyncio.to_thread(importlib.import_module, "iamops.session.config.on_disk")
        from iamops.session.config.on_disk import examine_files

        await examine_files(self.profile, self.transport, self.store, self.now)

    async def clock_offsets(self) -> dict[str, ClockOffset]:
        """Each node's clock against ours: the best of a few looks, for the shortest way shows it best."""
        found: dict[str, ClockOffset] = {}
        for name, link in self._links.items():
            for _ in range(CLOCK_LOOKS):
                if link.transport is None:
                    break
                with contextlib.suppress(CommandFailed, TransportError):
                    report = (await read_host(link.transport, self.now)).report
                    offset, uncertainty = report.clock_offset_ms, report.clock_uncertainty_ms
                    if offset is None or uncertainty is None:
                        continue
                    if name not in found or uncertainty < found[name].uncertainty_ms:
                        found[name] = ClockOffset(offset, uncertainty)
        return found

    async def _mind_pace(self) -> None:
        """Full rate as soon as anything happens, turns again when all has been well for a while."""
        happened = asyncio.Event()

        def on_event(_state: ClusterState, event: Event) -> None:
            if not isinstance(event, NodeHeard | RequestsCounted | HostReported):
                happened.set()

        unsubscribe = self.store.subscribe(on_event)
        try:
            while True:
                self.pace.judge(signs(self.store.state, self.now()))
                await asyncio.sleep(PACE_S)
                await happened.wait()
                happened.clear()
        finally:
            unsubscribe()

    def _probe_again(self) -> None:
        for context in self._contexts.values():
            context.probe_again()

    def _alarm(self) -> None:
        async def alarmed(transport: Transport) -> None:
            with contextlib.suppress(TransportError):  # a node that does not get it has its own turn
                await alarm(transport)

        for context in self._contexts.values():
            task = asyncio.create_task(alarmed(context.transport), name=f"alarm {context.node}")
            self._alarms.add(task)
            task.add_done_callback(self._alarms.discard)

    async def _keep_watching_files(self) -> None:
        """Loaded when everything else has been seen: rendering needs what a first frame does not."""
        await asyncio.sleep(FILES_AFTER_S)
        part = self._parts.part("comparing the nodes' files", silent_after_s=FILES_SILENT_S)

        async def watch() -> None:
            from iamops.session.config.directory import ConfigWatch

            await ConfigWatch(self.profile, self.transport, self.store.apply, self.now, part.beat).run()

        def lost(reason: str) -> None:
            for node in self.profile.nodes:
                self.store.apply(ConfigCompared(self.now(), node, None, reason))

        await self._parts.keep(part, watch, lost)

    async def _recalled(self, transport: Transport, heard_at: float | None, back_at: float) -> None:
        """What happened before, once what is so now was seen. The task's edge: what is missing is reported."""
        if not self._for_console:
            return
        await asyncio.sleep(RECALL_AFTER_S)
        try:
            # Loading what reads journals takes longer than a frame.
            await asyncio.to_thread(importlib.import_module, "iamops.session.triage.timeline")
            from iamops.session.triage.timeline import Recall

            self._recall = self._recall or Recall(self.profile, self.store.apply, self.now, began=self._began)
            await self._recall.node(transport, heard_at, back_at)
        except Exception as error:
            why = f"not recalled: {transport.node}: {type(error).__name__}: {error}"
            self.store.apply(Noticed(self.now(), transport.node, Severity.WARNING, clean_text(why)))

    def _link(self, node: str) -> NodeLink:
        connector = SshConnector(self.profile, self.profile.nodes[node])

        async def session(transport: Transport) -> None:
            log = self._traffic.access_log(node) if self._traffic is not None else None
            self._contexts[node] = context = CollectorContext(
                transport, self.profile, self.store.apply, self.now, log, self.pace, self._parts
            )
            heard_at = self.store.state.nodes[node].last_event_at
            recalling = self._recalled(transport, heard_at, self.now())
            recall = asyncio.create_task(recalling, name=f"recall {node}")
            try:
                await observe(context)
            finally:
                recall.cancel()
                del self._contexts[node]

        return NodeLink(node, connector, session, self.store.apply, self.now)

    def traffic(self) -> TrafficFeed:
        """What the access logs hold, of the last hour and from then on. Only with `for_console`."""
        assert self._traffic is not None  # noqa: S101 - the console is the only one that asks
        return self._traffic

    def _traffic_feed(self) -> TrafficFeed:
        from iamops.session.traffic import TrafficFeed

        return TrafficFeed(self.profile, self.transport, self.now)

    def _client_probe(self, loop: asyncio.AbstractEventLoop) -> ClientProbe:
        def on_report(name: str, report: ProbeReport | Unknown) -> None:
            event = ClientProbed(self.now(), name, report, self.pace.period_s(None, CLIENT))
            with contextlib.suppress(RuntimeError):  # the loop has just been closed: nobody listens
                loop.call_soon_threadsafe(self.store.apply, event)

        def open_socket(address: str, port: int, timeout_s: float) -> socket.socket:
            return connect(address, port, timeout_s, namespace=self.profile.network_namespace)

        def due_in_s(past_s: float) -> float:
            began = self.now() - past_s
            return self.pace.due(None, CLIENT, began, self.pace.period_s(None, CLIENT)) - self.now()

        targets = witnessed(self.profile)
        # A round takes one timeout for each target at most, and a little for a machine that is busy.
        part = self._parts.part("the client's probe", silent_after_s=CLIENT_SILENT_S + 2 * len(targets))
        return ClientProbe(targets, open_socket, on_report, due_in_s=due_in_s, beat=part.beat)


def client_targets(profile: Profile) -> tuple[ClientTarget, ...]:
    firsts = {target.name: target for target in reversed(witnessed(profile))}
    return tuple(firsts[name] for name in client_views(profile))


def witnessed(profile: Profile) -> tuple[ClientTarget, ...]:
    """Every VIP, and the public address if there is one, asked for every published domain."""
    published = [(s.domain, s.health) for s in profile.services.values() if s.domain]
    addresses = {name: vrrp.address for name, vrrp in profile.vrrp.items()}
    if profile.public_address:
        addresses[PUBLIC] = profile.public_address
    return tuple(
        ClientTarget(name, address, profile.nginx.port, domain, path)
        for name, address in addresses.items()
        for domain, path in published or [(address, "/")]
    )
