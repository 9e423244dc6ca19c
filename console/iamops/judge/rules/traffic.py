"""What the access logs tell of the last minutes: real errors, a step after a move, an uneven round robin."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated
from iamops.judge.rules.base import Answer, Rule, RuleInput, evidence_of, nodes, reason_of
from iamops.judge.rules.inspection import NO_LOOK, ago, ours
from iamops.model.facts import Severity, VrrpState
from iamops.model.inspection import JournalEventKind, TrafficInspection
from iamops.model.observed import Known, Observed
from iamops.model.profile import Service, endpoint
from iamops.model.state import NodeState
from iamops.model.traffic import Traffic, merged
from iamops.model.vip import ownership
from iamops.plan.addresses import service_at

FAILING_SPAN_S = 60.0
FAILING_MIN, FAILING_SHARE = 3, 0.02
STEP_SPAN_S = 300.0
STEP_REQUESTS, STEP_ERRORS, STEP_SHARE, STEP_FACTOR = 20, 5, 0.02, 3.0
SPLIT_SPAN_S = 300.0
SPLIT_REQUESTS = 40
# Below half of its share, and further off than chance explains.
SPLIT_SHARE, SPLIT_SIGMAS = 0.5, 4.0
SOURCE = "access log"


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """A node's requests, as far as they were counted."""

    node: NodeState
    seen: Observed[TrafficInspection]
    look: TrafficInspection

    def between(self, begin: float, end: float) -> Traffic:
        """Whole slots inside a span of our clock."""
        slot_s = self.look.slot_s
        inside = [t for at, t in self.look.slots.items() if begin <= ours(self.node, at) <= end - slot_s]
        return merged(inside)

    def since(self, begin: float) -> Traffic:
        """Up to now: the slot that is still being written counts too."""
        return merged(t for at, t in self.look.slots.items() if ours(self.node, at) >= begin)


def requests_failing(view: RuleInput, now: float) -> Iterator[Answer]:
    """The health pages are fine and real requests are not: what they need (the database) is not there.

    What failed before a service was begun anew, or was well again, failed for want of the service itself.
    """
    code = "requests-failing"
    counted = yield from _counted(view, (code,), "whether real requests fail")
    for service in view.state.profile.services.values():
        if not service.domain or not _healthy_somewhere(view, service):
            continue
        since = max([now - FAILING_SPAN_S, *(n.renewed.get(service.name, -math.inf) for n in nodes(view))])
        found = {c: c.since(since) for c in counted}
        failed = {c: _of_host(traffic, service.domain) for c, traffic in found.items()}
        errors, total = (sum(each[n] for each in failed.values()) for n in (0, 1))
        if errors >= FAILING_MIN and errors >= FAILING_SHARE * total:
            yield _failing(view, service, failed, found, now)


def errors_since_move(view: RuleInput, now: float) -> Iterator[Answer]:
    """The share of 5xx and 499 before the last move against that after it."""
    code, what = "errors-since-move", "whether errors rose with the last VIP move"
    counted = yield from _counted(view, (code,), what)
    moved_at = last_move(view, now)
    if not counted or moved_at is None or moved_at < min(c.look.since for c in counted):
        return
    slot_s = max(c.look.slot_s for c in counted)
    before = merged(c.between(moved_at - STEP_SPAN_S - slot_s, moved_at - slot_s) for c in counted)
    after = merged(c.since(moved_at + slot_s) for c in counted)
    if before.total < STEP_REQUESTS or after.total < STEP_REQUESTS:
        few = f"{before.total} requests before and {after.total} after: too few to compare"
        yield NotEvaluated(code, what, few)
    elif _stepped(before, after) and _fails_still(merged(c.since(now - FAILING_SPAN_S) for c in counted)):
        yield _step(counted[0].seen, before, after, now - moved_at, now)


def uneven_split(view: RuleInput, now: float) -> Iterator[Answer]:
    """Round robin gives every backend the same; one that gets far less does not answer, or is not asked."""
    code, what = "uneven-split", "whether requests are split evenly between the backends"
    counted = yield from _counted(view, (code,), what)
    enough = False
    for each in counted:
        if each.look.unavailable:
            yield NotEvaluated(code, what, each.look.unavailable, each.node.name)
            continue
        traffic = each.since(now - SPLIT_SPAN_S)
        for service in view.state.profile.services.values():
            requests = _backends(view, each.node, service, traffic)
            total = sum(requests.values())
            enough = enough or total >= SPLIT_REQUESTS
            slow = _too_few(requests, total) if service.domain and total >= SPLIT_REQUESTS else {}
            if slow:
                yield _uneven(each, service, requests, slow, now)
    if counted and not enough and not any(each.look.unavailable for each in counted):
        yield NotEvaluated(
            code, what, f"fewer than {SPLIT_REQUESTS} requests in the last {SPLIT_SPAN_S / 60:.0f} min"
        )


RULES = (
    Rule(("requests-failing",), requests_failing),
    Rule(("errors-since-move",), errors_since_move),
    Rule(("uneven-split",), uneven_split),
)


def last_move(view: RuleInput, now: float) -> float | None:
    """When a VIP last came to a node that has it, on our clock: seen by us, told by the daemon, or by a journal.

    Who became MASTER beside the owner, and has it no more, has moved nothing; of two owners the first one has it.
    """
    came = [at for name in view.state.profile.vrrp if (at := _came(view, name, now)) is not None]
    return max((*came, *(move.at for move in view.state.moves)), default=None)


def _came(view: RuleInput, instance: str, now: float) -> float | None:
    """When it came to whoever has it; to whoever it may be where nobody is seen to."""
    owners = {claim.node for claim in ownership(view.state, instance, now).owners}
    nearby = (n for n in nodes(view) if n.name in owners or not owners)
    found = {n.name: max(_entered(view, n, instance), default=None) for n in nearby}
    times = [at for at in found.values() if at is not None]
    if not times:
        return None
    return min(times) if len(owners) > 1 else max(times)


def _entered(view: RuleInput, node: NodeState, instance: str) -> Iterator[float]:
    report = node.vrrp[instance]
    if isinstance(report, Known) and report.value.state is VrrpState.MASTER:
        yield from (ours(node, at) for at in (report.value.last_transition,) if at is not None)
    look = view.inspection.nodes.get(node.name) if view.inspection is not None else None
    said = look.journal.value.entries if look is not None and isinstance(look.journal, Known) else ()
    for each in said:
        if each.kind is JournalEventKind.ENTERED and each.subject == instance and "MASTER" in each.text:
            yield ours(node, each.at)


def _counted(view: RuleInput, codes: tuple[str, ...], what: str) -> Generator[NotEvaluated, None, list[Counted]]:
    """The nodes whose logs were counted (the generator's value); a NotEvaluated for each of the others."""
    found = []
    for node in nodes(view):
        looks: Mapping[str, Observed[TrafficInspection]] = (
            view.inspection.traffic if view.inspection is not None else {}
        )
        seen = looks.get(node.name, NO_LOOK)
        if isinstance(seen, Known):
            found.append(Counted(node, seen, seen.value))
        else:
            yield from (NotEvaluated(code, what, reason_of(seen), node.name) for code in codes)
    return found


def _healthy_somewhere(view: RuleInput, service: Service) -> bool:
    seen = [node.services[service.name] for node in nodes(view) if service.name in node.services]
    return any(isinstance(each, Known) and each.value.ok for each in seen)


def _of_host(traffic: Traffic, domain: str) -> tuple[int, int]:
    """(5xx, all) of one domain; of everything where the log does not name hosts."""
    if not traffic.hosts:
        return traffic.errors, traffic.total
    own = {kind: n for (host, kind), n in traffic.hosts.items() if host == domain}
    return own.get("5xx", 0), sum(own.values())


def _failing(
    view: RuleInput,
    service: Service,
    failed: Mapping[Counted, tuple[int, int]],
    found: Mapping[Counted, Traffic],
    now: float,
) -> Finding:
    evidence: list[Evidence] = []
    for counted, (bad, whole) in failed.items():
        if bad:
            node = counted.node.name
            value = f"{bad} of {whole} requests for {service.domain} ended in 5xx in the last minute"
            evidence.append(evidence_of(counted.seen, value, SOURCE, node, now))
            for name, b in sorted(found[counted].backends.items()):
                known = service_at(view.state.profile, node, name)
                if b.errors and (known is None or known[1] == service.name):
                    value = f"backend {name}: {b.errors} of {b.requests} failed"
                    evidence.append(evidence_of(counted.seen, value, SOURCE, node, now))
    errors, total = (sum(each[n] for each in failed.values()) for n in (0, 1))
    return Finding(
        "requests-failing",
        Severity.CRITICAL,
        f"{service.name} is healthy, and {errors} of {total} real requests failed in the last minute",
        tuple(evidence[:4]),
        "iamops traffic --since 5m --by backend",
        cause="what requests need and /healthz does not ask for: usually the database",
        about=About(service=service.name),
    )


def _stepped(before: Traffic, after: Traffic) -> bool:
    was, now_is = _bad(before) / before.total, _bad(after) / after.total
    return _bad(after) >= STEP_ERRORS and now_is >= was + STEP_SHARE and now_is >= was * STEP_FACTOR


def _bad(traffic: Traffic) -> int:
    return traffic.errors + traffic.client_closed


def _fails_still(lately: Traffic) -> bool:
    """Where nobody has asked since, nobody knows that it is over."""
    return not lately.total or _bad(lately) >= STEP_SHARE * lately.total


def _step(
    seen: Observed[TrafficInspection], before: Traffic, after: Traffic, since_s: float, now: float
) -> Finding:
    def share(traffic: Traffic) -> str:
        return f"{100 * _bad(traffic) / traffic.total:.1f} % of {traffic.total} requests were 5xx or 499"

    return Finding(
        "errors-since-move",
        Severity.CRITICAL,
        f"since the VIP moved {ago(since_s)}, more requests fail",
        (
            evidence_of(seen, f"before: {share(before)}", SOURCE, None, now),
            evidence_of(seen, f"since: {share(after)}", SOURCE, None, now),
        ),
        "iamops traffic --since 15m --by status",
        cause="the new owner's nginx or its backends are not as good as the old one's",
    )


def _backends(view: RuleInput, node: NodeState, service: Service, traffic: Traffic) -> Mapping[str, int]:
    """What each backend that should get requests answered, well or badly; the own one is asked over loopback, or
    by the node's address.
    """
    profile = view.state.profile
    own = endpoint("127.0.0.1", service.port)
    known = {n: at for n, at in profile.backends_of(service).items() if n not in service.drained}
    requests = Counter(dict.fromkeys(known, 0))
    for name, at in known.items():
        for address in {at, *([own] if name == node.name else [])}:
            backend = traffic.backends.get(address)
            requests[name] += backend.requests - backend.unanswered if backend is not None else 0
    return requests


def _too_few(requests: Mapping[str, int], total: int) -> Mapping[str, int]:
    if len(requests) < 2:
        return {}
    share = 1 / len(requests)
    fair, sigma = total * share, math.sqrt(total * share * (1 - share))
    return {
        n: got for n, got in requests.items() if got < fair * SPLIT_SHARE and fair - got > SPLIT_SIGMAS * sigma
    }


def _uneven(
    counted: Counted, service: Service, requests: Mapping[str, int], slow: Mapping[str, int], now: float
) -> Finding:
    names = " and ".join(sorted(slow))
    evidence = (
        evidence_of(counted.seen, f"{name} answered {got}", f"{SOURCE}, last 5 min", counted.node.name, now)
        for name, got in sorted(requests.items())
    )
    return Finding(
        "uneven-split",
        Severity.WARNING,
        f"{service.name} on {names} gets far less than its share from {counted.node.name}'s nginx",
        tuple(evidence),
        "iamops traffic --since 5m --by backend",
        counted.node.name,
        cause="the backend does not answer, or the upstream on this node does not name it",
        about=About(service=service.name),
        touches=tuple(sorted(slow)),
    )
