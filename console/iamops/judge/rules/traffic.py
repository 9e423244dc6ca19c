"""The access logs of the last minutes: real errors, a step after a move, an uneven round robin."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated
from iamops.judge.rules.base import (
    NO_LOOK,
    Answer,
    RuleInput,
    ago,
    evidence_of,
    inspection_of,
    nodes,
    not_evaluated,
    ours,
    reason_of,
    rule,
)
from iamops.model.facts import Severity, VrrpState
from iamops.model.inspection import JournalEventKind, TrafficInspection
from iamops.model.observed import Known
from iamops.model.profile import Service, endpoint
from iamops.model.state import NodeState
from iamops.model.traffic import Traffic, merged
from iamops.model.vip import ownership
from iamops.plan.addresses import service_at

FAILING_SPAN_S = 60.0
FAILING_MIN, FAILING_SHARE = 3, 0.02
FAILING_SHOWN = 4
STEP_SPAN_S = 300.0
STEP_REQUESTS, STEP_ERRORS, STEP_SHARE, STEP_FACTOR = 20, 5, 0.02, 3.0
SPLIT_SPAN_S = 300.0
SPLIT_REQUESTS = 40
# Below half of its share, and further off than chance explains.
SPLIT_SHARE, SPLIT_SIGMAS = 0.5, 4.0
SOURCE = "access log"


@dataclass(frozen=True, slots=True)
class CountedNode:
    """A node whose requests were counted."""

    node: NodeState
    seen: Known[TrafficInspection]

    @property
    def counts(self) -> TrafficInspection:
        return self.seen.value

    def between(self, begin: float, end: float) -> Traffic:
        """Whole slots inside a span of our clock."""
        slots = self.counts.slots.items()
        return merged(t for at, t in slots if begin <= ours(self.node, at) <= end - self.counts.slot_s)

    def since(self, begin: float) -> Traffic:
        """Up to now: the slot that is still being written counts too."""
        return merged(t for at, t in self.counts.slots.items() if ours(self.node, at) >= begin)


@rule("requests-failing")
def requests_failing(view: RuleInput, now: float) -> Iterator[Answer]:
    """The health pages are fine and real requests are not: what they need (the database) is not there.

    What failed before a service was begun anew, or was well again, failed for want of the service itself.
    """
    counted = yield from _counted(view, ("requests-failing",), "whether real requests fail")
    for service in view.state.profile.services.values():
        own = [node.services.get(service.name) for node in nodes(view)]
        if not service.domain or not any(isinstance(seen, Known) and seen.value.ok for seen in own):
            continue
        since = max([now - FAILING_SPAN_S, *(n.renewed.get(service.name, -math.inf) for n in nodes(view))])
        recent = [(log, log.since(since)) for log in counted]
        found = [(log, traffic, *_of_host(traffic, service.domain)) for log, traffic in recent]
        errors, total = sum(bad for _, _, bad, _ in found), sum(asked for _, _, _, asked in found)
        if errors < FAILING_MIN or errors < FAILING_SHARE * total:
            continue
        evidence: list[Evidence] = []
        for log, traffic, bad, asked in found:
            if not bad:
                continue
            node = log.node.name
            value = f"{bad} of {asked} requests for {service.domain} ended in 5xx in the last minute"
            evidence.append(evidence_of(log.seen, value, SOURCE, node, now))
            for name, backend in sorted(traffic.backends.items()):
                known = service_at(view.state.profile, node, name)
                if backend.errors and (known is None or known[1] == service.name):
                    value = f"backend {name}: {backend.errors} of {backend.requests} failed"
                    evidence.append(evidence_of(log.seen, value, SOURCE, node, now))
        yield Finding(
            "requests-failing",
            Severity.CRITICAL,
            f"{service.name} is healthy, and {errors} of {total} real requests failed in the last minute",
            tuple(evidence[:FAILING_SHOWN]),
            "iamops traffic --since 5m --by backend",
            cause="what requests need and /healthz does not ask for: usually the database",
            about=About(service=service.name),
        )


def _of_host(traffic: Traffic, domain: str) -> tuple[int, int]:
    """(5xx, all) of one domain; of everything where the log does not name hosts."""
    if not traffic.hosts:
        return traffic.errors, traffic.total
    own = {kind: n for (host, kind), n in traffic.hosts.items() if host == domain}
    return own.get("5xx", 0), sum(own.values())


@rule("errors-since-move")
def errors_since_move(view: RuleInput, now: float) -> Iterator[Answer]:
    """The share of 5xx and 499 before the last move against that after it."""
    code, what = "errors-since-move", "whether errors rose with the last VIP move"
    counted = yield from _counted(view, (code,), what)
    moved_at = _last_move(view, now)
    if not counted or moved_at is None or moved_at < min(log.counts.since for log in counted):
        return
    slot_s = max(log.counts.slot_s for log in counted)
    before = merged(log.between(moved_at - STEP_SPAN_S - slot_s, moved_at - slot_s) for log in counted)
    after = merged(log.since(moved_at + slot_s) for log in counted)
    if before.total < STEP_REQUESTS or after.total < STEP_REQUESTS:
        few = f"{before.total} requests before and {after.total} after: too few to compare"
        yield NotEvaluated(code, what, few)
        return
    was, is_now = _bad(before) / before.total, _bad(after) / after.total
    stepped = _bad(after) >= STEP_ERRORS and is_now >= was + STEP_SHARE and is_now >= was * STEP_FACTOR
    # Where nobody has asked lately, nobody knows that it is over.
    lately = merged(log.since(now - FAILING_SPAN_S) for log in counted)
    if not stepped or (lately.total and _bad(lately) < STEP_SHARE * lately.total):
        return
    seen, words = counted[0].seen, "{:.1f} % of {} requests were 5xx or 499"
    yield Finding(
        code,
        Severity.CRITICAL,
        f"since the VIP moved {ago(now - moved_at)}, more requests fail",
        (
            evidence_of(seen, "before: " + words.format(100 * was, before.total), SOURCE, None, now),
            evidence_of(seen, "since: " + words.format(100 * is_now, after.total), SOURCE, None, now),
        ),
        "iamops traffic --since 15m --by status",
        cause="the new owner's nginx or its backends are not as good as the old one's",
    )


def _bad(traffic: Traffic) -> int:
    return traffic.errors + traffic.client_closed


def _last_move(view: RuleInput, now: float) -> float | None:
    """When a VIP last came to a node that has it, on our clock: seen by us, said by the daemon, or by a journal.

    Who became MASTER beside the owner, and has it no more, has moved nothing; of two owners the first one has it.
    Where nobody is seen to have it, any node may.
    """
    came = [move.at for move in view.state.moves]
    for instance in view.state.profile.vrrp:
        owners = {claim.node for claim in ownership(view.state, instance, now).owners}
        candidates = (node for node in nodes(view) if node.name in owners or not owners)
        entered = (max(_entered(view, node, instance), default=None) for node in candidates)
        times = [at for at in entered if at is not None]
        came += [min(times) if len(owners) > 1 else max(times)] if times else []
    return max(came, default=None)


def _entered(view: RuleInput, node: NodeState, instance: str) -> Iterator[float]:
    """When its keepalived became MASTER, by the daemon and by its journal."""
    report = node.vrrp[instance]
    entered = report.value.last_transition if isinstance(report, Known) else None
    if isinstance(report, Known) and report.value.state is VrrpState.MASTER and entered is not None:
        yield ours(node, entered)
    inspection = inspection_of(view, node.name)
    if inspection is None or not isinstance(inspection.journal, Known):
        return
    for entry in inspection.journal.value.entries:
        if entry.kind is JournalEventKind.ENTERED and entry.subject == instance and "MASTER" in entry.text:
            yield ours(node, entry.at)


@rule("uneven-split")
def uneven_split(view: RuleInput, now: float) -> Iterator[Answer]:
    """Round robin gives every backend the same; one that gets far less does not answer, or is not asked."""
    code, what = "uneven-split", "whether requests are split evenly between the backends"
    counted = yield from _counted(view, (code,), what)
    enough = False
    for log in counted:
        if log.counts.unavailable:
            yield NotEvaluated(code, what, log.counts.unavailable, log.node.name)
            continue
        traffic = log.since(now - SPLIT_SPAN_S)
        for service in view.state.profile.services.values():
            requests = _answered(view, log.node, service, traffic)
            total = sum(requests.values())
            enough = enough or total >= SPLIT_REQUESTS
            few = _too_few(requests, total) if service.domain and total >= SPLIT_REQUESTS else ()
            if not few:
                continue
            nginx = log.node.name
            evidence = (
                evidence_of(log.seen, f"{name} answered {n}", f"{SOURCE}, last 5 min", nginx, now)
                for name, n in sorted(requests.items())
            )
            yield Finding(
                code,
                Severity.WARNING,
                f"{service.name} on {' and '.join(few)} gets far less than its share from {nginx}'s nginx",
                tuple(evidence),
                "iamops traffic --since 5m --by backend",
                nginx,
                cause="the backend does not answer, or the upstream on this node does not name it",
                about=About(service=service.name),
                touches=few,
            )
    if counted and not enough and not any(log.counts.unavailable for log in counted):
        why = f"fewer than {SPLIT_REQUESTS} requests in the last {SPLIT_SPAN_S / 60:.0f} min"
        yield NotEvaluated(code, what, why)


def _answered(view: RuleInput, node: NodeState, service: Service, traffic: Traffic) -> Mapping[str, int]:
    """Requests that each backend in use answered, well or badly. nginx asks its own over loopback, too."""
    known = {n: at for n, at in view.state.profile.backends_of(service).items() if n not in service.drained}
    requests = dict.fromkeys(known, 0)
    for name, at in known.items():
        for address in {at, *([endpoint("127.0.0.1", service.port)] if name == node.name else [])}:
            backend = traffic.backends.get(address)
            requests[name] += backend.requests - backend.unanswered if backend is not None else 0
    return requests


def _too_few(requests: Mapping[str, int], total: int) -> tuple[str, ...]:
    """The backends that got less than chance explains."""
    if len(requests) < 2:
        return ()
    share = 1 / len(requests)
    fair, sigma = total * share, math.sqrt(total * share * (1 - share))
    few = (n for n, got in requests.items() if got < fair * SPLIT_SHARE and fair - got > SPLIT_SIGMAS * sigma)
    return tuple(sorted(few))


RULES = (requests_failing, errors_since_move, uneven_split)


def _counted(
    view: RuleInput, codes: tuple[str, ...], what: str
) -> Generator[NotEvaluated, None, list[CountedNode]]:
    """The nodes whose logs were counted (the generator's value); the others are not evaluated."""
    found = []
    for node in nodes(view):
        seen = view.inspection.traffic.get(node.name, NO_LOOK) if view.inspection is not None else NO_LOOK
        if isinstance(seen, Known):
            found.append(CountedNode(node, seen))
        else:
            yield from not_evaluated(codes, what, reason_of(seen), node.name)
    return found
