"""Units and IAM services: do they run, are they healthy, and do their peers reach them?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated
from iamops.judge.rules.base import (
    Answer,
    Rule,
    RuleInput,
    about_unit,
    evidence_of,
    live,
    nodes,
    probed,
    reason_of,
    unheard,
    unit_running,
)
from iamops.model.facts import LinkState, ProbeOutcome, ProbeReport, Severity, UnitReport
from iamops.model.observed import Freshness, Known, Observed, Unknown
from iamops.model.profile import Service
from iamops.model.state import NodeState
from iamops.model.text import being
from iamops.plan.addresses import reached
from iamops.plan.sending import Proxied, Sent

# The backends behind an nginx, as its own node is answered by them: which of them keep clients waiting.

WHAT = "whether a backend keeps clients waiting"
Silence = tuple[NodeState, Observed[ProbeReport]]


def silent_backends(view: RuleInput, now: float) -> Iterator[Answer]:
    """nginx gives a backend up that refuses, and waits for one that accepts and says nothing."""
    yield from unheard(view, now, ("backend-silent",), WHAT)
    found: dict[tuple[str, str], list[Silence]] = {}
    for nginx in live(view, now):
        if not serving_clients(view, nginx):
            continue
        for service, place, seen in asked_backends(view, nginx):
            if isinstance(seen, Unknown):
                why = f"{service.name} on {place}, asked from {nginx.name}: {reason_of(seen)}"
                yield NotEvaluated("backend-silent", WHAT, why, nginx.name)
            elif keeps_waiting(seen):
                found.setdefault((service.name, place), []).append((nginx, seen))
    for (name, place), silences in found.items():
        yield _silent(view, name, place, silences, now)


BACKEND_RULES = (Rule(("backend-silent",), silent_backends),)


def serving_clients(view: RuleInput, nginx: NodeState) -> bool:
    return reached(view.state, nginx.name) and unit_running(nginx, view.state.profile.nginx.unit)


def keeps_waiting(seen: Observed[ProbeReport]) -> bool:
    return isinstance(seen, Known) and seen.value.outcome is ProbeOutcome.TIMEOUT and seen.value.accepted


def asked_backends(view: RuleInput, nginx: NodeState) -> Iterator[tuple[Service, str, Observed[ProbeReport]]]:
    """Service, backend's node and what the nginx's node gets from it, where this nginx may send it requests."""
    for service in view.state.profile.services.values():
        for place, seen in backends_seen(view, nginx, service) if service.domain is not None else ():
            if Proxied(view.state, service, nginx.name).sent_some(place) is not Sent.NO:
                yield service, place, seen


def backends_seen(
    view: RuleInput, node: NodeState, service: Service
) -> Iterator[tuple[str, Observed[ProbeReport]]]:
    """What the node itself gets from its own backend and from its peers'."""
    if service.name in node.services:
        yield node.name, node.services[service.name]
    for peer in view.state.profile.peers_of(node.name):
        seen = view.state.nodes[peer.name].from_peers.get(service.name, {}).get(node.name)
        if seen is not None:
            yield peer.name, seen


def doubtful_backend(view: RuleInput, nginx: NodeState, now: float) -> str:
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


def _silent(view: RuleInput, name: str, place: str, silences: list[Silence], now: float) -> Finding:
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


def _through(view: RuleInput, silences: list[Silence], service: Service, now: float) -> Iterator[Evidence]:
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


STOPPED_IN_ORDER = "inactive"
# From outside, as the parsers of journal and `systemctl show` put it.
KILLED = frozenset({"killed by KILL", "killed by TERM", "killed by signal 9", "killed by signal 15"})
REACHED = "whether its peers reach it"
# What a peer says was asked so long before at most.
ASKED_BEFORE_S = 1.5


def units_down(view: RuleInput, now: float) -> Iterator[Answer]:
    yield from unheard(view, now, ("unit-down",), "whether its units run")
    for node in live(view, now):
        for unit, seen in node.units.items():
            if isinstance(seen, Unknown):
                yield NotEvaluated("unit-down", f"whether {unit} runs", reason_of(seen), node.name)
            elif not seen.value.running:
                yield _down(view, node, unit, seen, now)


def health_failing(view: RuleInput, now: float) -> Iterator[Answer]:
    """Processes that run and yet do not answer as they should."""
    yield from unheard(view, now, ("service-unhealthy",), "whether its services are healthy")
    for node in live(view, now):
        for name, service in view.state.profile.services.items():
            seen = node.services.get(name)
            if seen is None or not unit_running(node, service.unit):
                continue
            if isinstance(seen, Unknown):
                yield NotEvaluated("service-unhealthy", f"whether {name} is healthy", reason_of(seen), node.name)
            elif not seen.value.ok:
                title = f"{name} on {node.name} runs but is not healthy: {seen.value.outcome}"
                evidence = (probed(seen, f"{service.health} on port {service.port}", "HTTP", node.name, now),)
                step = f"look: journalctl -u {service.unit} on {node.name}"
                if keeps_waiting(seen):  # what hangs writes no line
                    step = f"iamops restart {service.unit} {node.name}"
                yield Finding(
                    "service-unhealthy",
                    Severity.WARNING,
                    title,
                    evidence,
                    step,
                    node.name,
                    about=About(service.unit, name),
                )


def peers_refused(view: RuleInput, now: float) -> Iterator[Answer]:
    """Healthy at home, and no peer reaches it. All services at once: the way is cut; one of them: loopback."""
    codes = ("backend-not-reachable", "not-serving")
    yield from unheard(view, now, codes, REACHED)
    for node in live(view, now):
        healthy = {
            name: service
            for name, service in view.state.profile.services.items()
            if isinstance(own := node.services.get(name), Known)
            and own.value.ok
            and own.at >= node.renewed.get(name, -math.inf)
        }
        cut = {n: s for n, s in healthy.items() if _cut_off(_views(view, node, n, now))}
        for name in healthy:
            if view.state.profile.peers_of(node.name) and not _views(view, node, name, now):
                why = f"no peer of {node.name} has told of {name}"
                why += " since it answers again" if name in node.renewed else ""
                yield from (NotEvaluated(code, f"whether peers reach {name}", why, node.name) for code in codes)
        if len(cut) > 1 and len(cut) == len(healthy):
            yield _not_serving(view, node, cut, now)
        else:
            yield from (_not_reachable(view, node, service, now) for service in cut.values())


RULES = (
    Rule(("unit-down",), units_down),
    Rule(("service-unhealthy",), health_failing),
    Rule(("backend-not-reachable", "not-serving"), peers_refused),
)


def _down(view: RuleInput, node: NodeState, unit: str, seen: Known[UnitReport], now: float) -> Finding:
    report = seen.value
    severity = Severity.CRITICAL if unit == view.state.profile.nginx.unit else Severity.WARNING
    evidence = [evidence_of(seen, f"{report.active} ({report.sub})", "systemd", node.name, now)]
    title = f"{unit} {being(report.active)} on {node.name}"
    # What was stopped can be started; what fell over will tell why first.
    step = f"iamops start {unit} {node.name}"
    if report.active != STOPPED_IN_ORDER:
        step = f"look: journalctl -u {unit} on {node.name}"
    # Who kills a process does not ask it: neither did its start fail, nor are its last lines about that.
    killed = report.exits in KILLED and report.sub != "auto-restart"
    if killed:
        title, step = f"{unit} on {node.name} was {report.exits}", f"iamops start {unit} {node.name}"
    elif report.exits:
        title = f"{unit} on {node.name} does not start: {report.exits}"
    if report.reason and not killed:
        evidence.insert(
            0, evidence_of(seen, report.reason, f"what {unit} said when it was last started", node.name, now)
        )
        step = f"look: what {unit} on {node.name} says it lacks; then iamops start {unit} {node.name}"
    return Finding(
        "unit-down",
        severity,
        title,
        tuple(evidence),
        step,
        node.name,
        about=about_unit(view.state.profile, unit, node.name),
    )


def _views(view: RuleInput, node: NodeState, service: str, now: float) -> Mapping[str, Observed[ProbeReport]]:
    """What the peers that are heard now have seen of it as it is now."""
    since = node.renewed.get(service, -math.inf) + ASKED_BEFORE_S
    return {
        peer: seen
        for peer, seen in node.from_peers.get(service, {}).items()
        if isinstance(seen, Known) and seen.at >= since and view.state.nodes[peer].freshness(now) is Freshness.LIVE
    }


def _cut_off(views: Mapping[str, Observed[ProbeReport]]) -> bool:
    return bool(views) and not any(isinstance(seen, Known) and seen.value.ok for seen in views.values())


def _not_reachable(view: RuleInput, node: NodeState, service: Service, now: float) -> Finding:
    views = _views(view, node, service.name, now)
    return Finding(
        "backend-not-reachable",
        Severity.WARNING,
        f"{service.name} on {node.name} answers locally but not to its peers",
        tuple(probed(seen, f"{service.name} on {node.name}", "HTTP", peer, now) for peer, seen in views.items()),
        f"look: ss -ltn on {node.name}: is port {service.port} bound to 127.0.0.1?",
        node.name,
        cause="it is bound to 127.0.0.1, or a firewall stands between: round robin silently loses it",
        about=About(service.unit, service.name),
    )


def _not_serving(view: RuleInput, node: NodeState, cut: Mapping[str, Service], now: float) -> Finding:
    evidence = tuple(
        probed(seen, f"{name} on {node.name}", "HTTP", peer, now)
        for name in cut
        for peer, seen in _views(view, node, name, now).items()
    )
    return Finding(
        "not-serving",
        Severity.CRITICAL,
        f"{node.name} answers over SSH and to itself, and no peer reaches any of its services",
        evidence,
        f"look: nft list ruleset and ss -ltn on {node.name}",
        node.name,
        cause="a firewall on the node or between the nodes, or every service bound to 127.0.0.1",
    )
