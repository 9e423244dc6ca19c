"""What a daemon would do with the files on disk, beside what it does now and what its peers do. Pure.

A reload or a restart reads whatever lies there. What would make two masters or send requests nowhere is a
conflict; any other setting of VRRP that would become another one is a difference; nginx's other changes are news,
for it is reloaded to take them. What may have changed and cannot be compared is unknown: what is not compared is
not the same.

Where a daemon runs with exactly the files that are there, what it would load is what runs. Then its own word
counts alone: how its files are read here says nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from iamops.judge.disk.disk import Disk, is_meant, newly_included, other_rest, uncompared
from iamops.judge.disk.requests import Files, answers
from iamops.judge.disk.routes import CheckTarget, Routes, check_target
from iamops.judge.lint.tree import ConfigTree
from iamops.model.config import KEEPALIVED_CONF, NGINX_CONF, ConfFile
from iamops.model.profile import Profile
from iamops.model.running import LiveVrrp, Unloaded
from iamops.parse.directives import Mistake, ReadFile
from iamops.parse.keepalived.conf import INCLUDES
from iamops.parse.keepalived.settings import (
    ADVERT,
    AUTH,
    COMMAND,
    ROUTER_ID,
    UNICAST,
    VERSION,
    VIPS,
    BlockSettings,
    VrrpSettings,
    blocks_on_disk,
    check_key,
    settings_of,
)
from iamops.parse.keepalived.vrrp import VrrpConf
from iamops.parse.nginx.conf import nginx_conf
from iamops.render.nodefiles import CHECK_SCRIPT, nginx_texts

# Nodes that disagree on these do not hear each other.
SHARED = (ROUTER_ID, ADVERT, VERSION, AUTH, VIPS, UNICAST)
NEVER_SHOWN = (AUTH,)
# A reload may leave the daemon with what it had: `reload_check_config` refuses files, `reload_time_file` waits.
RELOADS_LATER = ("reload_check_config", "reload_time_file")


@dataclass(frozen=True, slots=True)
class KeepalivedFiles:
    """One node: its files, and what its keepalived runs with.

    `running` None: it is stopped, or does not tell, for the reason `unavailable`.
    `rest`: what else it tells of what it runs with. `live`: all of that as plans ask for it. `hosts`: name ->
    address, by its /etc/hosts. `intended`: keepalived's file as the profile renders it; `rendered`: nginx's files
    and keepalived's check; None: by the built-in templates.
    """

    tree: ConfigTree
    running: Mapping[str, VrrpSettings] | None = field(default=None, repr=False)
    rest: BlockSettings = field(default_factory=dict, repr=False)
    live: Mapping[str, LiveVrrp] = field(default_factory=dict)
    intended: ReadFile | None = field(default=None, repr=False)
    unavailable: str = "it does not tell"
    hosts: Mapping[str, str] = field(default_factory=dict)
    rendered: Mapping[str, str] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.tree.name


def keepalived_unloaded(
    seen: KeepalivedFiles, others: Sequence[KeepalivedFiles], unit: str, absent: Mapping[str, str] | None = None
) -> Unloaded:
    """What keepalived's files on this node would change, and where they contradict the other nodes.

    `absent`: other nodes that were not inspected, each with the reason.
    """
    disk, reading = _keepalived(seen, unit), seen.tree.keepalived
    mistakes = [mistake for mistake in reading.mistakes if not mistake.known and disk.edited(mistake.file)]
    if refused := [mistake for mistake in mistakes if not mistake.ignored]:
        return Unloaded(conflicts=(_mistake_text(refused[0]),), files=disk.files)
    on_disk = _on_disk(seen, disk)
    differences, unknown = list[str](), [*_unknown(seen, disk), *map(_mistake_text, mistakes)]
    if seen.running is not None:
        global_defs = reading.all("global_defs")
        reloads_later = any(block.first(name) for block in global_defs for name in RELOADS_LATER)
        if not disk.is_loaded or reloads_later:
            differences += _differences(seen, seen.running, on_disk, disk)
        if not disk.is_loaded:
            differences += other_rest(seen.rest, blocks_on_disk(reading, whole=not disk.sources.unavailable))
    (differences if disk.newer else unknown).extend(_uncompared(seen, disk))
    unknown += _unreported(seen, on_disk, disk)
    peers, unseen = dict[str, Mapping[str, VrrpSettings]](), list[str]()
    for node, why in (absent or {}).items():
        unseen.append(_not_compared_with(node, why))
    for other in others:
        theirs, there = _running_or_on_disk(other, unit), _keepalived(other, unit)
        if theirs is None:
            # A keepalived that starts beside one whose files changed could be a second master.
            notes = unknown if disk.stopped and there.newer else unseen
            notes.append(_not_compared_with(other.name, other.unavailable))
            continue
        peers[other.name] = theirs
        if other.running is None and there.sources.unavailable:
            unseen.append(_not_compared_with(other.name, f"{', '.join(there.sources.unavailable)} was not read"))
    if disk.is_loaded:
        reported = {other.name: other.running for other in others if other.running is not None}
        conflicts = tuple(_conflicts(seen.running or {}, reported))
    else:
        conflicts = tuple(_conflicts(on_disk, peers))
    return Unloaded(tuple(differences), conflicts, unknown=tuple(unknown), unseen=tuple(unseen), files=disk.files)


def nginx_unloaded(seen: KeepalivedFiles, profile: Profile) -> Unloaded:
    """What nginx's files on this node would change. Nothing where nginx has read them as they are."""
    disk = Disk.of(seen.tree.conf, profile.nginx.unit, NGINX_CONF, seen.tree.nginx)
    if disk.is_loaded:
        # It goes on as it does, no matter who wrote the files and what they mean.
        return Unloaded()
    rendered = nginx_texts(profile, seen.name) if seen.rendered is None else seen.rendered
    known, since = nginx_conf(rendered), disk.edited if disk.touched else disk.changed
    new = newly_included(seen.tree.nginx, known, disk.sources.files, since)
    missed, taken_out = list[str](), list[str]()
    for path in disk.may_have_held:
        # A directory that only lost something may have held more if files of the profile lie there.
        if path not in disk.touched or any(file.path in rendered for file in _in(seen.tree, path)):
            missed.append(path)
    for directory in disk.touched:
        # Where all that lies there is what the profile wants, nothing is missed.
        there = _in(seen.tree, directory)
        if not there or any(rendered.get(file.path) != file.content for file in there):
            taken_out.append(f"what may have been taken out of {directory} is not known")
    files = Files(
        seen.tree.nginx,
        known,
        changed=lambda path: path in new or since(path),
        paths=disk.sources.files,
        newer=tuple(missed),
        complete=not disk.sources.unavailable,
    )
    routes = Routes(seen.tree.nginx, profile, seen.name, seen.hosts)
    checks = _check_target(seen, profile.keepalived.unit, rendered.get(CHECK_SCRIPT, ""))
    found = answers(files, profile, check=checks.own_host, unlike=routes.unlike())
    conflicts = tuple(dict.fromkeys((*routes.broken(complete=files.complete), *found.wrong)))
    news = tuple(f"{path} was changed after nginx had read it" for path in disk.newer)
    unread = dict.fromkeys((*disk.unread, *(path for path in disk.sources.unavailable if path in new)))
    unknown = tuple(f"{path} was not read" for path in unread)
    unseen = (*routes.unresolved(), *taken_out)
    # Where only directories changed, nginx answers a check as it did: by the files that it has read.
    unshown = (*found.unshown, *(checks.unknown if disk.files or not disk.touched else ()))
    # What does not run answers nobody: what it would do is reported, and only what is surely wrong refuses.
    (unseen, unknown) = ((*unseen, *unshown), unknown) if disk.stopped else (unseen, (*unknown, *unshown))
    return Unloaded(conflicts=conflicts, pending=news, unknown=unknown, unseen=unseen, files=disk.files)


def _in(tree: ConfigTree, directory: str) -> list[ConfFile]:
    return [file for path, file in tree.files.items() if posixpath.dirname(path) == directory]


def _check_target(seen: KeepalivedFiles, unit: str, script: str) -> CheckTarget:
    """What keepalived asks; where it does not tell, by its files. One that is stopped asks nothing now."""
    files, reading = seen.tree.files, seen.tree.keepalived
    rest = blocks_on_disk(reading) if seen.running is None else seen.rest
    found = check_target(rest, reading, seen.tree.nginx, files, script)
    if unit in seen.tree.conf.stopped:
        return CheckTarget(found.own_host)
    if seen.running is None and KEEPALIVED_CONF not in files:
        why = f"what keepalived checks is not known ({seen.unavailable}; its file was not read)"
        return CheckTarget(found.own_host, (why,))
    return found


def current_units(seen: KeepalivedFiles, profile: Profile) -> frozenset[str]:
    """The units that run with exactly the files that are there."""
    nginx = profile.nginx.unit
    disks = {
        nginx: Disk.of(seen.tree.conf, nginx, NGINX_CONF, seen.tree.nginx),
        profile.keepalived.unit: _keepalived(seen, profile.keepalived.unit),
    }
    return frozenset(unit for unit, disk in disks.items() if disk.is_loaded and not disk.stopped)


def _keepalived(seen: KeepalivedFiles, unit: str) -> Disk:
    return Disk.of(seen.tree.conf, unit, KEEPALIVED_CONF, seen.tree.keepalived)


def _on_disk(seen: KeepalivedFiles, disk: Disk) -> Mapping[str, VrrpSettings]:
    """What the files say of the instances that are surely theirs."""
    complete = not disk.sources.unavailable
    return {vrrp.name: settings_of(vrrp, whole=complete) for vrrp in seen.tree.vrrp if not _is_open(vrrp)}


def _is_open(vrrp: VrrpConf) -> bool:
    """The name itself hangs on a definition or a sequence, or the whole instance on a conditional."""
    return vrrp.conditional or not {"$", "~"}.isdisjoint(vrrp.name)


def _mistake_text(mistake: Mistake) -> str:
    return f"{mistake.file}:{mistake.line}: {mistake.message}"


def _differences(
    seen: KeepalivedFiles, running: Mapping[str, VrrpSettings], on_disk: Mapping[str, VrrpSettings], disk: Disk
) -> Iterator[str]:
    # A definition, or an include that is not followed, may bring an instance.
    blocks = seen.tree.keepalived.directives
    may_hold_more = any(block.name.startswith("$") or block.name in INCLUDES for block in blocks)
    complete = not disk.sources.unavailable and not may_hold_more and not any(map(_is_open, seen.tree.vrrp))
    for name in dict.fromkeys((*running, *on_disk)):
        if name in on_disk and name in running:
            new, old = on_disk[name].values, running[name].values
            for what in sorted(new.keys() & old.keys()):
                if new[what] != old[what]:
                    shown = (
                        "changes" if what in NEVER_SHOWN else f"{_shown(new[what])} instead of {_shown(old[what])}"
                    )
                    yield f"{name}: {what} {shown}"
        elif name in on_disk:
            yield f"{name} is only in the files"
        elif complete:
            yield f"{name} is not in the files any more"


def _unknown(seen: KeepalivedFiles, disk: Disk) -> Iterator[str]:
    """What keepalived would load, or runs with, and nobody knows."""
    if disk.is_loaded:
        return
    yield from (f"{path} was not read" for path in disk.unread)
    if seen.running is None and not disk.stopped:
        yield f"what it runs with is not known ({seen.unavailable}), and {disk.why}"


def _uncompared(seen: KeepalivedFiles, disk: Disk) -> Iterator[str]:
    """What a daemon hides, or what hangs on a definition, is compared with nothing: it may be another one now."""
    if disk.is_loaded or seen.running is None:
        return
    for name, settings in seen.running.items():
        if settings.hides_password:
            yield f"{name}: {disk.why}, and whether {AUTH} did is not known: keepalived hides its password"
    for vrrp in seen.tree.vrrp:
        if vrrp.unknown or _is_open(vrrp):
            what = ", ".join(sorted(vrrp.unknown)) or "the instance"
            yield f"{vrrp.name}: {disk.why}, and what became of {what} is not known"


def _unreported(seen: KeepalivedFiles, on_disk: Mapping[str, VrrpSettings], disk: Disk) -> Iterator[str]:
    """The settings of a newer file that a running daemon does not tell: they are not taken for the same.

    A file that says what the profile does is not an edit: all that keepalived tells has been compared with it.
    """
    changed, reading = {*disk.newer, *disk.unsure}, seen.tree.keepalived
    if seen.running is None or changed <= set(disk.unread):
        return
    if is_meant(reading, seen.intended):
        own = [seen.running.get(v.name, VrrpSettings()) for v in seen.tree.vrrp if v.auth_type is not None]
        # Every password of the file is compared with something, or known to be hidden.
        if all(settings.hides_password or AUTH in settings.values for settings in own):
            return
    running, read = (seen.running, seen.rest), (on_disk, blocks_on_disk(reading))
    what = uncompared(reading, running, read, changed, KEEPALIVED_CONF)
    yield f"{disk.why}, and keepalived does not tell all that it has read: not compared are {what}"


def _running_or_on_disk(other: KeepalivedFiles, unit: str) -> Mapping[str, VrrpSettings] | None:
    """What another keepalived runs with, or would: its files, where it is stopped or has read them as they are."""
    if other.running is not None:
        return other.running
    disk = _keepalived(other, unit)
    return _on_disk(other, disk) if disk.stopped or disk.is_loaded else None


def _not_compared_with(node: str, why: str) -> str:
    return f"what keepalived on {node} runs with is not known ({why}), so it is not compared with it"


def _conflicts(
    on_disk: Mapping[str, VrrpSettings], others: Mapping[str, Mapping[str, VrrpSettings]]
) -> Iterator[str]:
    for other, theirs in others.items():
        for name in (name for name in on_disk if name in theirs):
            mine, peers = on_disk[name].values, theirs[name].values
            for what in SHARED:
                if what in mine and what in peers and mine[what] != peers[what]:
                    shown = "" if what in NEVER_SHOWN else f": {_shown(mine[what])}, there {_shown(peers[what])}"
                    then = "neither would take over for the other" if what == VIPS else "both would be master"
                    yield f"{name}: {what} would differ from {other}{shown}, and {then}"


def _shown(value: object) -> str:
    match value:
        case tuple():
            return ", ".join(map(str, value))
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def decides_s(seen: KeepalivedFiles) -> float | None:
    """From a change that makes a check fail to the FAULT, at most, by the slowest check. None: not known."""
    slowest_s = None
    for rest in (seen.rest, blocks_on_disk(seen.tree.keepalived)):
        for check in (values for name, values in rest.items() if name.startswith(check_key(""))):
            interval, fall, timeout = (check.get(word) for word in ("interval", "fall", "timeout"))
            if not isinstance(interval, int) or not isinstance(fall, int):
                return None
            # A check without a timeout has its interval as one.
            decides_s = float(fall * interval + (timeout if isinstance(timeout, int) else interval))
            slowest_s = max(slowest_s or 0.0, decides_s)
    return slowest_s


def known_checks(seen: KeepalivedFiles, path: str, script: str) -> tuple[tuple[str, ...], ...]:
    """Commands that ask what keepalived asks: where it runs only the file at `path`, and that is `script`."""
    commands = [rest.get(COMMAND) for name, rest in seen.rest.items() if name.startswith(check_key(""))]
    file = seen.tree.files.get(path)
    if seen.running is None or file is None or file.content != script:
        return ()
    found = [command for command in commands if isinstance(command, tuple) and command[0] == path]
    if len(found) != len(commands):
        return ()
    return tuple(dict.fromkeys(("bash", "-c", script, *command) for command in found))
