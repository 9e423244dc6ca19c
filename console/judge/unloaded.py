"""What a daemon would do with the files on disk, beside what it does now and what its peers do. Pure.

A reload or a restart reads whatever lies there. What would make two masters or send requests nowhere is a
conflict; any other setting of VRRP that would become another one is a difference; nginx's other changes are news,
for it is reloaded to take them. What may have changed and cannot be compared is unknown: what is not compared is
not the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from console.judge.lint.tree import Tree
from console.judge.nginx_requests import answers, check_asks
from console.judge.sources import Sources, Times, is_pattern
from console.judge.unloaded_nginx import broken, strangers, unlike
from console.judge.unloaded_rest import is_meant, other_rest, uncompared
from console.model.live import LiveVrrp
from console.model.profile import Profile
from console.model.proxy import Unloaded
from console.parse.directives import Reading
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
from console.parse.vrrp_conf import VrrpConf
from console.parse.vrrp_rest import Rest, rest_on_disk
from console.render.nodefiles import CHECK_SCRIPT

# Nodes that disagree on these do not hear each other.
SHARED = (ROUTER_ID, ADVERT, VERSION, AUTH, VIPS, UNICAST)
NEVER_SHOWN = (AUTH,)
KEEPALIVED_CONF, NGINX_CONF = "/etc/keepalived/keepalived.conf", "/etc/nginx/nginx.conf"


@dataclass(frozen=True, slots=True)
class Seen:
    """One node: its files, and what its keepalived runs with. `running` None: it is stopped, or `untold` says why.

    `rest`: what else it tells of what it runs with. `live`: all of that as plans ask for it. `meant`: keepalived's
    file as the profile renders it.
    `answering`: the domains that its nginx answers now. `hosts`: name -> address, by its /etc/hosts.
    """

    tree: Tree
    running: Mapping[str, Settings] | None = field(default=None, repr=False)
    rest: Rest = field(default_factory=dict, repr=False)
    live: Mapping[str, LiveVrrp] = field(default_factory=dict)
    meant: Reading | None = field(default=None, repr=False)
    untold: str = "it does not tell"
    answering: frozenset[str] = frozenset()
    hosts: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.tree.name


@dataclass(frozen=True, slots=True)
class _Disk:
    """What a unit would read. `newer`, `unsure`: what was, or may have been, changed after it had read it."""

    sources: Sources
    newer: tuple[str, ...]
    unsure: tuple[str, ...]
    stopped: bool

    @classmethod
    def of(cls, seen: Seen, unit: str, root: str, reading: Reading) -> _Disk:
        sources, times = Sources.of(seen.tree.conf, root, reading), Times(seen.tree.conf, unit)
        # What a pattern means where nobody could look may have been changed in place.
        paths = (*sources.files, *sources.watched, *filter(is_pattern, sources.unread))
        return cls(sources, times.newer(paths), times.unsure(paths), unit in seen.tree.conf.stopped)

    @property
    def is_loaded(self) -> bool:
        """The unit runs with exactly these files."""
        return not self.newer and not self.unsure

    @property
    def unread(self) -> tuple[str, ...]:
        """What was not read here, and may differ from what the unit has read."""
        return tuple(path for path in self.sources.unread if path in self.newer or path in self.unsure)

    @property
    def files(self) -> tuple[str, ...]:
        """Those that the unit has not read as they are, or may not have."""
        told = dict.fromkeys((*self.newer, *self.unsure))
        return tuple(path for path in told if path in self.sources.files or is_pattern(path))

    def changed(self, path: str) -> bool:
        """May the file mean something else now? A directory that changed may have lost what came before it."""
        since = (*self.newer, *self.unsure)
        return path in since or any(each in self.sources.watched for each in since)

    @property
    def why(self) -> str:
        if self.newer:
            return f"{', '.join(self.newer)} changed after it had read its files"
        return "whether its files changed after it had read them is not known either"


def keepalived_unloaded(
    seen: Seen, others: Sequence[Seen], unit: str, absent: Mapping[str, str] | None = None
) -> Unloaded:
    """What keepalived's files on this node would change, and where they contradict the other nodes.

    `absent`: other nodes that were not looked at, each with the reason.
    """
    if wrong := [each for each in seen.tree.keepalived.mistakes if not each.known]:
        return Unloaded(conflicts=tuple(f"{each.file}:{each.line}: {each.message}" for each in wrong[:1]))
    disk = _keepalived(seen, unit)
    on_disk = {vrrp.name: settings_of(vrrp) for vrrp in seen.tree.vrrp if not _is_open(vrrp.name)}
    differences, unknown = list[str](), list(_unknown(seen, disk))
    if seen.running is not None:
        differences += _differences(seen, on_disk, disk)
        if not disk.is_loaded:
            differences += other_rest(seen.rest, rest_on_disk(seen.tree.keepalived))
    (differences if disk.newer else unknown).extend(_uncompared(seen, disk))
    unknown += _untold(seen, on_disk, disk)
    peers = dict[str, Mapping[str, Settings]]()
    unseen = [_unlike(node, why) for node, why in (absent or {}).items()]
    for other in others:
        theirs, there = _theirs(other, unit), _keepalived(other, unit)
        if theirs is None:
            # A keepalived that starts beside one whose files changed could be a second master.
            (unknown if disk.stopped and there.newer else unseen).append(_unlike(other.name, other.untold))
            continue
        peers[other.name] = theirs
        if other.running is None and there.sources.unread:
            unseen.append(_unlike(other.name, f"{', '.join(there.sources.unread)} was not read"))
    conflicts = tuple(_conflicts(on_disk, peers))
    return Unloaded(tuple(differences), conflicts, unknown=tuple(unknown), unseen=tuple(unseen), files=disk.files)


def nginx_unloaded(seen: Seen, profile: Profile) -> Unloaded:
    """What nginx's files on this node would change. Nothing where nginx has read them as they are."""
    disk = _Disk.of(seen, profile.nginx.unit, NGINX_CONF, seen.tree.nginx)
    conflicts = tuple(
        broken(
            seen.tree.nginx,
            profile,
            seen.name,
            seen.hosts,
            whole=not disk.sources.unread,
            # Requests that are answered now cannot be answered by files without a server for them.
            only=seen.answering if disk.is_loaded else None,
        )
    )
    if disk.is_loaded:
        return Unloaded(conflicts=conflicts)
    news = tuple(f"{path} was changed after nginx had read it" for path in disk.newer)
    unknown = tuple(f"{path} was not read" for path in disk.unread)
    unseen = tuple(strangers(seen.tree.nginx, profile, seen.name, seen.hosts))
    found = answers(
        seen.tree.nginx,
        profile,
        disk.changed,
        whole=not disk.sources.unread,
        check=_asks_nginx(seen),
        unlike=unlike(seen.tree.nginx, profile, seen.name, seen.hosts),
    )
    # What does not run answers nobody: what it would do is told, and only what is known to be wrong refuses.
    (unseen, unknown) = (
        ((*unseen, *found.unshown), unknown) if disk.stopped else (unseen, (*unknown, *found.unshown))
    )
    conflicts = tuple(dict.fromkeys((*conflicts, *found.wrong)))
    return Unloaded(conflicts=conflicts, news=news, unknown=unknown, unseen=unseen, files=disk.files)


def _asks_nginx(seen: Seen) -> bool:
    """keepalived's check is ours, and asks nginx by a host of its own."""
    texts = {path: file.content for path, file in seen.tree.files.items()}
    return check_asks(texts, tuple(each.script for each in seen.tree.checks), CHECK_SCRIPT)


def current_units(seen: Seen, profile: Profile) -> frozenset[str]:
    """The units that run with exactly the files that are there."""
    nginx = profile.nginx.unit
    disks = {
        nginx: _Disk.of(seen, nginx, NGINX_CONF, seen.tree.nginx),
        profile.keepalived.unit: _keepalived(seen, profile.keepalived.unit),
    }
    return frozenset(unit for unit, disk in disks.items() if disk.is_loaded and not disk.stopped)


def _keepalived(seen: Seen, unit: str) -> _Disk:
    return _Disk.of(seen, unit, KEEPALIVED_CONF, seen.tree.keepalived)


def _is_open(name: str) -> bool:
    """The name itself hangs on a definition or a sequence."""
    return not {"$", "~"}.isdisjoint(name)


def _differences(seen: Seen, on_disk: Mapping[str, Settings], disk: _Disk) -> Iterator[str]:
    running = seen.running if seen.running is not None else {}
    whole = not disk.sources.unread and not any(_is_open(vrrp.name) for vrrp in seen.tree.vrrp)
    for name in dict.fromkeys((*running, *on_disk)):
        if name in on_disk and name in running:
            new, old = on_disk[name].values, running[name].values
            for what in sorted(new.keys() & old.keys()):
                if new[what] != old[what]:
                    yield f"{name}: {_changed(what, old[what], new[what])}"
        elif name in on_disk:
            yield f"{name} is only in the files"
        elif whole:
            yield f"{name} is not in the files any more"


def _unknown(seen: Seen, disk: _Disk) -> Iterator[str]:
    """What keepalived would load, or runs with, and nobody knows."""
    if disk.is_loaded:
        return
    yield from (f"{path} was not read" for path in disk.unread)
    if seen.running is None and not disk.stopped:
        yield f"what it runs with is not known ({seen.untold}), and {disk.why}"


def _uncompared(seen: Seen, disk: _Disk) -> Iterator[str]:
    """What a daemon hides, or what hangs on a definition, is compared with nothing: it may be another one now."""
    if disk.is_loaded or seen.running is None:
        return
    for name in (each for each, settings in seen.running.items() if settings.hides_password):
        yield f"{name}: {disk.why}, and whether {AUTH} did is not known: keepalived hides its password"
    for vrrp in (each for each in seen.tree.vrrp if each.unknown or _is_open(each.name)):
        what = ", ".join(sorted(vrrp.unknown)) or "its name"
        yield f"{vrrp.name}: {disk.why}, and what became of {what} is not known"


def _untold(seen: Seen, on_disk: Mapping[str, Settings], disk: _Disk) -> Iterator[str]:
    """The settings of a newer file that a running daemon does not tell: they are not taken for the same.

    A file that says what the profile does is no one's edit: all that is told has been compared with it.
    """
    changed, reading = {*disk.newer, *disk.unsure}, seen.tree.keepalived
    if seen.running is None or changed <= set(disk.unread):
        return
    if is_meant(reading, seen.meant) and all(_tells_password(seen.running, vrrp) for vrrp in seen.tree.vrrp):
        return
    running, read = (seen.running, seen.rest), (on_disk, rest_on_disk(reading))
    what = uncompared(reading, running, read, changed, KEEPALIVED_CONF)
    yield f"{disk.why}, and keepalived does not tell all that it has read: not compared are {what}"


def _tells_password(running: Mapping[str, Settings], vrrp: VrrpConf) -> bool:
    """Is the file's password compared with something, or said to be hidden?"""
    own = running.get(vrrp.name, Settings())
    return vrrp.auth_type is None or own.hides_password or AUTH in own.values


def _theirs(other: Seen, unit: str) -> Mapping[str, Settings] | None:
    """What another keepalived runs with, or would: its files, where it is stopped or has read them as they are."""
    if other.running is not None:
        return other.running
    disk = _keepalived(other, unit)
    if disk.stopped or disk.is_loaded:
        return {vrrp.name: settings_of(vrrp) for vrrp in other.tree.vrrp}
    return None


def _unlike(node: str, why: str) -> str:
    return f"what keepalived on {node} runs with is not known ({why}), so it is not compared with it"


def _conflicts(on_disk: Mapping[str, Settings], others: Mapping[str, Mapping[str, Settings]]) -> Iterator[str]:
    for other, theirs in others.items():
        for name in (each for each in on_disk if each in theirs):
            mine, peers = on_disk[name].values, theirs[name].values
            for what in SHARED:
                if what in mine and what in peers and mine[what] != peers[what]:
                    said = "" if what in NEVER_SHOWN else f": {_shown(mine[what])}, there {_shown(peers[what])}"
                    then = "neither would take over for the other" if what == VIPS else "both would be master"
                    yield f"{name}: {what} would differ from {other}{said}, and {then}"


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
