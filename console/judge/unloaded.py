"""What a daemon would do with the files on disk, beside what it does now and what its peers do. Pure.

A reload or a restart reads whatever lies there. What would make two masters or send requests nowhere is a
conflict; any other setting of VRRP that would become another one is a difference; nginx's other changes are news,
for it is reloaded to take them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from console.judge.lint.tree import Tree
from console.model.profile import Profile, Service
from console.model.proxy import Unloaded
from console.parse.nginx_conf import servers
from console.parse.nginx_proxy import server_names, upstreams_by_domain
from console.parse.running_vrrp import (
    ADVERT,
    AUTH,
    ROUTER_ID,
    UNICAST,
    VERSION,
    VIPS,
    Settings,
    settings_of,
)
from console.plan.backends import backend_names

# Nodes that disagree on these do not hear each other.
SHARED = (ROUTER_ID, ADVERT, VERSION, AUTH, VIPS, UNICAST)
NEVER_SHOWN = (AUTH,)
# A file that was written right before it was read, by clocks that count differently.
SLACK_S = 1.0
CONF = "/etc/keepalived/keepalived.conf"


@dataclass(frozen=True, slots=True)
class Seen:
    """One node: its files, and what its keepalived runs with. `running` None: it does not tell, or is stopped."""

    tree: Tree
    running: Mapping[str, Settings] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.tree.name

    def has_newer(self, unit: str, directory: str) -> tuple[str, ...]:
        """The files below the directory that were changed after the unit had read its files."""
        loaded = self.tree.conf.loaded_at.get(unit)
        return tuple(
            path
            for path, file in self.tree.files.items()
            if path.startswith(directory) and path.endswith(".conf")
            if loaded is not None and file.changed_at is not None and file.changed_at > loaded + SLACK_S
        )


def keepalived_unloaded(seen: Seen, others: Sequence[Seen], unit: str) -> Unloaded:
    """What keepalived's files on this node would change, and where they contradict the other nodes."""
    if wrong := [each for each in seen.tree.keepalived.mistakes if not each.known]:
        return Unloaded(conflicts=tuple(f"{each.file}:{each.line}: {each.message}" for each in wrong[:1]))
    on_disk = {vrrp.name: settings_of(vrrp) for vrrp in seen.tree.vrrp}
    differences = list(_differences(seen, on_disk, unit)) if seen.running is not None else []
    differences += _undefined(seen, unit)
    return Unloaded(tuple(differences), tuple(_conflicts(seen, on_disk, others)))


def nginx_unloaded(seen: Seen, profile: Profile) -> Unloaded:
    """What nginx's files on this node would change. Nothing where nginx has read them as they are."""
    unit = profile.nginx.unit
    newer = seen.has_newer(unit, "/etc/nginx/")
    if not newer and unit in seen.tree.conf.loaded_at:
        return Unloaded()
    news = tuple(f"{path} was changed after nginx had read it" for path in newer)
    return Unloaded(conflicts=tuple(_broken(seen, profile)), news=news)


def _differences(seen: Seen, on_disk: Mapping[str, Settings], unit: str) -> Iterator[str]:
    running = seen.running if seen.running is not None else {}
    for name in dict.fromkeys((*running, *on_disk)):
        if name not in on_disk or name not in running:
            where = "only in the files" if name in on_disk else "not in the files any more"
            yield f"{name} is {where}"
            continue
        new, old = on_disk[name].values, running[name].values
        for what in sorted(new.keys() & old.keys()):
            if new[what] != old[what]:
                yield f"{name}: {_changed(what, old[what], new[what])}"
        if running[name].hides_password and seen.has_newer(unit, CONF):
            yield f"{name}: {CONF} was changed, and whether {AUTH} was is not known: keepalived hides its password"


def _undefined(seen: Seen, unit: str) -> Iterator[str]:
    """What hangs on a definition is compared with nothing, so a file that was changed may have changed it."""
    if seen.has_newer(unit, CONF):
        for vrrp in seen.tree.vrrp:
            if vrrp.unknown:
                what = ", ".join(sorted(vrrp.unknown))
                yield f"{vrrp.name}: {CONF} was changed, and what became of {what} is not known"


def _conflicts(seen: Seen, on_disk: Mapping[str, Settings], others: Sequence[Seen]) -> Iterator[str]:
    for other in others:
        theirs = other.running
        if theirs is None:
            theirs = {vrrp.name: settings_of(vrrp) for vrrp in other.tree.vrrp}
        for name in (each for each in on_disk if each in theirs):
            mine, peers = on_disk[name].values, theirs[name].values
            for what in SHARED:
                if what in mine and what in peers and mine[what] != peers[what]:
                    said = "" if what in NEVER_SHOWN else f": {_shown(mine[what])}, there {_shown(peers[what])}"
                    then = "neither would take over for the other" if what == VIPS else "both would be master"
                    yield f"{name}: {what} would differ from {other.name}{said}, and {then}"


def _broken(seen: Seen, profile: Profile) -> Iterator[str]:
    """Where the published domains would lead to nothing that serves them."""
    found = upstreams_by_domain(seen.tree.nginx)
    named = {name for server in servers(seen.tree.nginx) for name in server_names(server)}
    for service in (each for each in profile.services.values() if each.domain):
        domain = service.domain or ""
        if domain not in named:
            yield f"no server of nginx would answer for {domain}"
        elif domain in found:
            live = [server.endpoint for server in found[domain].servers if not server.down]
            strange = [each for each in live if each not in _backends(profile, service, seen.name)]
            if strange:
                yield f"{domain} would be sent to {', '.join(strange)}, which is no backend of {service.name}"
            if not live:
                yield f"{domain} would be sent to no backend at all"


def _backends(profile: Profile, service: Service, node: str) -> set[str]:
    return {name for each in profile.backends_of(service) for name in backend_names(profile, service, node, each)}


def _changed(what: str, old: object, new: object) -> str:
    return f"{what} changes" if what in NEVER_SHOWN else f"{what} {_shown(new)} instead of {_shown(old)}"


def _shown(value: object) -> str:
    match value:
        case tuple():
            return ", ".join(str(each) for each in value)
        case float():
            return f"{value:g}"
        case _:
            return str(value)
