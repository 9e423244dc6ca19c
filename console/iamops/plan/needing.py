"""Who needs what by the profile, and what a service does without it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.model.need import Need, NeedWhen
from iamops.model.profile import Profile, Service

# What the published IAM services do without what they need, by service and by datastore kind or service.
WITHOUT: dict[tuple[str, str], str] = {
    ("iam-apiserver", "mariadb"): "answers 5xx and does not start again",
    ("iam-authz-server", "iam-apiserver"): "stops deciding for new secrets",
    ("iam-authz-server", "redis"): "hears of no policy change and keeps no audit record",
    ("iam-pump", "redis"): "is idle: no audit record is stored",
    ("iam-pump", "mongodb"): "is idle: no audit record is stored",
}
GENERALLY = {
    NeedWhen.START: "runs on but does not start again",
    NeedWhen.ALWAYS: "does not work without it",
    NeedWhen.IDLE: "waits for it",
}


def needing(profile: Profile, name: str, node: str) -> Iterator[tuple[Service, str, Need]]:
    """The services that need it: a datastore everywhere, a service on its own node only."""
    nodes = tuple(profile.nodes) if name in profile.datastores else (node,)
    for service in profile.services.values():
        for need in service.needs:
            if need.name == name:
                yield from ((service, where, need) for where in nodes if service.runs_on(where))


def without(profile: Profile, service: str, need: Need) -> str:
    store = profile.datastores.get(need.name or "")
    return WITHOUT.get((service, str(store.kind) if store else need.name or ""), GENERALLY[need.when])
