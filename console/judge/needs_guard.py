"""Guards on what services need: what would not come up, and which last backend falls with another. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.model.facts import LinkState
from console.model.need import When
from console.model.observed import Known, Unknown
from console.plan.impact import datastores_of
from console.plan.known import answered
from console.plan.needs import Fall, commands, falls, lacks
from console.plan.sending import unsent


def dependency_down(case: Case) -> Iterator[Denial]:
    """What cannot come up now is neither started nor restarted: what still served would be gone."""
    for command in commands(case.plan):
        if command.verb == "stop" or case.state.nodes[command.node].link.state is not LinkState.UP:
            continue
        for lack in lacks(case.state, command, case.now):
            if lack.need.when is not When.IDLE:
                reason = f"{lack.sentence}; it would not come up on {lack.node}"
                yield Denial("dependency-down", reason, True, lack.node)


def last_backend_by_need(case: Case) -> Iterator[Denial]:
    """A backend may lose what it needs only while another one answers. Datastores have a guard of their own."""
    profile = case.state.profile
    for command in commands(case.plan):
        if command.verb == "start" or datastores_of(profile, command.unit, command.node):
            continue
        for fall in falls(profile, command.unit, command.node):
            if fall.need.when is When.ALWAYS and _is_last(case, fall):
                nodes = ", ".join(_named(case, fall, name) for name in _others(case, fall)) or "any other node"
                reason = (
                    f"{fall.service} on {fall.node} needs {fall.need.what}, and on {nodes} it is not known to be"
                )
                yield Denial(
                    "last-backend", f"{reason} healthy: nothing would serve it meanwhile", True, fall.node
                )


def _is_last(case: Case, fall: Fall) -> bool:
    own = case.state.nodes[fall.node].services[fall.service]
    serves_nobody = isinstance(own, Known) and not own.value.ok
    if case.state.profile.services[fall.service].domain is None or serves_nobody:
        return False
    return not any(_well(case, fall.service, node) for node in _others(case, fall))


def _named(case: Case, fall: Fall, node: str) -> str:
    seen = case.state.nodes[node].services[fall.service]
    if isinstance(seen, Unknown):
        return f"{node} ({seen.reason})"
    idle = unsent(case.state, case.state.profile.services[fall.service], node)
    return f"{node} ({idle})" if idle else node


def _others(case: Case, fall: Fall) -> list[str]:
    return [n.name for n in case.node_states if n.name != fall.node and fall.service in n.services]


def _well(case: Case, service: str, node: str) -> bool:
    """It answers, and every nginx sends it requests."""
    seen = case.state.nodes[node]
    idle = unsent(case.state, case.state.profile.services[service], node)
    return seen.link.state is LinkState.UP and answered(seen.services[service]) and idle is None
