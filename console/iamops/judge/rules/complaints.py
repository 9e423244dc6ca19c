"""The daemons' own complaints: findings of their own, and evidence for what other rules have found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated
from iamops.judge.rules.base import Answer, Rule, RuleInput, evidence_at, nodes, unit_stopped
from iamops.judge.rules.inspection import inspected, inspection_of, lately, ours
from iamops.judge.rules.services import asked_backends
from iamops.model.facts import Severity, VrrpState
from iamops.model.inspection import (
    ComplaintKind,
    DaemonComplaint,
    ErrorLogInspection,
    JournalInspection,
    NodeInspection,
)
from iamops.model.observed import Known, Observed
from iamops.model.profile import DatastoreKind, Profile
from iamops.model.state import NodeState
from iamops.model.vip import ownership

RECENT_S = 600.0
# nginx gives a backend up for ten seconds unless it is told otherwise; it says so at every request.
GIVEN_UP_RECENT_S = 15.0
# Whoever holds the VIP complains of a stranger's adverts as long as they come.
STRANGER_RECENT_S = 60.0
# nginx dates its lines to the second.
LOGGED_TO_S = 1.0
SHOWN = 2
REFUSED_RECENT_S = 60.0
FAILING_RECENT_S = 60.0
REFUSING = {
    ComplaintKind.MARIADB_REFUSES: DatastoreKind.MARIADB,
    ComplaintKind.REDIS_REFUSES: DatastoreKind.REDIS,
    ComplaintKind.MONGODB_REFUSES: DatastoreKind.MONGODB,
}
ALL_FAILED = (
    "each backend failed within nginx's fail_timeout, as when all are restarted one after the other: "
    "they are asked again when it is over"
)
Kind = ComplaintKind
Part = Callable[[NodeInspection], Observed[Any]]


@dataclass(frozen=True, slots=True)
class Tells:
    """A complaint that is a finding by itself. `title` and `step` name the node, what it is about, how often."""

    kind: Kind
    code: str
    severity: Severity
    recent_s: float
    title: str
    step: str


TABLE = (
    Tells(
        Kind.STARVED,
        "keepalived-starved",
        Severity.WARNING,
        RECENT_S,
        "{unit} on {node} was not given time to run: its timers were late{often}",
        "look: what else ran on {node} then (its load, its hypervisor's steal time)",
    ),
    Tells(
        Kind.CANNOT_SEND,
        "adverts-not-sent",
        Severity.CRITICAL,
        10.0,
        "{unit} on {node} cannot send its adverts ({about}){often}",
        "look: nft list ruleset on {node}: VRRP is IP protocol 112",
    ),
    Tells(
        Kind.WORKER_DIED,
        "nginx-worker-died",
        Severity.WARNING,
        RECENT_S,
        "a worker of nginx on {node} died on signal {about}{often}",
        "look: journalctl -k on {node}, and the modules that nginx loads",
    ),
    Tells(
        Kind.OPEN_FILES,
        "nginx-open-files",
        Severity.CRITICAL,
        60.0,
        "nginx on {node} has no file descriptors left{often}",
        "look: worker_rlimit_nofile in nginx.conf and LimitNOFILE of its unit on {node}",
    ),
    Tells(
        Kind.LINK_LOST,
        "interface-lost",
        Severity.INFO,
        RECENT_S,
        "{unit} on {node} saw its interface {about} go down{often}",
        "look: ip -s link show {about} on {node}, and journalctl -k there",
    ),
    Tells(
        Kind.OUT_OF_MEMORY,
        "unit-out-of-memory",
        Severity.WARNING,
        3600.0,
        "{unit} on {node} was killed because the node had no memory left{often}",
        "look: free -m and journalctl -k on {node}",
    ),
)
BY_KIND = {each.kind: each for each in TABLE}
# What a daemon says that explains another rule's finding of the same node.
EVIDENCE: Mapping[str, frozenset[Kind]] = {
    "split-brain": frozenset({Kind.CANNOT_SEND, Kind.LOWER_PRIORITY, Kind.STARVED}),
    "vip-nowhere": frozenset({Kind.HIGHER_PRIORITY, Kind.LINK_LOST}),
    "vip-flapping": frozenset({Kind.ADDRESS_REMOVED, Kind.STARVED, Kind.LINK_LOST, Kind.HIGHER_PRIORITY}),
    "vrrp-fault": frozenset({Kind.LINK_LOST}),
    "unit-down": frozenset({Kind.START_LIMIT, Kind.OUT_OF_MEMORY, Kind.PORT_TAKEN, Kind.HOST_NOT_FOUND}),
    "vip-let-go": frozenset({Kind.ADDRESS_REMOVED, Kind.STARVED, Kind.LINK_LOST}),
    "check-blind": frozenset({Kind.SCRIPT_DISABLED}),
    "nginx-bad-answers": frozenset({Kind.UPSTREAM_TIMED_OUT, Kind.UPSTREAM_REFUSED}),
    "backend-silent": frozenset({Kind.UPSTREAM_TIMED_OUT}),
    "requests-failing": frozenset({Kind.UPSTREAM_TIMED_OUT, Kind.UPSTREAM_REFUSED, Kind.UPSTREAM_CLOSED}),
    "client-dark": frozenset({Kind.OPEN_FILES, Kind.UPSTREAM_TIMED_OUT, Kind.UPSTREAM_REFUSED}),
}


# What fails now is said by nginx at every request: its lines of minutes ago were about something else.
FAILING_NOW = frozenset({"nginx-bad-answers", "backend-silent", "requests-failing", "client-dark"})


def complaints_of(look: NodeInspection | None) -> Iterator[DaemonComplaint]:
    """Of the journal and of nginx's error log, as far as they were read."""
    if look is None:
        return
    for part in (look.journal, look.nginx_errors):
        if isinstance(part, Known):
            yield from part.value.complaints


def complained(view: RuleInput, now: float) -> Iterator[Answer]:
    """Of a source that was not read nothing is known: its rules say that they are blind."""
    parts: tuple[tuple[Part, frozenset[Kind]], ...] = ((_journal, _BY_JOURNAL), (_errors, _BY_NGINX))
    for part, kinds in parts:
        codes = tuple(each.code for each in TABLE if each.kind in kinds)
        for each in inspected(view, part, codes, "what its daemons complain of"):
            if isinstance(each, NotEvaluated):
                yield each
                continue
            node, seen = each
            for complaint in seen.value.complaints:
                row = BY_KIND.get(complaint.kind)
                times = _recent(node, complaint, row.recent_s if row else 0.0, now)
                if row is not None and times:
                    yield _finding(row, node, complaint, times, now)


def strangers(view: RuleInput, now: float) -> Iterator[Answer]:
    """A router that is no node of ours, with our router id and password: the daemon gave the VIP up to it."""
    code, known = "stranger-router", {node.address for node in view.state.profile.nodes.values()}
    ownerless = [name for name in view.state.profile.vrrp if not ownership(view.state, name, now).owners]
    heard: dict[str, list[tuple[NodeState, DaemonComplaint]]] = {}
    for each in inspected(view, _journal, (code,), "whether a stranger takes the VIP"):
        if isinstance(each, NotEvaluated):
            yield each
            continue
        node, seen = each
        for complaint in seen.value.complaints:
            if complaint.kind not in (Kind.HIGHER_PRIORITY, Kind.LOWER_PRIORITY) or complaint.about in known:
                continue
            if _recent(node, complaint, STRANGER_RECENT_S, now) or _still_gives_way(
                view, node, complaint, ownerless
            ):
                heard.setdefault(complaint.about, []).append((node, complaint))
    for stranger, by in heard.items():
        yield _stranger(view, stranger, by, now)


def given_up(view: RuleInput, now: float) -> Iterator[Answer]:
    """nginx answers 502 by itself: all backends have failed within fail_timeout, whatever they do now."""
    code = "no-live-upstreams"
    for each in inspected(view, _errors, (code,), "whether nginx has given its backends up"):
        if isinstance(each, NotEvaluated):
            yield each
            continue
        node, seen = each
        said = [c for c in seen.value.complaints if c.kind is Kind.NO_LIVE_UPSTREAMS and _gives_up(node, c, now)]
        if said:
            names = [complaint.about for complaint in said if complaint.about]
            of = f" of {' and '.join(names[-SHOWN:])}" if len(names) == len(said) else ""
            yield Finding(
                code,
                Severity.CRITICAL,
                f"nginx on {node.name} has given every backend{of} up, and answers 502 without asking one",
                tuple(_evidence(view, node, each, len(each.times), now) for each in said[-SHOWN:]),
                "iamops traffic --since 5m --by backend",
                node.name,
                cause=ALL_FAILED,
                about=About(services=_without_backends(view, node, names if len(names) == len(said) else [])),
            )


def _without_backends(view: RuleInput, nginx: NodeState, names: Sequence[str]) -> tuple[str, ...]:
    """The services that nginx has given up because none of their backends answers its node.

    None where one that it has given up answers: then what the others lack is not the reason. `names`: upstreams,
    known only where they are called as a service's domain; without names: whatever it sends requests to.
    """
    if not set(names) <= set(view.state.profile.domains):
        return ()
    dead: dict[str, bool] = {}
    for service, _, seen in asked_backends(view, nginx):
        if service.domain in names or not names:
            failed = isinstance(seen, Known) and not seen.value.ok
            dead[service.name] = dead.get(service.name, True) and failed
    return tuple(dead) if all(dead.values()) else ()


def refusing_stores(view: RuleInput, now: float) -> Iterator[Answer]:
    """A datastore greets everybody and takes no writes: only who writes there is told."""
    code = "datastore-refuses-writes"
    found: dict[tuple[str, ...], list[tuple[NodeState, DaemonComplaint]]] = {}
    for each in inspected(view, lambda look: look.services, (code,), "whether a datastore refuses writes"):
        if isinstance(each, NotEvaluated):
            yield each
            continue
        node, seen = each
        for complaint in seen.value:
            if complaint.kind in REFUSING and _recent(node, complaint, REFUSED_RECENT_S, now):
                found.setdefault(_stores_meant(view.state.profile, complaint), []).append((node, complaint))
    yield from (_refusing(view, names, said, now) for names, said in found.items() if names)


RULES = (
    Rule(("datastore-refuses-writes",), refusing_stores),
    Rule(tuple(each.code for each in TABLE), complained),
    Rule(("stranger-router",), strangers),
    Rule(("no-live-upstreams",), given_up),
)


def with_complaints(view: RuleInput, finding: Finding, now: float) -> Finding:
    """The finding, and after its evidence what the daemons of its node say of it."""
    kinds = EVIDENCE.get(finding.code, frozenset())
    if not kinds or view.inspection is None:
        return finding
    found: list[Evidence] = []
    span_s = FAILING_RECENT_S if finding.code in FAILING_NOW else RECENT_S
    for node in nodes(view):
        if finding.node not in (None, node.name):
            continue
        for complaint in complaints_of(inspection_of(view, node)):
            times = _recent(node, complaint, span_s, now)
            own = finding.about.unit in ("", _unit(view, complaint))
            fits = complaint.kind in kinds and (own or finding.code != "unit-down")
            if fits and times:
                found.append(_evidence(view, node, complaint, len(times), now))
    return replace(finding, evidence=(*finding.evidence, *found[:SHOWN])) if found else finding


_BY_NGINX = frozenset({Kind.WORKER_DIED, Kind.OPEN_FILES})
_BY_JOURNAL = frozenset(each.kind for each in TABLE) - _BY_NGINX


def _journal(look: NodeInspection) -> Observed[JournalInspection]:
    return look.journal


def _errors(look: NodeInspection) -> Observed[ErrorLogInspection]:
    return look.nginx_errors


def _recent(node: NodeState, complaint: DaemonComplaint, span_s: float, now: float) -> list[float]:
    return [at for at in complaint.times if lately(node, at, span_s, now)]


def _evidence(view: RuleInput, node: NodeState, complaint: DaemonComplaint, times: int, now: float) -> Evidence:
    """The daemon's last line, how often, and what it means."""
    often = f" ({times} times)" if times > 1 else ""
    at = ours(node, complaint.times[-1])
    return evidence_at(at, f"{complaint.text}{often}: {complaint.means}", _source(view, complaint), node.name, now)


def _gives_up(node: NodeState, complaint: DaemonComplaint, now: float) -> bool:
    times = _recent(node, complaint, GIVEN_UP_RECENT_S, now)
    return bool(times) and not _serves_since(node, times[-1])


def _serves_since(node: NodeState, at: float) -> bool:
    """Every domain was answered through its nginx after that time of the node's clock: it is over."""
    seen = node.domains.values()
    return bool(seen) and all(
        isinstance(s, Known) and s.value.ok and s.at > ours(node, at) + LOGGED_TO_S for s in seen
    )


def _unit(view: RuleInput, complaint: DaemonComplaint) -> str:
    """nginx's log knows no unit."""
    return view.state.profile.nginx.unit if complaint.unit == "nginx" else complaint.unit


def _source(view: RuleInput, complaint: DaemonComplaint) -> str:
    return view.state.profile.logs.error if complaint.unit == "nginx" else f"journal of {complaint.unit}"


def _finding(row: Tells, node: NodeState, complaint: DaemonComplaint, times: list[float], now: float) -> Finding:
    often = f", {len(times)} times" if len(times) > 1 else ""
    words = {"node": node.name, "unit": complaint.unit, "about": complaint.about, "often": often}
    source = "nginx's error log" if complaint.unit == "nginx" else f"journal of {complaint.unit}"
    return Finding(
        row.code,
        row.severity,
        row.title.format(**words),
        (evidence_at(ours(node, times[-1]), complaint.text, source, node.name, now),),
        row.step.format(**words),
        node.name,
        cause=complaint.means,
    )


def _still_gives_way(
    view: RuleInput, node: NodeState, complaint: DaemonComplaint, ownerless: Sequence[str]
) -> bool:
    """Who has once given way to a higher priority says no more of it, and waits; not so in FAULT, or stopped."""
    if complaint.kind is not Kind.HIGHER_PRIORITY or unit_stopped(node, view.state.profile.keepalived.unit):
        return False
    seen = (node.vrrp.get(name) for name in ownerless)
    return any(not (isinstance(s, Known) and s.value.state in (VrrpState.FAULT, VrrpState.STOP)) for s in seen)


def _stores_meant(profile: Profile, complaint: DaemonComplaint) -> tuple[str, ...]:
    """Those of the kind that the service needs; any of the kind where the profile does not say."""
    kind = REFUSING[complaint.kind]
    of_kind = tuple(store.name for store in profile.datastores.values() if store.kind is kind)
    needs = {n.name for s in profile.services.values() if s.unit == complaint.unit for n in s.needs}
    return tuple(name for name in of_kind if name in needs) or of_kind


def _refusing(
    view: RuleInput, names: tuple[str, ...], said: list[tuple[NodeState, DaemonComplaint]], now: float
) -> Finding:
    """Of several that may be meant none is named as the one."""
    stores = [view.state.profile.datastores[name] for name in names]
    which = names[0] if len(names) == 1 else f"one of {', '.join(names)}"
    places = " and ".join(dict.fromkeys(store.node for store in stores))
    who = " and ".join(dict.fromkeys(f"{complaint.unit} on {node.name}" for node, complaint in said))
    return Finding(
        "datastore-refuses-writes",
        Severity.CRITICAL,
        f"{which} takes no writes, by what {who} gets from it",
        tuple(_evidence(view, node, each, len(each.times), now) for node, each in said[-3:]),
        f"look: why {which} on {places} takes no writes (its log, SHOW PROCESSLIST, INFO replication)",
        cause=said[-1][1].means,
        about=About(store=names[0] if len(names) == 1 else "", kind=stores[0].kind),
        touches=tuple(dict.fromkeys(store.node for store in stores)),
    )


def _stranger(view: RuleInput, stranger: str, by: list[tuple[NodeState, DaemonComplaint]], now: float) -> Finding:
    higher = any(complaint.kind is Kind.HIGHER_PRIORITY for _, complaint in by)
    does = "with a priority that wins: it takes the VIP" if higher else "as a second master"
    return Finding(
        "stranger-router",
        Severity.CRITICAL,
        f"{stranger}, which is no node of ours, sends adverts with our router id {does}",
        tuple(_evidence(view, node, each, len(each.times), now) for node, each in by),
        f"look: whose {stranger} is (ip neigh show {stranger}), and tcpdump -nn proto 112 on {by[0][0].name}",
        cause="another VRRP router in this network has the same virtual_router_id and the same password",
    )
