"""What a service needs from others: as a profile states it, and as the IAM services are known to need it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iamops.model.profile import Profile, Service


class NeedWhen(StrEnum):
    """When the lack of it matters. The words are the profile's own.

    `at start`: the service does not come up without it, and runs on once it is up. `or idle`: it comes up
    without it and waits.
    """

    ALWAYS = ""
    START = "at start"
    IDLE = "or idle"


@dataclass(frozen=True, slots=True)
class Need:
    """A datastore, another service of the service's own node, or a port of that node.

    `name` with a `port` is a service and one more of its ports; a `port` alone is anybody's.
    """

    name: str | None
    port: int | None = None
    when: NeedWhen = NeedWhen.ALWAYS

    @property
    def what(self) -> str:
        """`redis`, `iam-apiserver:8081`, `8081`."""
        return ":".join(str(part) for part in (self.name, self.port) if part is not None)

    def __str__(self) -> str:
        return f"{self.what} {self.when}".rstrip()


# As the published services behave: the apiserver exits without MariaDB or Redis and later runs on without them,
# the authz-server opens its port only once its own node's apiserver has answered over gRPC, the pump waits.
IAM_NEEDS: Mapping[str, tuple[Need, ...]] = {
    "iam-apiserver": (Need("mariadb", when=NeedWhen.START), Need("redis", when=NeedWhen.START)),
    "iam-authz-server": (Need("iam-apiserver", 8081), Need("redis")),
    "iam-pump": (Need("redis", when=NeedWhen.IDLE), Need("mongodb", when=NeedWhen.IDLE)),
}
_SHAPE = re.compile(
    r"(?:(?P<port>[0-9]{1,5})|(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]{0,62})(?::(?P<of>[0-9]{1,5}))?)"
    r"(?: +(?P<when>at start|or idle))?"
)
_EXPECTED = (
    "a datastore such as redis, a service of the same node such as iam-apiserver, a port of it such as "
    "iam-apiserver:8081 or 8081, and behind it `at start` or `or idle` where that is so"
)


def need_of(raw: object) -> Need:
    """A need from the profile's word for it. Raises ValueError that says what is expected."""
    if isinstance(raw, Need):
        return raw
    text = str(raw) if isinstance(raw, str | int) and not isinstance(raw, bool) else ""
    match = _SHAPE.fullmatch(text)
    port = int(match["port"] or match["of"] or 0) if match else 0
    if match is None or port > 65535 or (port == 0 and (match["port"] or match["of"])):
        raise ValueError(f"expected {_EXPECTED}")
    return Need(match["name"], port or None, NeedWhen(match["when"] or ""))


def known_needs(service: str, entry: Mapping[str, object], raw: Mapping[str, object]) -> tuple[Need, ...]:
    """What a service of this name is known to need, as far as the raw profile has it under a name or kind."""
    found: list[Need] = []
    stores = _section(raw, "datastores")
    for need in IAM_NEEDS.get(service, ()):
        if _beside(entry, _section(raw, "services").get(need.name)):
            found.append(need)
        if need.name in stores:
            found.append(Need(need.name, when=need.when))
        else:
            of_kind = (
                n for n, store in stores.items() if isinstance(store, dict) and store.get("kind") == need.name
            )
            found += [Need(str(name), when=need.when) for name in of_kind]
    return tuple(found)


def _beside(entry: Mapping[str, object], other: object) -> bool:
    """Does the other service run on every node of this one?"""
    if not isinstance(other, dict):
        return False
    own, others = entry.get("nodes"), other.get("nodes")
    if others is None:
        return True
    return isinstance(own, list | tuple) and isinstance(others, list | tuple) and all(n in others for n in own)


def _section(raw: Mapping[str, object], name: str) -> Mapping[object, object]:
    section = raw.get(name)
    return section if isinstance(section, dict) else {}


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
