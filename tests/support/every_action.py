"""Every action of the registry on a profile. One that has no samples here is an error, wherever they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from iamops.model.profile import Profile
from iamops.model.running import LiveVrrp
from iamops.plan.action import (
    Action,
    ConfigPush,
    Drain,
    DrainedRestart,
    DrillAction,
    RollingRestart,
    ServiceAction,
    Switchover,
    UnitVerb,
)
from iamops.plan.build import PLANNERS
from iamops.plan.config.change import FileChange, NodeFilesChange
from iamops.session.drills.files import available_drills, load_drill

NGINX_CONF, KEEPALIVED_CONF = "/etc/nginx/nginx.conf", "/etc/keepalived/keepalived.conf"


def every_action(profile: Profile) -> tuple[Action, ...]:
    return tuple(action for kind in PLANNERS for action in SAMPLES[kind](profile))


def _service(profile: Profile) -> Iterator[Action]:
    for node in profile.nodes:
        for unit in profile.actionable_units_on(node):
            yield from (ServiceAction(verb, unit, node) for verb in UnitVerb)


def _rolling(profile: Profile) -> Iterator[Action]:
    return (RollingRestart(unit) for unit in profile.all_units)


def _switchover(profile: Profile) -> Iterator[Action]:
    return iter((Switchover(), Switchover([*profile.nodes][-1]), Switchover(plain=True)))


def _drill(profile: Profile) -> Iterator[Action]:
    """Every drill there is, where keepalived tells all that it runs with."""
    live = {name: LiveVrrp.of_profile(profile.instance, node) for name, node in profile.nodes.items()}
    told = {name: replace(each, assumed=False) for name, each in live.items()}
    return (DrillAction(load_drill(name), told) for name in available_drills())


def changes(profile: Profile, path: str = NGINX_CONF) -> dict[str, NodeFilesChange]:
    """One file, on every node."""
    change = (FileChange(path, "old\n", "new\n"),)
    return {node: NodeFilesChange(node, change, {path: "1" * 64}) for node in profile.nodes}


def _drains(profile: Profile) -> dict[str, tuple[Drain, ...]]:
    """Node -> its backend of the first service, as each nginx names it."""
    service = next(iter(profile.services.values()))
    backends = profile.backends_of(service)
    return {node: tuple(Drain(nginx, backends[node]) for nginx in profile.nodes) for node in profile.nodes}


def _push(profile: Profile) -> Iterator[Action]:
    """Of nginx's files, of keepalived's files that do not go with the old ones, and of a backend's drain."""

    def push(name: str, path: str = NGINX_CONF, **more: Any) -> ConfigPush:
        return ConfigPush(f"20261128T120000Z-{name}", ("config", "push"), changes(profile, path), **more)

    yield push("abcdef")
    yield push("bcdef0", KEEPALIVED_CONF, incompatible=("router id",))
    yield push("cdef01", drains=next(iter(_drains(profile).values())))


def _drained(profile: Profile) -> Iterator[Action]:
    service = next(iter(profile.services.values()))
    rounds = {node: changes(profile) for node in profile.nodes}
    yield DrainedRestart(service.unit, service.name, "20261128T120000Z-def012", rounds, _drains(profile))


SAMPLES: Mapping[type[Action], Callable[[Profile], Iterator[Action]]] = {
    ServiceAction: _service,
    RollingRestart: _rolling,
    Switchover: _switchover,
    DrillAction: _drill,
    ConfigPush: _push,
    DrainedRestart: _drained,
}
