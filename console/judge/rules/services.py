"""Units and IAM services: do they run, are they healthy, and do their peers reach them?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from console.judge.findings import About, Blind, Finding
from console.judge.rules.backends import keeps_waiting
from console.judge.rules.view import (
    Answer,
    Rule,
    View,
    about_unit,
    live,
    probed,
    reason_of,
    told,
    unheard,
    unit_running,
)
from console.model.facts import ProbeReport, Severity, UnitReport
from console.model.observed import Freshness, Known, Observed, Unknown
from console.model.profile import Service
from console.model.state import NodeState
from console.model.words import being

STOPPED_IN_ORDER = "inactive"
# From outside, as the parsers of journal and `systemctl show` put it.
KILLED = frozenset({"killed by KILL", "killed by TERM", "killed by signal 9", "killed by signal 15"})
REACHED = "whether its peers reach it"
# What a peer says was asked so long before at most.
ASKED_BEFORE_S = 1.5


def units_down(view: View, now: float) -> Iterator[Answer]:
    yield from unheard(view, now, ("unit-down",), "whether its units run")
    for node in live(view, now):
        for unit, seen in node.units.items():
            if isinstance(seen, Unknown):
                yield Blind("unit-down", f"whether {unit} runs", reason_of(seen), node.name)
            elif not seen.value.running:
                yield _down(view, node, unit, seen, now)


def health_failing(view: View, now: float) -> Iterator[Answer]:
    """Processes that run and yet do not answer as they should."""
    yield from unheard(view, now, ("service-unhealthy",), "whether its services are healthy")
    for node in live(view, now):
        for name, service in view.state.profile.services.items():
            seen = node.services.get(name)
            if seen is None or not unit_running(node, service.unit):
                continue
            if isinstance(seen, Unknown):
                yield Blind("service-unhealthy", f"whether {name} is healthy", reason_of(seen), node.name)
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


def peers_refused(view: View, now: float) -> Iterator[Answer]:
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
                yield from (Blind(code, f"whether peers reach {name}", why, node.name) for code in codes)
        if len(cut) > 1 and len(cut) == len(healthy):
            yield _not_serving(view, node, cut, now)
        else:
            yield from (_not_reachable(view, node, service, now) for service in cut.values())


RULES = (
    Rule(("unit-down",), units_down),
    Rule(("service-unhealthy",), health_failing),
    Rule(("backend-not-reachable", "not-serving"), peers_refused),
)


def _down(view: View, node: NodeState, unit: str, seen: Known[UnitReport], now: float) -> Finding:
    report = seen.value
    severity = Severity.CRITICAL if unit == view.state.profile.nginx.unit else Severity.WARNING
    evidence = [told(seen, f"{report.active} ({report.sub})", "systemd", node.name, now)]
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
        evidence.insert(0, told(seen, report.reason, f"what {unit} said when it was last started", node.name, now))
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


def _views(view: View, node: NodeState, service: str, now: float) -> Mapping[str, Observed[ProbeReport]]:
    """What the peers that are heard now have seen of it as it is now."""
    since = node.renewed.get(service, -math.inf) + ASKED_BEFORE_S
    return {
        peer: seen
        for peer, seen in node.from_peers.get(service, {}).items()
        if isinstance(seen, Known) and seen.at >= since and view.state.nodes[peer].freshness(now) is Freshness.LIVE
    }


def _cut_off(views: Mapping[str, Observed[ProbeReport]]) -> bool:
    return bool(views) and not any(isinstance(seen, Known) and seen.value.ok for seen in views.values())


def _not_reachable(view: View, node: NodeState, service: Service, now: float) -> Finding:
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


def _not_serving(view: View, node: NodeState, cut: Mapping[str, Service], now: float) -> Finding:
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
