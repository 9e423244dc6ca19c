"""One deep look over the connections that a session has already. Changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from iamops.judge.findings import Diagnosis
from iamops.judge.rules.base import RuleInput
from iamops.judge.triage.diagnose import diagnose
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.nodes.transport import Transport
from iamops.session.clock import Clock
from iamops.session.triage.inspect import InspectionReader, InspectionResult
from iamops.session.triage.triage import with_drift

TIMEOUT_S = 8.0


async def observe_live(
    profile: Profile,
    transport_of: Callable[[str], Transport | None],
    state_of: Callable[[], ClusterState],
    now: Clock,
    *,
    timeout_s: float = TIMEOUT_S,
) -> Diagnosis:
    """Reads every connected node for at most `timeout_s`; what is missing then is blind, with the reason."""
    reader = InspectionReader(profile, now)
    made = [transport for name in profile.nodes if (transport := transport_of(name)) is not None]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(reader.here(), *(reader.node(transport) for transport in made))
    state = state_of()
    reader.gathered.give_up(tuple(profile.nodes), lambda node: _why(state, node))
    # Reading configuration files takes a while, and the keyboard must not wait for it.
    return await asyncio.to_thread(_judged, profile, state, reader.gathered, now())


def _judged(profile: Profile, state: ClusterState, gathered: InspectionResult, now: float) -> Diagnosis:
    compared = with_drift(state, gathered)
    return diagnose(
        RuleInput(compared, gathered.inspection(), gathered.lint(profile, now), gathered.unreadable), now
    )


def _why(state: ClusterState, node: str) -> str:
    return state.nodes[node].link.reason or "not read in the time there was"
