"""The daemons' own complaints: findings of their own, and evidence for what other rules have found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from iamops.judge.findings import About, Evidence, Finding
from iamops.judge.rules.base import (
    Answer,
    Part,
    RuleInput,
    each_node,
    evidence_at,
    inspection_of,
    journal,
    known_parts,
    lately,
    nodes,
    ours,
    rule,
    unit_stopped,
)
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
from iamops.model.profile import DatastoreKind
from iamops.model.state import NodeState
from iamops.model.vip import ownership

RECENT_S = 600.0
# nginx gives a backend up for ten seconds unless configured otherwise; it says so at every request.
GIVEN_UP_RECENT_S = 15.0
# Whoever holds the VIP complains of a stranger's adverts as long as they come.
STRANGER_RECENT_S = 60.0
REFUSED_RECENT_S = 60.0
FAILING_RECENT_S = 60.0
# nginx dates its lines to the second.
LOGGED_TO_S = 1.0
SHOWN = 2
STORES_SHOWN = 3
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
Complaining: TypeAlias = JournalInspection | ErrorLogInspection
Complained: TypeAlias = tuple[NodeState, DaemonComplaint]


@dataclass(frozen=True, slots=True)
class ComplaintFinding:
    """A complaint that is a finding of its own. `title` and `step` name the node, what it is about, how often."""

    kind: Kind
    code: str
    severity: Severity
    recent_s: float
    title: str
    step: str


TABLE = (
    ComplaintFinding(
        Kind.STARVED,
        "keepalived-starved",
        Severity.WARNING,
        RECENT_S,
        "{unit} on {node} was not given time to run: its timers were late{often}",
        "look: what else ran on {node} then (its load, its hypervisor's steal time)",
    ),
    ComplaintFinding(
        Kind.CANNOT_SEND,
        "adverts-not-sent",
        Severity.CRITICAL,
        10.0,
        "{unit} on {node} cannot send its adverts ({about}){often}",
        "look: nft list ruleset on {node}: VRRP is IP protocol 112",
    ),
    ComplaintFinding(
        Kind.WORKER_DIED,
        "nginx-worker-died",
        Severity.WARNING,
        RECENT_S,
        "a worker of nginx on {node} died on signal {about}{often}",
        "look: journalctl -k on {node}, and the modules that nginx loads",
    ),
    ComplaintFinding(
        Kind.OPEN_FILES,
        "nginx-open-files",
        Severity.CRITICAL,
        60.0,
        "nginx on {node} has no file descriptors left{often}",
        "look: worker_rlimit_nofile in nginx.conf and LimitNOFILE of its unit on {node}",
    ),
    ComplaintFinding(
        Kind.LINK_LOST,
        "interface-lost",
        Severity.INFO,
        RECENT_S,
        "{unit} on {node} saw its interface {about} go down{often}",
        "look: ip -s link show {about} on {node}, and journalctl -k there",
    ),
    ComplaintFinding(
        Kind.OUT_OF_MEMORY,
        "unit-out-of-memory",
        Severity.WARNING,
        3600.0,
        "{unit} on {node} was killed because the node had no memory left{often}",
        "look: free -m and journalctl -k on {node}",
    ),
)
# The others are in the journal.
BY_NGINX = frozenset({Kind.WORKER_DIED, Kind.OPEN_FILES})
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
# nginx logs what fails now at every request: its lines of minutes ago were about something else.
FAILING_NOW = frozenset({"nginx-bad-answers", "backend-silent", "requests-failing", "client-dark"})


def _errors(inspection: NodeInspection) -> Observed[ErrorLogInspection]:
    return inspection.nginx_errors


@rule("datastore-refuses-writes")
def refusing_stores(view: RuleInput, now: float) -> Iterator[Answer]:
    """A datastore that greets everybody and takes no writes: only its writers notice."""
    code, profile = "datastore-refuses-writes", view.state.profile
    found: dict[tuple[str, ...], list[Complained]] = {}
    known = yield from known_parts(view, lambda look: look.services, (code,), "whether a datastore refuses writes")
    for node, seen in known:
        for complaint in seen.value:
            kind = REFUSING.get(complaint.kind)
            if kind is not None and _recent(node, complaint, REFUSED_RECENT_S, now):
                # Those of the kind that the service needs; any of the kind where the profile does not say.
                of_kind = tuple(store.name for store in profile.datastores.values() if store.kind is kind)
                needs = {n.name for s in profile.services.values() if s.unit == complaint.unit for n in s.needs}
                names = tuple(name for name in of_kind if name in needs) or of_kind
                found.setdefault(names, []).append((node, complaint))

    for names, complaints in found.items():
        if not names:
            continue
        # Of several that may be meant none is named as the one.
        which = names[0] if len(names) == 1 else f"one of {', '.join(names)}"
        homes = tuple(dict.fromkeys(profile.datastores[name].node for name in names))
        who = " and ".join(dict.fromkeys(f"{complaint.unit} on {node.name}" for node, complaint in complaints))
        looks = "its log, SHOW PROCESSLIST, INFO replication"
        kind = profile.datastores[names[0]].kind
        yield Finding(
            code,
            Severity.CRITICAL,
            f"{which} takes no writes, by what {who} gets from it",
            tuple(_evidence(view, node, c, len(c.times), now) for node, c in complaints[-STORES_SHOWN:]),
            f"look: why {which} on {' and '.join(homes)} takes no writes ({looks})",
            cause=complaints[-1][1].means,
            about=About(store=names[0] if len(names) == 1 else "", kind=kind),
            touches=homes,
        )


@rule(*(row.code for row in TABLE))
def complained(view: RuleInput, now: float) -> Iterator[Answer]:
    """Complaints that are findings of their own."""
    by_kind = {row.kind: row for row in TABLE}
    parts: tuple[tuple[Part[Complaining], bool], ...] = ((journal, False), (_errors, True))
    for part, by_nginx in parts:
        codes = tuple(row.code for row in TABLE if (row.kind in BY_NGINX) is by_nginx)
        known = yield from known_parts(view, part, codes, "what its daemons complain of")
        for node, seen in known:
            for complaint in seen.value.complaints:
                row = by_kind.get(complaint.kind)
                times = _recent(node, complaint, row.recent_s, now) if row is not None else []
                if row is None or not times:
                    continue
                often = f", {len(times)} times" if len(times) > 1 else ""
                words = {"node": node.name, "unit": complaint.unit, "about": complaint.about, "often": often}
                source = "nginx's error log" if complaint.unit == "nginx" else f"journal of {complaint.unit}"
                yield Finding(
                    row.code,
                    row.severity,
                    row.title.format(**words),
                    (evidence_at(ours(node, times[-1]), complaint.text, source, node.name, now),),
                    row.step.format(**words),
                    node.name,
                    cause=complaint.means,
                    about=About(
                        unit=view.state.profile.nginx.unit if by_nginx else complaint.unit,
                        subject=complaint.about if complaint.kind is Kind.LINK_LOST else "",
                    ),
                )


@rule("stranger-router")
def strangers(view: RuleInput, now: float) -> Iterator[Answer]:
    """A router that is no node of ours, with our router id and password: the daemon gave the VIP up to it."""
    code, own = "stranger-router", {node.address for node in view.state.profile.nodes.values()}
    ownerless = [name for name in view.state.profile.vrrp if not ownership(view.state, name, now).owners]
    by_stranger: dict[str, list[Complained]] = {}
    journals = yield from known_parts(view, journal, (code,), "whether a stranger takes the VIP")
    for node, seen in journals:
        for complaint in seen.value.complaints:
            if complaint.kind not in (Kind.HIGHER_PRIORITY, Kind.LOWER_PRIORITY) or complaint.about in own:
                continue
            recent = _recent(node, complaint, STRANGER_RECENT_S, now)
            if recent or _still_gives_way(view, node, complaint, ownerless):
                by_stranger.setdefault(complaint.about, []).append((node, complaint))
    for stranger, complaints in by_stranger.items():
        higher = any(complaint.kind is Kind.HIGHER_PRIORITY for _, complaint in complaints)
        does = "with a priority that wins: it takes the VIP" if higher else "as a second master"
        node = complaints[0][0]
        yield Finding(
            code,
            Severity.CRITICAL,
            f"{stranger}, which is no node of ours, sends adverts with our router id {does}",
            tuple(_evidence(view, node, c, len(c.times), now) for node, c in complaints),
            f"look: whose {stranger} is (ip neigh show {stranger}), and tcpdump -nn proto 112 on {node.name}",
            cause="another VRRP router in this network has the same virtual_router_id and the same password",
        )


def _still_gives_way(
    view: RuleInput, node: NodeState, complaint: DaemonComplaint, ownerless: Sequence[str]
) -> bool:
    """A daemon that gave way to a higher priority logs it once, and waits; in FAULT or stopped it does not."""
    if complaint.kind is not Kind.HIGHER_PRIORITY or unit_stopped(node, view.state.profile.keepalived.unit):
        return False
    seen = (node.vrrp.get(name) for name in ownerless)
    return any(not (isinstance(s, Known) and s.value.state in (VrrpState.FAULT, VrrpState.STOP)) for s in seen)


@each_node("whether nginx has given its backends up", _errors, "no-live-upstreams")
def given_up(view: RuleInput, node: NodeState, seen: Known[ErrorLogInspection], now: float) -> Iterator[Answer]:
    """nginx answers 502 of its own: all backends have failed within fail_timeout, whatever they do now."""
    answers = node.domains.values()
    complaints: list[DaemonComplaint] = []
    for complaint in seen.value.complaints:
        times = _recent(node, complaint, GIVEN_UP_RECENT_S, now)
        if complaint.kind is not Kind.NO_LIVE_UPSTREAMS or not times:
            continue
        # It is over when every domain was answered through this nginx after that.
        since = ours(node, times[-1]) + LOGGED_TO_S
        if not answers or not all(isinstance(s, Known) and s.value.ok and s.at > since for s in answers):
            complaints.append(complaint)
    if not complaints:
        return
    names = [complaint.about for complaint in complaints if complaint.about]
    all_named = len(names) == len(complaints)
    of = f" of {' and '.join(names[-SHOWN:])}" if all_named else ""
    yield Finding(
        "no-live-upstreams",
        Severity.CRITICAL,
        f"nginx on {node.name} has given every backend{of} up, and answers 502 without asking one",
        tuple(_evidence(view, node, c, len(c.times), now) for c in complaints[-SHOWN:]),
        "iamops traffic --since 5m --by backend",
        node.name,
        cause=ALL_FAILED,
        about=About(services=_without_backends(view, node, names if all_named else [])),
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


RULES = (refusing_stores, complained, strangers, given_up)


def with_complaints(view: RuleInput, finding: Finding, now: float) -> Finding:
    """The finding with further evidence: what the daemons of its node say about it."""
    kinds = EVIDENCE.get(finding.code, frozenset())
    found: list[Evidence] = []
    span_s = FAILING_RECENT_S if finding.code in FAILING_NOW else RECENT_S
    for node in nodes(view) if kinds else ():
        inspection = inspection_of(view, node.name) if finding.node in (None, node.name) else None
        parts = (inspection.journal, inspection.nginx_errors) if inspection is not None else ()
        for complaint in (c for part in parts if isinstance(part, Known) for c in part.value.complaints):
            times = _recent(node, complaint, span_s, now)
            # nginx's log knows no unit.
            unit = view.state.profile.nginx.unit if complaint.unit == "nginx" else complaint.unit
            own = finding.about.unit in ("", unit) or finding.code != "unit-down"
            if complaint.kind in kinds and own and times:
                found.append(_evidence(view, node, complaint, len(times), now))
    return replace(finding, evidence=(*finding.evidence, *found[:SHOWN])) if found else finding


def _recent(node: NodeState, complaint: DaemonComplaint, span_s: float, now: float) -> list[float]:
    return [at for at in complaint.times if lately(node, at, span_s, now)]


def _evidence(view: RuleInput, node: NodeState, complaint: DaemonComplaint, times: int, now: float) -> Evidence:
    """The daemon's last line, how often, and what it means."""
    often = f" ({times} times)" if times > 1 else ""
    by_nginx = complaint.unit == "nginx"
    source = view.state.profile.logs.error if by_nginx else f"journal of {complaint.unit}"
    at = ours(node, complaint.times[-1])
    return evidence_at(at, f"{complaint.text}{often}: {complaint.means}", source, node.name, now)
