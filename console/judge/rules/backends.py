"""The backends behind an nginx, as its own node is answered by them: which of them keep clients waiting."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.findings import About, Blind, Evidence, Finding
from console.judge.rules.view import Answer, Rule, View, live, nodes, probed, reason_of, unheard, unit_running
from console.model.facts import LinkState, ProbeOutcome, ProbeReport, Severity
from console.model.observed import Known, Observed, Unknown
from console.model.profile import Service
from console.model.state import NodeState
from console.plan.reached import reached
from console.plan.sending import Sent, sent_some

WHAT = "whether a backend keeps clients waiting"
Silence = tuple[NodeState, Observed[ProbeReport]]


def silent_backends(view: View, now: float) -> Iterator[Answer]:
    """nginx gives a backend up that refuses, and waits for one that accepts and says nothing."""
    yield from unheard(view, now, ("backend-silent",), WHAT)
    found: dict[tuple[str, str], list[Silence]] = {}
    for nginx in live(view, now):
        if not serving_clients(view, nginx):
            continue
        for service, place, seen in asked_backends(view, nginx):
            if isinstance(seen, Unknown):
                why = f"{service.name} on {place}, asked from {nginx.name}: {reason_of(seen)}"
                yield Blind("backend-silent", WHAT, why, nginx.name)
            elif keeps_waiting(seen):
                found.setdefault((service.name, place), []).append((nginx, seen))
    for (name, place), silences in found.items():
        yield _silent(view, name, place, silences, now)


RULES = (Rule(("backend-silent",), silent_backends),)


def serving_clients(view: View, nginx: NodeState) -> bool:
    return reached(view.state, nginx.name) and unit_running(nginx, view.state.profile.nginx.unit)


def keeps_waiting(seen: Observed[ProbeReport]) -> bool:
    return isinstance(seen, Known) and seen.value.outcome is ProbeOutcome.TIMEOUT and seen.value.accepted


def asked_backends(view: View, nginx: NodeState) -> Iterator[tuple[Service, str, Observed[ProbeReport]]]:
    """Service, backend's node and what the nginx's node gets from it, where this nginx may send it requests."""
    for service in view.state.profile.services.values():
        for place, seen in backends_seen(view, nginx, service) if service.domain is not None else ():
            if sent_some(view.state, service, nginx.name, place) is not Sent.NO:
                yield service, place, seen


def backends_seen(view: View, node: NodeState, service: Service) -> Iterator[tuple[str, Observed[ProbeReport]]]:
    """What the node itself gets from its own backend and from its peers'."""
    if service.name in node.services:
        yield node.name, node.services[service.name]
    for peer in view.state.profile.peers_of(node.name):
        seen = view.state.nodes[peer.name].from_peers.get(service.name, {}).get(node.name)
        if seen is not None:
            yield peer.name, seen


def doubtful_backend(view: View, nginx: NodeState, now: float) -> str:
    """A backend that may be why a client of this nginx got no good answer, in words; empty where all are well.

    A request through a round robin goes to one of them: what the node's own request got says nothing about it.
    """
    for service, place, seen in asked_backends(view, nginx):
        if isinstance(seen, Unknown):
            return f"whether {service.name} on {place} answers {nginx.name} is not known"
        if not seen.value.ok:
            return f"{service.name} on {place} does not answer {nginx.name} ({seen.value.outcome})"
    gone = [n.name for n in nodes(view) if n.link.state is LinkState.DOWN and n.name != nginx.name]
    return f"{' and '.join(gone)} cannot be seen, and nginx on {nginx.name} sends requests there" if gone else ""


def _silent(view: View, name: str, place: str, silences: list[Silence], now: float) -> Finding:
    service, home = view.state.profile.services[name], view.state.nodes[place]
    through = " and ".join(nginx.name for nginx, _ in silences)
    evidence = tuple(probed(seen, f"{name} on {place}", "HTTP", nginx.name, now) for nginx, seen in silences)
    return Finding(
        "backend-silent",
        Severity.CRITICAL,
        f"{name} on {place} accepts and does not answer, and nginx on {through} sends it requests",
        (*evidence, *_through(view, silences, service, now)),
        _step(service, home),
        place,
        cause="the process hangs or is stopped, or its machine is paused: a part of all requests waits for it",
        about=About(service.unit, name),
    )


def _through(view: View, silences: list[Silence], service: Service, now: float) -> Iterator[Evidence]:
    """What its clients get meanwhile."""
    domain = service.domain or ""
    for nginx, _ in silences:
        seen = nginx.domains.get(domain)
        if isinstance(seen, Known):
            yield probed(seen, domain, "HTTP through nginx", nginx.name, now)


def _step(service: Service, home: NodeState) -> str:
    if home.link.state is LinkState.UP and unit_running(home, service.unit):
        return f"iamops restart {service.unit} {home.name}"
    return f"look: is {home.name} paused or hung? its console, or the hypervisor's"
