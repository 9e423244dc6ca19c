"""nginx as its own node sees it: does it answer, and does it reach what is behind it?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias

from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.judge.rules.base import (
    Answer,
    RuleInput,
    each_live,
    not_evaluated,
    probed,
    reason_of,
    restart_step,
    unit_running,
)
from iamops.judge.rules.services import backends_seen
from iamops.model.facts import ProbeOutcome, ProbeReport, Severity
from iamops.model.observed import Known, Unknown
from iamops.model.profile import Service
from iamops.model.state import NodeState

# What nginx says when it cannot get an answer from a backend.
GATEWAY_ERRORS = (502, 504)
ANSWERS = "whether nginx answers"
THROUGH = "whether nginx reaches its backends"
# nginx asks a backend that has failed again after fail_timeout, ten seconds; and a probe takes its time.
ASKED_AGAIN_S = 12.0
Failing: TypeAlias = dict[str, Known[ProbeReport]]


@each_live(ANSWERS, "nginx-hung", "nginx-bad-answers")
def domains_failing(view: RuleInput, node: NodeState, now: float) -> Iterator[Answer]:
    """Nothing is said of an nginx that does not run: unit-down does."""
    if not unit_running(node, view.state.profile.nginx.unit):
        return
    bad: Failing = {}
    for domain, seen in node.domains.items():
        if isinstance(seen, Unknown):
            why = f"{domain}: {reason_of(seen)}"
            yield from not_evaluated(("nginx-hung", "nginx-bad-answers"), ANSWERS, why, node.name)
        elif not seen.value.ok:
            bad[domain] = seen
    if bad:
        yield _failing(view, node, bad, now)


def _failing(view: RuleInput, node: NodeState, bad: Failing, now: float) -> Finding:
    profile = view.state.profile
    behind = {s.domain: s.name for s in profile.services.values() if s.domain}
    evidence = [
        probed(seen, f"{d} ({behind[d]})" if d in behind else d, "HTTP through nginx", node.name, now)
        for d, seen in bad.items()
    ]
    silent = all(seen.value.outcome is ProbeOutcome.TIMEOUT for seen in bad.values())
    if silent and (waits_for := _silent_backends(view, node, bad)):
        names = {f"{service} on {place}": seen for (service, place), seen in waits_for.items()}
        evidence += [probed(seen, name, "HTTP", node.name, now) for name, seen in names.items()]
        return Finding(
            "nginx-bad-answers",
            Severity.CRITICAL,
            f"nginx on {node.name} waits for backends that do not answer: {', '.join(names)}",
            tuple(evidence),
            "iamops traffic --since 5m --by backend",
            node.name,
            cause="a backend that accepts and stays silent is only given up after the read timeout",
            about=About(services=tuple(dict.fromkeys(service for service, _ in waits_for))),
            touches=tuple(dict.fromkeys(place for _, place in waits_for)),
        )
    code, how = "nginx-bad-answers", "answers badly"
    step = f"look: tail {profile.logs.error} on {node.name}"
    # Where it still answers for one domain, it does not hang.
    if silent and len(bad) == sum(isinstance(seen, Known) for seen in node.domains.values()):
        code, how = "nginx-hung", "accepts but does not answer"
        step = restart_step(view, profile.nginx.unit, node.name, now)
    about = About(services=tuple(behind[d] for d in bad if d in behind))
    title = f"nginx on {node.name} {how}"
    return Finding(code, Severity.CRITICAL, title, tuple(evidence), step, node.name, about=about)


def _silent_backends(
    view: RuleInput, node: NodeState, domains: Failing
) -> dict[tuple[str, str], Known[ProbeReport]]:
    """The backends of these domains that accept and say nothing to this node: nginx waits for them."""
    return {
        (service.name, place): seen
        for service in view.state.profile.services.values()
        if service.domain is not None and service.domain in domains
        for place, seen in backends_seen(view, node, service)
        if isinstance(seen, Known) and seen.value.outcome is ProbeOutcome.TIMEOUT
    }


@each_live(THROUGH, "proxy-fails", "backend-masked")
def gateway(view: RuleInput, node: NodeState, now: float) -> Iterator[Answer]:
    """A domain's answer through nginx against the service's own, on the same node."""
    if not unit_running(node, view.state.profile.nginx.unit):
        return
    for service in view.state.profile.services.values():
        if service.domain and service.runs_on(node.name):
            yield from _compared(node, service, service.domain, now)


def _compared(node: NodeState, service: Service, domain: str, now: float) -> Iterator[Answer]:
    through, own = node.domains.get(domain), node.services.get(service.name)
    if through is None or own is None:
        return
    if isinstance(through, Unknown) or isinstance(own, Unknown):
        why = f"{service.name}: {reason_of(own if isinstance(own, Unknown) else through)}"
        yield from not_evaluated(("proxy-fails", "backend-masked"), THROUGH, why, node.name)
        return
    evidence = (
        probed(through, domain, "HTTP through nginx", node.name, now),
        probed(own, service.name, f"HTTP on port {service.port}", node.name, now),
    )
    if own.value.ok and through.value.status in GATEWAY_ERRORS:
        well_s = through.at - node.renewed.get(service.name, -math.inf)
        if well_s < ASKED_AGAIN_S:
            why = f"{service.name} on {node.name} answers again for {max(0.0, well_s):.0f} s only"
            yield NotEvaluated("proxy-fails", THROUGH, why, node.name)
            return
        status = through.value.status
        yield Finding(
            "proxy-fails",
            Severity.CRITICAL,
            f"{service.name} on {node.name} is healthy, and nginx there answers {status} for {domain}",
            evidence,
            "iamops config diff",
            node.name,
            cause="nginx asks other addresses than the services listen on, or only backends that do not answer",
            about=About(service=service.name),
        )
    elif through.value.ok and not own.value.ok:
        yield Finding(
            "backend-masked",
            Severity.WARNING,
            f"{domain} is served on {node.name} though its own {service.name} is not ({own.value.outcome})",
            evidence,
            f"look: journalctl -u {service.unit} on {node.name}",
            node.name,
            cause=(
                "nginx goes on to the other node's backend: clients see nothing, and one more failure is an outage"
            ),
            about=About(service.unit, service.name),
        )


RULES = (domains_failing, gateway)
