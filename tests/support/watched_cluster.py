"""A cluster that a watch can look at."""

from __future__ import annotations

from iamops.judge.findings import Diagnosis, Finding
from iamops.model.events import AddressChanged, Event
from iamops.model.state import ClusterState
from iamops.nodes.supervisor import session_clock
from iamops.session.store import Store
from tests.support.cluster_states import VIP, healthy


class StandInCluster:
    """A healthy pair that knows nothing but what a test tells it."""

    def __init__(self) -> None:
        self.now = session_clock()
        self.store = Store(healthy(self.now()))
        self.profile = self.store.state.profile
        self.found: tuple[Finding, ...] = ()
        self.asked = 0
        self.asked_for_locks = 0

    async def start(self) -> None:
        pass

    def check_parts(self) -> None:
        pass

    def refresh_locks(self) -> None:
        self.asked_for_locks += 1

    async def settled(self, timeout_s: float) -> bool:
        return True

    def judged(self, state: ClusterState, now: float) -> Diagnosis:
        self.asked += 1
        return Diagnosis(self.found)

    def tell(self, *events: Event) -> None:
        for event in events:
            self.store.apply(event)

    def move(self, source: str, target: str) -> None:
        self.tell(
            AddressChanged(self.now(), source, VIP, present=False),
            AddressChanged(self.now(), target, VIP, present=True),
        )
