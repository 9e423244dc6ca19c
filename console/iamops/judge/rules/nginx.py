"""nginx as its own node sees it: does it answer, and does it reach what is behind it?"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated
from iamops.judge.rules.base import Answer, Rule, RuleInput, live, probed, reason_of, unheard, unit_running
from iamops.judge.rules.services import backends_seen
from iamops.model.facts import ProbeOutcome, ProbeReport, Severity
from iamops.model.observed import Known, Observed, Unknown
from iamops.model.profile import Service
from iamops.model.state import NodeState
from iamops.model.vip import ownership

# What nginx says when it cannot get an answer from a backend.
GATEWAY_ERRORS = (502, 504)
WHAT = "whether nginx answers"
THROUGH = "whether nginx reaches its backends"
# nginx asks a backend that has failed again after fail_timeout, ten seconds; and a probe takes its time.
ASKED_AGAIN_S = 12.0


def domains_failing(view: RuleInput, now: float) -> Iterator[Answer]:
    """Nothing is said of an nginx that does not run: unit-down does."""
    codes = ("nginx-hung", "nginx-bad-answers")
    yield from unheard(view, now, codes, WHAT)
    for node in live(view, now):
        if not unit_running(node, view.state.profile.nginx.unit):
            continue
        unknown = {d: s for d, s in node.domains.items() if isinstance(s, Unknown)}
        for domain, seen in unknown.items():
            yield from (NotEvaluated(code, WHAT, f"{domain}: {reason_of(seen)}", node.name) for code in codes)
        yield from _failing(view, node, now)


def gateway(view: RuleInput, now: float) -> Iterator[Answer]:
    """A domain's answer through nginx against the service's own, on the same node."""
    yield from unheard(view, now, ("proxy-fails", "backend-masked"), THROUGH)
    for node in live(view, now):
        if not unit_running(node, view.state.profile.nginx.unit):
            continue
        for service in view.state.profile.services.values():
            if service.domain and service.runs_on(node.name):
                yield from _compared(view, node, service, now)


RULES = (
    Rule(("nginx-hung", "nginx-bad-answers"), domains_failing),
    Rule(("proxy-fails", "backend-masked"), gateway),
)


def _failing(view: RuleInput, node: NodeState, now: float) -> Iterator[Finding]:
    bad = {d: s for d, s in node.domains.items() if isinstance(s, Known) and not s.value.ok}
    if not bad:
        return
    silent = all(isinstance(seen, Known) and seen.value.outcome is ProbeOutcome.TIMEOUT for seen in bad.values())
    # Where it still answers for one domain, it does not hang.
    hung = silent and len(bad) == sum(isinstance(seen, Known) for seen in node.domains.values())
    title = f"nginx on {node.name} " + ("accepts but does not answer" if hung else "answers badly")
    behind = {s.domain: s.name for s in view.state.profile.services.values() if s.domain}
    evidence = tuple(
        probed(s, f"{d} ({behind[d]})" if d in behind else d, "HTTP through nginx", node.name, now)
        for d, s in bad.items()
    )
    waited_for = _silent_backends(view, node, bad) if silent else {}
    if waited_for:
        yield _waiting(node, waited_for, evidence, now)
        return
    code = "nginx-hung" if hung else "nginx-bad-answers"
    step = _restart(view, node, now) if hung else f"look: tail {view.state.profile.logs.error} on {node.name}"
    about = About(services=tuple(behind[d] for d in bad if d in behind))
    yield Finding(code, Severity.CRITICAL, title, evidence, step, node.name, about=about)


def _silent_backends(
    view: RuleInput, node: NodeState, domains: Collection[str]
) -> Mapping[tuple[str, str], Observed[ProbeReport]]:
    """The backends of these domains that accept and say nothing to this node: nginx waits for them."""
    return {
        (service.name, place): seen
        for service in view.state.profile.services.values()
        if service.domain is not None and service.domain in domains
        for place, seen in backends_seen(view, node, service)
        if isinstance(seen, Known) and seen.value.outcome is ProbeOutcome.TIMEOUT
    }


def _waiting(
    node: NodeState,
    backends: Mapping[tuple[str, str], Observed[ProbeReport]],
    evidence: tuple[Evidence, ...],
    now: float,
) -> Finding:
    names = {f"{service} on {place}": seen for (service, place), seen in backends.items()}
    silent = tuple(probed(seen, name, "HTTP", node.name, now) for name, seen in names.items())
    return Finding(
        "nginx-bad-answers",
        Severity.CRITICAL,
        f"nginx on {node.name} waits for backends that do not answer: {', '.join(names)}",
        (*evidence, *silent),
        "iamops traffic --since 5m --by backend",
        node.name,
        cause="a backend that accepts and stays silent is only given up after the read timeout",
        about=About(services=tuple(dict.fromkeys(service for service, _ in backends))),
        touches=tuple(dict.fromkeys(place for _, place in backends)),
    )


def _compared(view: RuleInput, node: NodeState, service: Service, now: float) -> Iterator[Answer]:
    through, own = node.domains.get(service.domain or ""), node.services.get(service.name)
    if through is None or own is None:
        return
    if isinstance(through, Unknown) or isinstance(own, Unknown):
        why = reason_of(own if isinstance(own, Unknown) else through)
        for code in ("proxy-fails", "backend-masked"):
            yield NotEvaluated(code, THROUGH, f"{service.name}: {why}", node.name)
        return
    evidence = (
        probed(through, service.domain or "", "HTTP through nginx", node.name, now),
        probed(own, service.name, f"HTTP on port {service.port}", node.name, now),
    )
    if own.value.ok and _gateway_error(through.value):
        well_s = through.at - node.renewed.get(service.name, -math.inf)
        if well_s < ASKED_AGAIN_S:
            why = f"{service.name} on {node.name} answers again for {max(0.0, well_s):.0f} s only"
            yield NotEvaluated("proxy-fails", THROUGH, why, node.name)
            return
        yield _proxy_fails(view, node, service, through, evidence)
    elif through.value.ok and not own.value.ok:
        yield _masked(view, node, service, own, evidence)


def _proxy_fails(
    view: RuleInput, node: NodeState, service: Service, through: Known[ProbeReport], evidence: tuple[Evidence, ...]
) -> Finding:
    status = through.value.status if through.value.status else "no answer"
    return Finding(
        "proxy-fails",
        Severity.CRITICAL,
        f"{service.name} on {node.name} is healthy, and nginx there answers {status} for {service.domain}",
        evidence,
        "iamops config diff",
        node.name,
        cause="nginx asks other addresses than the services listen on, or only backends that do not answer",
        about=About(service=service.name),
    )


def _masked(
    view: RuleInput, node: NodeState, service: Service, own: Known[ProbeReport], evidence: tuple[Evidence, ...]
) -> Finding:
    outcome = own.value.outcome
    return Finding(
        "backend-masked",
        Severity.WARNING,
        f"{service.domain} is served on {node.name} though its own {service.name} is not ({outcome})",
        evidence,
        f"look: journalctl -u {service.unit} on {node.name}",
        node.name,
        cause="nginx goes on to the other node's backend: clients see nothing, and one more failure is an outage",
        about=About(service.unit, service.name),
    )


def _gateway_error(report: ProbeReport) -> bool:
    return report.status in GATEWAY_ERRORS


def _restart(view: RuleInput, node: NodeState, now: float) -> str:
    """On the owner a restart may move the VIP: there only the plan is shown."""
    unit = view.state.profile.nginx.unit
    owners = {c.node for name in view.state.profile.vrrp for c in ownership(view.state, name, now).owners}
    return f"iamops restart {unit} {node.name}" + (" --dry-run" if node.name in owners else "")
