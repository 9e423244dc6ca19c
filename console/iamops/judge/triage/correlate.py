"""Root causes explain symptoms: what follows from something else stands under it, and is no alarm of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from iamops.judge.findings import Finding, Role, flat, loudest
from iamops.model.facts import RANK
from iamops.model.need import Need, NeedWhen
from iamops.model.profile import DatastoreKind, Profile
from iamops.plan.needs import needing, without

Fits = Callable[[Finding, Finding], bool]

# They are about what happened, which may be long over.
PAST = frozenset({"interface-lost", "keepalived-restarted", "unit-restarted", "vip-flapping", "vip-let-go"})

# Nobody reaches any service.
NOBODY_REACHED = frozenset({"vip-nowhere", "client-dark", "split-brain"})


@dataclass(frozen=True, slots=True)
class CausalLink:
    """`root` explains `symptoms`, where `fits(root, symptom)`. What stands first in LINKS is asked first."""

    root: str
    symptoms: frozenset[str]
    fits: Fits


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
                if open_for and link.fits(root, symptom) and not is_above(at, child):
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


def _same_node(root: Finding, symptom: Finding) -> bool:
    return root.node is not None and root.node == symptom.node


def _anywhere(root: Finding, symptom: Finding) -> bool:
    return True


def _both(*conditions: Fits) -> Fits:
    return lambda root, symptom: all(fits(root, symptom) for fits in conditions)


def _role(role: Role) -> Fits:
    """The root is about a unit that is this to the cluster, whatever its name."""
    return lambda root, symptom: root.about.role is role


def _store_kind(kind: DatastoreKind) -> Fits:
    """The root is about a datastore of this kind, or its unit."""
    return lambda root, symptom: root.about.kind is kind


def _store_of(root: Finding, symptom: Finding) -> bool:
    """The same datastore, or its unit."""
    return bool(root.about.store) and root.about.store == symptom.about.store


def _service_of(root: Finding, symptom: Finding) -> bool:
    """They have a service in common; the root may be about its unit."""
    return not root.about.every_service.isdisjoint(symptom.about.every_service)


def _same_instance(root: Finding, symptom: Finding) -> bool:
    """The same VIP, or one of the two is about none in particular."""
    one, other = root.about.instance, symptom.about.instance
    return not one or not other or one == other


def _about(root: Finding, symptom: Finding) -> bool:
    """The cause of the symptom may lie on the root's node."""
    return root.node is not None and root.node in symptom.places


def _needed(root: Finding, symptom: Finding) -> bool:
    """The symptom's service needs what the root has taken away, by the profile."""
    return not set(root.takes).isdisjoint(symptom.rests_on)


def _from_afar(root: Finding, symptom: Finding) -> bool:
    """It is seen from another node than the one it is on."""
    return symptom.node is not None and bool(symptom.touches) and symptom.node not in symptom.touches


def _links(roots: str, symptoms: str, fits: Fits) -> tuple[CausalLink, ...]:
    """One link for each root; both are words with spaces between them."""
    return tuple(CausalLink(root, frozenset(symptoms.split()), fits) for root in roots.split())


STORES = "datastore-down datastore-host-not-allowed datastore-too-many-connections datastore-write-errors"
NGINX_TROUBLE = "vrrp-fault nginx-hung nginx-bad-answers proxy-fails script-timeout client-dark not-serving"
FAILING = "service-unhealthy requests-failing backend-masked nginx-bad-answers errors-since-move"
NEEDING = "unit-down unit-restarted service-unhealthy requests-failing backend-masked backend-silent pump-lags"
LEFT_BEHIND = "backend-masked proxy-fails uneven-split nginx-bad-answers"
WITNESSES = "split-brain vip-nowhere master-without-address address-without-master vrrp-fault"
DATABASE = _store_kind(DatastoreKind.MARIADB)
# The nodes' settings that make two masters, by lint.
PAIR = "P001 P002 P003 P004 P005 P006 P007 K014"

LINKS: tuple[CausalLink, ...] = (
    # A node that is lost takes with it what stands on it.
    *_links("node-unreachable", f"{STORES} {FAILING} pump-lags backend-not-reachable uneven-split", _about),
    *_links("node-unreachable", "client-dark vip-nowhere", _about),
    *_links("node-unreachable", "backend-silent", _same_node),
    # A full disk: what cannot be written fails, each in its own words.
    *_links(
        "disk-full inodes-exhausted", f"{STORES} {FAILING} unit-down unit-restarted notify-log-missing", _about
    ),
    # A datastore: its unit, then what is seen of it from everywhere, then who lives on it.
    *_links("unit-down", STORES, _both(_about, _store_of)),
    *_links("datastore-down", "datastore-down", _store_of),
    *_links("datastore-write-errors", "datastore-write-errors", _store_of),
    *_links("datastore-too-many-connections", "datastore-too-many-connections", _store_of),
    *_links("unit-down datastore-down", "pump-lags", _store_of),
    *_links("unit-down datastore-down", FAILING, DATABASE),
    *_links("datastore-host-not-allowed datastore-too-many-connections", FAILING, DATABASE),
    *_links(
        "datastore-down datastore-write-errors",
        "service-unhealthy requests-failing",
        _store_kind(DatastoreKind.REDIS),
    ),
    # A service that hangs shows no certificate either.
    *_links("service-unhealthy backend-silent", "no-tls", _both(_same_node, _service_of)),
    # Who needs it, by the profile: a datastore first, then the services that others need.
    *_links("datastore-write-errors", "datastore-refuses-writes", _store_of),
    *_links(f"datastore-refuses-writes {STORES}", NEEDING, _needed),
    *_links("unit-down service-unhealthy backend-silent", NEEDING, _needed),
    *_links("certificate-expired certificate-name certificate-untrusted no-tls", NEEDING, _needed),
    # nginx: its files, then that it is down or hangs, then what follows.
    *_links("nginx-config-invalid", "N001 N002 N003 N008 config-drift config-not-loaded L001 L002", _same_node),
    *_links(
        "nginx-config-invalid",
        "unit-down",
        _both(_same_node, lambda root, symptom: symptom.about.role is Role.NGINX),
    ),
    *_links("nginx-connections-exhausted", NGINX_TROUBLE, _about),
    *_links("unit-down", NGINX_TROUBLE, _both(_about, _role(Role.NGINX))),
    *_links("nginx-hung", "vrrp-fault script-timeout proxy-fails nginx-bad-answers client-dark", _about),
    # keepalived's check: why it says no, or sees nothing.
    *_links("S008", "check-unrunnable S005 check-blind vrrp-fault", _same_node),
    *_links("check-unrunnable", "vrrp-fault check-blind S005 K017 K018", _same_node),
    *_links("script-insecure", "check-blind S006 K018", _same_node),
    *_links("S005", "check-blind", _same_node),
    *_links("script-timeout", "vrrp-fault", _same_node),
    *_links("master-without-address", "vip-nowhere", _same_instance),
    *_links("vrrp-fault", "vip-nowhere", _same_instance),
    *_links("unit-down", "vip-nowhere", _role(Role.KEEPALIVED)),
    *_links("vip-nowhere", "client-dark errors-since-move", _same_instance),
    *_links("mac-twice", f"{WITNESSES} stale-arp not-serving backend-not-reachable node-unreachable", _anywhere),
    *_links("mac-twice", "client-dark dark-outside serving-unseen vip-flapping", _anywhere),
    *_links("mac-twice", STORES, _from_afar),
    *_links("keepalived-silent", WITNESSES, _anywhere),
    *_links("stranger-router", f"{WITNESSES} client-dark vip-flapping foreign-adverts stale-arp", _anywhere),
    *_links("adverts-not-sent", "split-brain vip-flapping vip-let-go", _anywhere),
    *_links("keepalived-starved foreign-adverts", "vip-flapping vip-let-go", _anywhere),
    # Nodes that do not hear each other, or hear strangers; and what clients notice of it.
    *_links(PAIR, "split-brain foreign-adverts", _anywhere),
    *_links("unit-down", "address-without-master", _both(_same_node, _role(Role.KEEPALIVED))),
    *_links("address-without-master", "split-brain stale-arp", _same_instance),
    *_links("master-without-address", "client-dark", _same_instance),
    *_links("split-brain", "foreign-adverts stale-arp dark-outside client-dark errors-since-move", _same_instance),
    *_links("split-brain", "vip-flapping", _same_instance),
    *_links("stale-arp", "dark-outside client-dark", _same_instance),
    *_links("dark-outside", "client-dark", _same_instance),
    # Services, and what round robin makes of them.
    *_links("unit-restarted", "service-unhealthy", _both(_same_node, _service_of)),
    *_links("service-unhealthy", "backend-silent", _both(_same_node, _service_of)),
    *_links("backend-silent", f"{LEFT_BEHIND} {FAILING} nginx-hung client-dark", _anywhere),
    *_links("unit-down", LEFT_BEHIND, _both(_about, _service_of)),
    *_links("service-unhealthy", f"{LEFT_BEHIND} requests-failing", _service_of),
    *_links("backend-not-reachable not-serving", "uneven-split", _anywhere),
    *_links("unit-down service-unhealthy backend-silent", "no-live-upstreams", _service_of),
    *_links("no-live-upstreams", "proxy-fails nginx-bad-answers backend-masked", _same_node),
    *_links("no-live-upstreams", "client-dark requests-failing errors-since-move uneven-split", _anywhere),
    *_links("nginx-worker-died nginx-open-files", "nginx-bad-answers nginx-hung client-dark", _about),
    *_links("proxy-fails", "nginx-bad-answers", _same_node),
    *_links("proxy-fails nginx-bad-answers", "client-dark", _about),
    # Files.
    *_links("config-not-loaded", "L001", _same_node),
    *_links("config-drift", "L002 config-not-loaded", _same_node),
    *_links("clocks-apart", "clock-skew", lambda root, symptom: symptom.node in root.touches),
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
