"""Root causes explain symptoms: what follows from something else stands under it, and is no alarm of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from iamops.judge.findings import Finding, Role, flat, loudest
from iamops.model.facts import RANK
from iamops.model.need import Need, NeedWhen, needing, without
from iamops.model.profile import DatastoreKind, Profile

Condition = Callable[[Finding, Finding], bool]

# They are about what happened, which may be long over.
PAST = frozenset({"interface-lost", "keepalived-restarted", "unit-restarted", "vip-flapping", "vip-let-go"})

# Nobody reaches any service.
NOBODY_REACHED = frozenset({"vip-nowhere", "client-dark", "split-brain"})


@dataclass(frozen=True, slots=True)
class CausalLink:
    """`root` explains `symptoms` where all conditions hold. What stands first in LINKS is asked first."""

    root: str
    symptoms: frozenset[str]
    conditions: tuple[Condition, ...]


def correlate(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Roots first and the worst first; each symptom stands under one root, and nothing is lost.

    A root is as severe as the worst of what it explains: it is the one to act on.
    """
    parents = _parents(findings)

    def nested(at: int) -> Finding:
        under = sorted((nested(child) for child, parent in parents.items() if parent == at), key=_order)
        found = replace(findings[at], explains=(*findings[at].explains, *under))
        return replace(found, severity=loudest(found))

    return tuple(sorted((nested(at) for at in range(len(findings)) if at not in parents), key=_order))


def _parents(findings: tuple[Finding, ...]) -> Mapping[int, int]:
    """Symptom -> what explains it, by place. No finding explains itself, however long the chain."""
    parents: dict[int, int] = {}

    def is_above(at: int, wanted: int) -> bool:
        while at != wanted and at in parents:
            at = parents[at]
        return at == wanted

    for link in LINKS:
        for at, root in enumerate(findings):
            if root.code != link.root:
                continue
            for child, symptom in enumerate(findings):
                open_for = child not in parents and symptom.code in link.symptoms
                fits = open_for and all(holds(root, symptom) for holds in link.conditions)
                if fits and not is_above(at, child):
                    parents[child] = at
    return parents


def _order(finding: Finding) -> tuple[int, bool, bool, int, bool, str, str]:
    """By how loud it is, by how much it explains, and then by whether everybody goes without the VIP for it.

    What happened and what lint says come after what is so now.
    """
    below = flat((finding,))
    is_lint, past = finding.code[:1].isupper(), finding.code in PAST
    reached = NOBODY_REACHED.isdisjoint(found.code for found in below)
    return (RANK[finding.severity], is_lint, past, -len(below), reached, finding.code, finding.node or "")


# Of a root and its symptom. Names of units, services and stores are the profile's.
CONDITIONS: Mapping[str, Condition] = {
    "same-node": lambda root, symptom: root.node is not None and root.node == symptom.node,
    # The cause of the symptom may lie on the root's node.
    "its-node": lambda root, symptom: root.node is not None and root.node in symptom.places,
    # The cause of the root may lie on the symptom's node.
    "touched": lambda root, symptom: symptom.node in root.touches,
    # The symptom is seen from another node than the one it is on.
    "from-afar": lambda _, symptom: bool(symptom.touches) and symptom.node not in (None, *symptom.touches),
    # The same datastore, or its unit.
    "same-store": lambda root, symptom: bool(root.about.store) and root.about.store == symptom.about.store,
    # They have a service in common; the root may be about its unit.
    "same-service": lambda root, symptom: bool(root.about.every_service & symptom.about.every_service),
    # The same VIP, or one of the two is about none in particular.
    "same-vip": lambda root, symptom: (
        "" in (root.about.instance, symptom.about.instance) or root.about.instance == symptom.about.instance
    ),
    # The symptom's service needs what the root has taken away.
    "needed": lambda root, symptom: not set(root.takes).isdisjoint(symptom.rests_on),
    # The root is about a unit that is this to the cluster, or about such a datastore or its unit.
    "nginx": lambda root, _: root.about.role is Role.NGINX,
    "keepalived": lambda root, _: root.about.role is Role.KEEPALIVED,
    "mariadb": lambda root, _: root.about.kind is DatastoreKind.MARIADB,
    "redis": lambda root, _: root.about.kind is DatastoreKind.REDIS,
    # The symptom is about nginx's unit.
    "nginx-symptom": lambda _, symptom: symptom.about.role is Role.NGINX,
}

STORES = "datastore-down datastore-host-not-allowed datastore-too-many-connections datastore-write-errors"
NGINX_TROUBLE = "vrrp-fault nginx-hung nginx-bad-answers proxy-fails script-timeout client-dark not-serving"
FAILING = "service-unhealthy requests-failing backend-masked nginx-bad-answers errors-since-move"
NEEDING = "unit-down unit-restarted service-unhealthy requests-failing backend-masked backend-silent pump-lags"
LEFT_BEHIND = "backend-masked proxy-fails uneven-split nginx-bad-answers"
WITNESSES = "split-brain vip-nowhere master-without-address address-without-master vrrp-fault"
# The nodes' settings that make two masters, by lint.
PAIR = "P001 P002 P003 P004 P005 P006 P007 K014"

# Roots, their symptoms, and under which conditions; without one wherever both are.
TABLE = (
    # A node that is lost takes with it what stands on it.
    ("node-unreachable", f"{STORES} {FAILING} pump-lags backend-not-reachable uneven-split", "its-node"),
    ("node-unreachable", "client-dark vip-nowhere", "its-node"),
    ("node-unreachable", "backend-silent", "same-node"),
    # A full disk: what cannot be written fails, each in its own words.
    ("disk-full inodes-exhausted", f"{STORES} {FAILING} unit-down unit-restarted notify-log-missing", "its-node"),
    # A datastore: its unit, then what is seen of it from everywhere, then who lives on it.
    ("unit-down", STORES, "its-node same-store"),
    ("datastore-down", "datastore-down", "same-store"),
    ("datastore-write-errors", "datastore-write-errors", "same-store"),
    ("datastore-too-many-connections", "datastore-too-many-connections", "same-store"),
    ("unit-down datastore-down", "pump-lags", "same-store"),
    ("unit-down datastore-down", FAILING, "mariadb"),
    ("datastore-host-not-allowed datastore-too-many-connections", FAILING, "mariadb"),
    ("datastore-down datastore-write-errors", "service-unhealthy requests-failing", "redis"),
    # A service that hangs shows no certificate either.
    ("service-unhealthy backend-silent", "no-tls", "same-node same-service"),
    # Who needs it, by the profile: a datastore first, then the services that others need.
    ("datastore-write-errors", "datastore-refuses-writes", "same-store"),
    (f"datastore-refuses-writes {STORES}", NEEDING, "needed"),
    ("unit-down service-unhealthy backend-silent", NEEDING, "needed"),
    ("certificate-expired certificate-name certificate-untrusted no-tls", NEEDING, "needed"),
    # nginx: its files, then that it is down or hangs, then what follows.
    ("nginx-config-invalid", "N001 N002 N003 N008 config-drift config-not-loaded L001 L002", "same-node"),
    ("nginx-config-invalid", "unit-down", "same-node nginx-symptom"),
    ("nginx-connections-exhausted", NGINX_TROUBLE, "its-node"),
    ("unit-down", NGINX_TROUBLE, "its-node nginx"),
    ("nginx-hung", "vrrp-fault script-timeout proxy-fails nginx-bad-answers client-dark", "its-node"),
    # keepalived's check: why it says no, or sees nothing.
    ("S008", "check-unrunnable S005 check-blind vrrp-fault", "same-node"),
    ("check-unrunnable", "vrrp-fault check-blind S005 K017 K018", "same-node"),
    ("script-insecure", "check-blind S006 K018", "same-node"),
    ("S005", "check-blind", "same-node"),
    ("script-timeout", "vrrp-fault", "same-node"),
    ("master-without-address", "vip-nowhere", "same-vip"),
    ("vrrp-fault", "vip-nowhere", "same-vip"),
    ("unit-down", "vip-nowhere", "keepalived"),
    ("vip-nowhere", "client-dark errors-since-move", "same-vip"),
    ("mac-twice", f"{WITNESSES} stale-arp not-serving backend-not-reachable node-unreachable", ""),
    ("mac-twice", "client-dark dark-outside serving-unseen vip-flapping", ""),
    ("mac-twice", STORES, "from-afar"),
    ("keepalived-silent", WITNESSES, ""),
    ("stranger-router", f"{WITNESSES} client-dark vip-flapping foreign-adverts stale-arp", ""),
    ("adverts-not-sent", "split-brain vip-flapping vip-let-go", ""),
    ("keepalived-starved foreign-adverts", "vip-flapping vip-let-go", ""),
    # Nodes that do not hear each other, or hear strangers; and what clients notice of it.
    (PAIR, "split-brain foreign-adverts", ""),
    ("unit-down", "address-without-master", "same-node keepalived"),
    ("address-without-master", "split-brain stale-arp", "same-vip"),
    ("master-without-address", "client-dark", "same-vip"),
    ("split-brain", "foreign-adverts stale-arp dark-outside client-dark errors-since-move", "same-vip"),
    ("split-brain", "vip-flapping", "same-vip"),
    ("stale-arp", "dark-outside client-dark", "same-vip"),
    ("dark-outside", "client-dark", "same-vip"),
    # Services, and what round robin makes of them.
    ("unit-restarted", "service-unhealthy", "same-node same-service"),
    ("service-unhealthy", "backend-silent", "same-node same-service"),
    ("backend-silent", f"{LEFT_BEHIND} {FAILING} nginx-hung client-dark", ""),
    ("unit-down", LEFT_BEHIND, "its-node same-service"),
    ("service-unhealthy", f"{LEFT_BEHIND} requests-failing", "same-service"),
    ("backend-not-reachable not-serving", "uneven-split", ""),
    ("unit-down service-unhealthy backend-silent", "no-live-upstreams", "same-service"),
    ("no-live-upstreams", "proxy-fails nginx-bad-answers backend-masked", "same-node"),
    ("no-live-upstreams", "client-dark requests-failing errors-since-move uneven-split", ""),
    ("nginx-worker-died nginx-open-files", "nginx-bad-answers nginx-hung client-dark", "its-node"),
    ("proxy-fails", "nginx-bad-answers", "same-node"),
    ("proxy-fails nginx-bad-answers", "client-dark", "its-node"),
    # Files.
    ("config-not-loaded", "L001", "same-node"),
    ("config-drift", "L002 config-not-loaded", "same-node"),
    ("clocks-apart", "clock-skew", "touched"),
)

LINKS = tuple(
    CausalLink(root, frozenset(symptoms.split()), tuple(CONDITIONS[name] for name in conditions.split()))
    for roots, symptoms, conditions in TABLE
    for root in roots.split()
)

TAKING = frozenset(
    {
        "backend-silent",
        "datastore-down",
        "datastore-host-not-allowed",
        "datastore-refuses-writes",
        "datastore-too-many-connections",
        "datastore-write-errors",
        "service-unhealthy",
        "unit-down",
    }
)
# A port that nobody trusts is lost for those who need that very port.
OF_A_PORT = frozenset({"certificate-expired", "certificate-name", "certificate-untrusted", "no-tls"})


def with_consequences(profile: Profile, finding: Finding) -> Finding:
    """The finding with what it rests on and what it takes away by the profile's `needs` (`redis`, `iam-apiserver
    on iam-b`), and with what that means for users.
    """
    lost = _lost(profile, finding)
    rests_on = tuple(dict.fromkeys(_needs(profile, finding)))
    if not lost and not rests_on:
        return finding
    takes = tuple(f"{name} on {node}" if node else name for name, node in lost)
    means = finding.means or _means(profile, finding, lost)
    return replace(finding, takes=takes, rests_on=rests_on, means=means)


def _lost(profile: Profile, finding: Finding) -> list[tuple[str, str]]:
    """(datastore, "") or (service, node) that others go without for it."""
    if finding.code not in TAKING:
        needs = (need for service in profile.services.values() for need in service.needs)
        if finding.code not in OF_A_PORT or not any(_goes_without(finding, need) for need in needs):
            return []
    if finding.about.store:
        return [(finding.about.store, "")]
    return [(name, finding.node) for name in sorted(finding.about.every_service) if finding.node is not None]


def _goes_without(finding: Finding, need: Need) -> bool:
    """Of a service whose one port is out, only that port is missed."""
    if finding.code not in OF_A_PORT:
        return True
    return need.name in finding.about.every_service and str(need.port) in finding.about.subject.split()


def _needs(profile: Profile, finding: Finding) -> Iterator[str]:
    """What the services that it is about need, and what these need; not itself."""
    waiting: list[tuple[str, str]] = []
    for name in sorted(finding.about.every_service):
        if (service := profile.services.get(name)) is None:
            continue
        # Its own node where the finding is about the service there; every node of it where it is nginx's view.
        if finding.node is not None and (finding.about.service or finding.about.unit):
            waiting.append((name, finding.node))
        else:
            waiting += [(name, node) for node in profile.nodes if service.runs_on(node)]
    seen = set(waiting)
    while waiting:
        name, node = waiting.pop()
        for need in profile.services[name].needs if name in profile.services else ():
            if need.name is None:
                continue
            if need.name in profile.datastores:
                yield need.name
            elif (need.name, node) not in seen:
                seen.add((need.name, node))
                waiting.append((need.name, node))
                yield f"{need.name} on {node}"


def _means(profile: Profile, finding: Finding, lost: list[tuple[str, str]]) -> str:
    """`iam-pump on iam-a and iam-b is idle: no audit record is stored`: what falls with it, whoever sees it."""
    found: dict[tuple[str, Need], list[str]] = {}
    seen: set[tuple[str, str]] = set()
    waiting = list(lost)
    for name, at in waiting:
        for service, where, need in needing(profile, name, at):
            own = (name, at) == waiting[0]
            if (service.name, where) in seen or (own and not _goes_without(finding, need)):
                continue
            seen.add((service.name, where))
            found.setdefault((service.name, need), []).append(where)
            if need.when is NeedWhen.ALWAYS:
                waiting.append((service.name, where))
    return "; ".join(
        f"{service} on {' and '.join(where)} {without(profile, service, need)}"
        for (service, need), where in found.items()
    )
