"""One cluster under observation: profile, links, probes and store, wired together."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from console.judge.findings import Finding
from console.judge.rules import findings
from console.model.events import ClientProbed, Event
from console.model.facts import HostReport, ProbeReport
from console.model.live import ClockOffset, LiveVrrp
from console.model.profile import Profile
from console.model.state import PUBLIC, ClusterState, pending
from console.nodes.client_probe import ClientProbe, ClientTarget
from console.nodes.keepalived import VrrpUnknown, VrrpWitness
from console.nodes.link import NodeLink
from console.nodes.netns import connect
from console.nodes.observe import observe
from console.nodes.snapshot import read_host
from console.nodes.ssh import SshConnector
from console.nodes.transport import CommandFailed, Transport, TransportError
from console.nodes.watch import Watch
from console.session.clock import Clock, session_clock
from console.session.hands import NodeHands
from console.store import Store

CLOCK_LOOKS = 5


class Cluster:
    """Observes every node of a profile from `start` to `stop`. `store` holds what is known."""

    def __init__(self, profile: Profile, *, clock: Clock | None = None) -> None:
        self.profile = profile
        self.now: Clock = clock or session_clock()
        self.store = Store(ClusterState.of(profile))
        self._watches: dict[str, Watch] = {}
        self._links = {name: self._link(name) for name in profile.nodes}
        self.hands = NodeHands(self._links, profile)
        self._tasks: list[asyncio.Task[None]] = []
        self._probe: ClientProbe | None = None

    async def start(self) -> None:
        """Returns at once; what is learned arrives in the store."""
        self._tasks = [asyncio.create_task(link.run(), name=f"link {link.node}") for link in self._links.values()]
        self._probe = self._client_probe(asyncio.get_running_loop())
        self._probe.start()

    async def stop(self) -> None:
        """Ends every link and probe, and waits for them."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._probe is not None:
            await asyncio.to_thread(self._probe.stop)

    def refresh(self) -> None:
        """Looks at every node now, and tries every broken link again now instead of after its back-off."""
        for link in self._links.values():
            link.retry_now()
        self.look_again()

    def look_again(self) -> None:
        """Asks every connected node for a fresh look, all of its collectors."""
        for watch in self._watches.values():
            watch.look_again()

    def findings(self, state: ClusterState, now: float) -> tuple[Finding, ...]:
        return findings(state, now)

    async def settled(self, timeout_s: float) -> bool:
        """Waits until everything the profile promises was seen or is known to be out of sight."""
        done = asyncio.Event()

        def look(state: ClusterState, _event: Event) -> None:
            if next(pending(state), None) is None:
                done.set()

        unsubscribe = self.store.subscribe(look)
        try:
            async with asyncio.timeout(timeout_s):
                await done.wait()
        except TimeoutError:
            return False
        finally:
            unsubscribe()
        return True

    def transport(self, node: str) -> Transport | None:
        """The node's connection while it is up."""
        return self._links[node].transport

    async def live_config(self, instance: str) -> dict[str, LiveVrrp]:
        """What each node's keepalived is running with; a node that does not tell is left out."""
        found: dict[str, LiveVrrp] = {}
        for name, link in self._links.items():
            if link.transport is None:
                continue
            with contextlib.suppress(VrrpUnknown, TransportError):
                told = await VrrpWitness(link.transport, self.profile).config()
                found |= {name: told[instance]} if instance in told else {}
        return found

    async def clock_offsets(self) -> dict[str, ClockOffset]:
        """Each node's clock against ours: the best of a few looks, for the shortest way tells it best."""
        found: dict[str, ClockOffset] = {}
        for name, link in self._links.items():
            for _ in range(CLOCK_LOOKS):
                if link.transport is None:
                    break
                with contextlib.suppress(CommandFailed, TransportError):
                    report = (await read_host(link.transport, self.now)).report
                    _keep_best(found, name, report)
        return found

    def _link(self, node: str) -> NodeLink:
        connector = SshConnector(self.profile, self.profile.nodes[node])

        async def session(transport: Transport) -> None:
            self._watches[node] = Watch(transport, self.profile, self.store.apply, self.now)
            try:
                await observe(self._watches[node])
            finally:
                del self._watches[node]

        return NodeLink(node, connector, session, self.store.apply, self.now)

    def _client_probe(self, loop: asyncio.AbstractEventLoop) -> ClientProbe:
        def tell(name: str, report: ProbeReport) -> None:
            event = ClientProbed(self.now(), name, report)
            with contextlib.suppress(RuntimeError):  # the loop has just been closed: nobody listens
                loop.call_soon_threadsafe(self.store.apply, event)

        def open_socket(address: str, port: int, timeout_s: float) -> socket.socket:
            return connect(address, port, timeout_s, namespace=self.profile.network_namespace)

        return ClientProbe(client_targets(self.profile), open_socket, tell)


def _keep_best(found: dict[str, ClockOffset], node: str, report: HostReport) -> None:
    offset, unsure = report.clock_offset_ms, report.clock_uncertainty_ms
    if offset is None or unsure is None:
        return
    if node not in found or unsure < found[node].uncertainty_ms:
        found[node] = ClockOffset(offset, unsure)


def client_targets(profile: Profile) -> tuple[ClientTarget, ...]:
    """Every VIP, and the public address if the profile names one, asked for the first domain."""
    published = next((s for s in profile.services.values() if s.domain), None)
    path = published.health if published else "/"
    addresses = {name: vrrp.address for name, vrrp in profile.vrrp.items()}
    if profile.public_address:
        addresses[PUBLIC] = profile.public_address
    return tuple(
        ClientTarget(name, address, profile.nginx.port, (published and published.domain) or address, path)
        for name, address in addresses.items()
    )
