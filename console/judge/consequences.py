"""What a finding rests on and what it takes away, by the profile's `needs`; and what that is for users. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from console.judge.findings import Finding
from console.model.need import Need, When
from console.model.profile import Profile
from console.plan.needing import needing, without

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
# A port that nobody trusts is gone for those who need that very port.
OF_A_PORT = frozenset({"certificate-expired", "certificate-name", "certificate-untrusted", "no-tls"})


def with_consequences(profile: Profile, finding: Finding) -> Finding:
    """The finding with both, as things: `redis`, `iam-apiserver on iam-b`."""
    takes = tuple(_taken(profile, finding))
    rests_on = tuple(dict.fromkeys(_needed(profile, finding)))
    if not takes and not rests_on:
        return finding
    return replace(finding, takes=takes, rests_on=rests_on, means=finding.means or _means(profile, finding))


def _taken(profile: Profile, finding: Finding) -> Iterator[str]:
    if not _takes(profile, finding):
        return
    if finding.about.store:
        yield finding.about.store
    if finding.node is not None and not finding.about.store:
        yield from (f"{name} on {finding.node}" for name in sorted(finding.about.every_service))


def _takes(profile: Profile, finding: Finding) -> bool:
    if finding.code in TAKING:
        return True
    needs = (need for service in profile.services.values() for need in service.needs)
    return finding.code in OF_A_PORT and any(_goes_without(finding, need) for need in needs)


def _goes_without(finding: Finding, need: Need) -> bool:
    """Of a service whose one port is out, only that port is missed."""
    if finding.code not in OF_A_PORT:
        return True
    return need.name in finding.about.every_service and str(need.port) in finding.about.subject.split()


def _needed(profile: Profile, finding: Finding) -> Iterator[str]:
    """What the services that it is about need, and what these need; not itself."""
    waiting = [
        (name, node) for name in sorted(finding.about.every_service) for node in _places(profile, finding, name)
    ]
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


def _places(profile: Profile, finding: Finding, service: str) -> tuple[str, ...]:
    """Its own node where the finding is about the service there; every node of it where it is nginx's view."""
    known = profile.services.get(service)
    if known is None:
        return ()
    if finding.node is not None and (finding.about.service or finding.about.unit):
        return (finding.node,)
    return tuple(node for node in profile.nodes if known.runs_on(node))


def _means(profile: Profile, finding: Finding) -> str:
    """`iam-pump on iam-a and iam-b is idle: no audit record is stored`: what falls with it, whoever sees it."""
    if not _takes(profile, finding):
        return ""
    lost = [(finding.about.store, "")] if finding.about.store else []
    if not lost and finding.node is not None:
        lost = [(name, finding.node) for name in sorted(finding.about.every_service)]
    found: dict[tuple[str, Need], list[str]] = {}
    seen: set[tuple[str, str]] = set()
    for name, at in lost:
        for service, where, need in needing(profile, name, at):
            if (service.name, where) in seen or ((name, at) == lost[0] and not _goes_without(finding, need)):
                continue
            seen.add((service.name, where))
            found.setdefault((service.name, need), []).append(where)
            if need.when is When.ALWAYS:
                lost.append((service.name, where))
    return "; ".join(
        f"{service} on {' and '.join(where)} {without(profile, service, need)}"
        for (service, need), where in found.items()
    )
