"""Backends beside the profile's nodes: nginx may ask them, and nobody watches whether they answer. Pure."""

from __future__ import annotations

from console.model.profile import Service
from console.model.state import ClusterState
from console.plan.sending import backend_names, upstream_of


def outside(state: ClusterState, service: Service) -> tuple[str, ...]:
    """Endpoints beside the nodes that the profile or some nginx's files name, and that are not drained."""
    profile = state.profile
    found = [each for each in service.backends if each not in service.drained]
    for nginx in state.nodes:
        upstream = upstream_of(state, service, nginx)
        nodes = [name for name in profile.nodes if service.runs_on(name)]
        own = {name for node in nodes for name in backend_names(profile, service, nginx, node)}
        drained = {each.endpoint for each in upstream.servers if each.down} if upstream is not None else set[str]()
        named = [each.endpoint for each in upstream.servers if not each.down] if upstream is not None else []
        found = [each for each in found if each not in drained] + [each for each in named if each not in own]
    return tuple(dict.fromkeys(found))


def meanwhile(state: ClusterState, service: Service) -> str:
    """Who would serve it when no node does: nothing, or nobody knows."""
    known = outside(state, service)
    if not known:
        return "nothing would serve it meanwhile"
    return f"whether {' or '.join(known)} would serve it meanwhile is not known"
