"""Units and IAM services: do they run, are they healthy, do their peers reach them, do they keep nginx waiting?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.judge.rules.base import (
    Answer,
    RuleInput,
    about_unit,
    each_live,
    evidence_of,
    live,
    nodes,
    not_evaluated,
    probed,
    reason_of,
    rule,
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

KEEPS_WAITING = "whether a backend keeps clients waiting"
REACHED = "whether its peers reach it"
STOPPED_IN_ORDER = "inactive"
# From outside, as the parsers of journal and `systemctl show` put it.
KILLED = frozenset({"killed by KILL", "killed by TERM", "killed by signal 9", "killed by signal 15"})
# What a peer reports was asked so long before at most.
ASKED_BEFORE_S = 1.5
Silence: TypeAlias = tuple[NodeState, Known[ProbeReport]]


@rule("backend-silent")
def silent_backends(view: RuleInput, now: float) -> Iterator[Answer]:
    """nginx gives a backend up that refuses, and waits for one that accepts and says nothing."""
    yield from unheard(view, now, ("backend-silent",), KEEPS_WAITING)
    found: dict[tuple[str, str], list[Silence]] = {}
    for nginx in live(view, now):
        if not (reached(view.state, nginx.name) and unit_running(nginx, view.state.profile.nginx.unit)):
            continue
        for service, place, seen in asked_backends(view, nginx):
            if isinstance(seen, Unknown):
                why = f"{service.name} on {place}, asked from {nginx.name}: {reason_of(seen)}"
                yield NotEvaluated("backend-silent", KEEPS_WAITING, why, nginx.name)
            elif _keeps_waiting(seen):
                found.setdefault((service.name, place), []).append((nginx, seen))

    for (name, place), silences in found.items():
        yield _silent(view, view.state.profile.services[name], place, silences, now)


def _silent(view: RuleInput, service: Service, place: str, silences: Sequence[Silence], now: float) -> Finding:
    home, domain = view.state.nodes[place], service.domain or ""
    evidence = [probed(seen, f"{service.name} on {place}", "HTTP", nginx.name, now) for nginx, seen in silences]
    # What its clients get meanwhile.
    answers = ((nginx.name, nginx.domains.get(domain)) for nginx, _ in silences)
    evidence += [probed(s, domain, "HTTP through nginx", n, now) for n, s in answers if isinstance(s, Known)]
    step = f"look: is {place} paused or hung? its console, or the hypervisor's"
    if home.link.state is LinkState.UP and unit_running(home, service.unit):
        step = f"iamops restart {service.unit} {place}"
    through = " and ".join(nginx.name for nginx, _ in silences)
    return Finding(
        "backend-silent",
        Severity.CRITICAL,
        f"{service.name} on {place} accepts and does not answer, and nginx on {through} sends it requests",
        tuple(evidence),
        step,
        place,
        cause="the process hangs or is stopped, or its machine is paused: a part of all requests waits for it",
        about=About(service.unit, service.name),
    )


@each_live("whether its units run", "unit-down")
def units_down(view: RuleInput, node: NodeState, now: float) -> Iterator[Answer]:
    for unit, seen in node.units.items():
        if isinstance(seen, Unknown):
            yield NotEvaluated("unit-down", f"whether {unit} runs", reason_of(seen), node.name)
        elif not seen.value.running:
            yield _down(view, node, unit, seen, now)


def _down(view: RuleInput, node: NodeState, unit: str, seen: Known[UnitReport], now: float) -> Finding:
    report = seen.value
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
        source = f"what {unit} said when it was last started"
        evidence.insert(0, evidence_of(seen, report.reason, source, node.name, now))
        step = f"look: what {unit} on {node.name} says it lacks; then iamops start {unit} {node.name}"
    severity = Severity.CRITICAL if unit == view.state.profile.nginx.unit else Severity.WARNING
    about = about_unit(view.state.profile, unit, node.name)
    return Finding("unit-down", severity, title, tuple(evidence), step, node.name, about=about)


@each_live("whether its services are healthy", "service-unhealthy")
def health_failing(view: RuleInput, node: NodeState, now: float) -> Iterator[Answer]:
    """Processes that run and yet do not answer as they should."""
    for name, service in view.state.profile.services.items():
        seen = node.services.get(name)
        if seen is None or not unit_running(node, service.unit):
            continue
        if isinstance(seen, Unknown):
            yield NotEvaluated("service-unhealthy", f"whether {name} is healthy", reason_of(seen), node.name)
        elif not seen.value.ok:
            step = f"look: journalctl -u {service.unit} on {node.name}"
            if _keeps_waiting(seen):  # what hangs writes no line
                step = f"iamops restart {service.unit} {node.name}"
            yield Finding(
                "service-unhealthy",
                Severity.WARNING,
                f"{name} on {node.name} runs but is not healthy: {seen.value.outcome}",
                (probed(seen, f"{service.health} on port {service.port}", "HTTP", node.name, now),),
                step,
                node.name,
                about=About(service.unit, name),
            )


@each_live(REACHED, "backend-not-reachable", "not-serving")
def peers_refused(view: RuleInput, node: NodeState, now: float) -> Iterator[Answer]:
    """Healthy at home, and no peer reaches it. All services at once: the way is cut; one of them: loopback."""
    codes = ("backend-not-reachable", "not-serving")
    healthy = {
        name: service
        for name, service in view.state.profile.services.items()
        if isinstance(own := node.services.get(name), Known)
        and own.value.ok
        and own.at >= node.renewed.get(name, -math.inf)
    }
    by_peers = {name: _by_peers(view, node, name, now) for name in healthy}
    cut = {n: seen for n, seen in by_peers.items() if seen and not any(s.value.ok for s in seen.values())}
    for name, reports in by_peers.items():
        if view.state.profile.peers_of(node.name) and not reports:
            why = f"no peer of {node.name} has told of {name}"
            why += " since it answers again" if name in node.renewed else ""
            yield from not_evaluated(codes, f"whether peers reach {name}", why, node.name)

    evidence = {
        name: tuple(probed(seen, f"{name} on {node.name}", "HTTP", peer, now) for peer, seen in reports.items())
        for name, reports in cut.items()
    }
    if len(cut) > 1 and len(cut) == len(healthy):
        yield Finding(
            "not-serving",
            Severity.CRITICAL,
            f"{node.name} answers over SSH and to itself, and no peer reaches any of its services",
            tuple(itertools.chain.from_iterable(evidence.values())),
            f"look: nft list ruleset and ss -ltn on {node.name}",
            node.name,
            cause="a firewall on the node or between the nodes, or every service bound to 127.0.0.1",
        )
        return
    for name, found in evidence.items():
        yield Finding(
            "backend-not-reachable",
            Severity.WARNING,
            f"{name} on {node.name} answers locally but not to its peers",
            found,
            f"look: ss -ltn on {node.name}: is port {healthy[name].port} bound to 127.0.0.1?",
            node.name,
            cause="it is bound to 127.0.0.1, or a firewall stands between: round robin silently loses it",
            about=About(healthy[name].unit, name),
        )


RULES = (silent_backends, units_down, health_failing, peers_refused)


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


def doubtful_backend(view: RuleInput, nginx: NodeState) -> str:
    """A backend that may be why a client of this nginx got no good answer, in words; empty where all are well.

    A request through a round robin goes to one of them: what the node's own request got says nothing about it.
    """
    for service, place, seen in asked_backends(view, nginx):
        if isinstance(seen, Unknown):
            return f"whether {service.name} on {place} answers {nginx.name} is not known"
        if not seen.value.ok:
            return f"{service.name} on {place} does not answer {nginx.name} ({seen.value.outcome})"
    down = [n.name for n in nodes(view) if n.link.state is LinkState.DOWN and n.name != nginx.name]
    return f"{' and '.join(down)} cannot be seen, and nginx on {nginx.name} sends requests there" if down else ""


def _keeps_waiting(seen: Known[ProbeReport]) -> bool:
    return seen.value.outcome is ProbeOutcome.TIMEOUT and seen.value.accepted


def _by_peers(view: RuleInput, node: NodeState, service: str, now: float) -> Mapping[str, Known[ProbeReport]]:
    """What the peers that are heard now got from it since it was last begun anew."""
    since = node.renewed.get(service, -math.inf) + ASKED_BEFORE_S
    return {
        peer: seen
        for peer, seen in node.from_peers.get(service, {}).items()
        if isinstance(seen, Known) and seen.at >= since and view.state.nodes[peer].freshness(now) is Freshness.LIVE
    }
