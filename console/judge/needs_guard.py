"""Guards on what services need: what would not come up, and which last backend falls with another. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.model.facts import LinkState
from console.model.need import When
from console.model.observed import Known
from console.plan.impact import datastores_of
from console.plan.needs import Fall, commands, falls, lacks
from console.plan.outside import meanwhile
from console.plan.sending import doubted, serves


def dependency_down(case: Case) -> Iterator[Denial]:
    """What cannot come up now is neither started nor restarted: what still served would be gone."""
    for command in commands(case.plan):
        up = case.state.nodes[command.node].link.state is LinkState.UP
        if command.verb not in ("start", "restart") or not up:
            continue
        for lack in lacks(case.state, command, case.now):
            if lack.need.when is not When.IDLE:
                reason = f"{lack.sentence}; it would not come up on {lack.node}"
                yield Denial("dependency-down", reason, True, lack.node)


def last_backend_by_need(case: Case) -> Iterator[Denial]:
    """A backend may lose what it needs only while another one answers. Datastores have a guard of their own."""
    profile = case.state.profile
    for command in commands(case.plan):
        if command.verb in ("start", "wake") or datastores_of(profile, command.unit, command.node):
            continue
        for fall in falls(profile, command.unit, command.node):
            if fall.need.when is When.ALWAYS and _is_last(case, fall):
                service = profile.services[fall.service]
                others = ", ".join(doubted(case.state, service, name) for name in _others(case, fall))
                nodes = others or "any other node"
                reason = (
                    f"{fall.service} on {fall.node} needs {fall.need.what}, and on {nodes} it is not known to be"
                )
                yield Denial(
                    "last-backend", f"{reason} healthy: {meanwhile(case.state, service)}", True, fall.node
                )


def _is_last(case: Case, fall: Fall) -> bool:
    own = case.state.nodes[fall.node].services[fall.service]
    serves_nobody = isinstance(own, Known) and not own.value.ok
    service = case.state.profile.services[fall.service]
    if service.domain is None or serves_nobody:
        return False
    return not any(serves(case.state, service, node) for node in _others(case, fall))


def _others(case: Case, fall: Fall) -> list[str]:
    return [n.name for n in case.node_states if n.name != fall.node and fall.service in n.services]
