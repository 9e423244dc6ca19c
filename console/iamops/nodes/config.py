"""A node's configuration files over SSH, read through the node's own script. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from iamops.model.config import ConfTree, DaemonCheck, FileListing
from iamops.model.foreign import real, whole
from iamops.model.profile import Profile
from iamops.nodes.transport import CommandFailed, Transport
from iamops.parse.config_files import (
    AT_MOST,
    ArchiveUnreadable,
    PushRecord,
    conf_tree,
    config_listing,
    push_records,
)
from iamops.redact.clean import lines_of, words_of
from iamops.render import privileges

READ_TIMEOUT_S = 10.0
DIRECTORIES = ("/etc/nginx", "/etc/keepalived")
# A link is followed: a configuration is often one. A file that changes meanwhile is taken as it is.
READABLE = (
    'find -L "$@" -xdev -type f -name "*.conf" -readable -size -512k -print0 2>/dev/null | sort -z '
    "| head -z -n 300 "
    "| tar -C / --null --no-recursion --dereference --ignore-failed-read -T - -cf - 2>/dev/null"
)
# The files named, those of them that the login user may read.
NAMED = (
    'for path in "$@"; do [ -f "$path" ] && [ -r "$path" ] && printf "%s\\0" "$path"; done '
    "| tar -C / --null --no-recursion --dereference --ignore-failed-read -T - -cf - 2>/dev/null"
)
NAMED_AT_MOST = 100
# d: a directory that the login user may look into, D: one that he may not, f: anything else, behind its links;
# l: a link itself. A directory's own time tells that something in it was removed or renamed.
LISTED = (
    'depth=$1; shift; { find -L "$@" -maxdepth "$depth" '
    '\\( -type d -readable -executable -printf "d %d %C@ %T@ %p\\0" \\) '
    '-o \\( -type d -printf "D %d %C@ %T@ %p\\0" \\) -o -printf "f %d %C@ %T@ %p\\0"; '
    'find "$@" -maxdepth "$depth" -type l -printf "l %d %C@ %T@ %p\\0"; } 2>/dev/null '
    f"| head -z -n {AT_MOST}"
)
DEPTH = 6
# What the node's script reads as root, whole.
SCRIPT_READS = frozenset({"/etc/nginx/conf.d/*.conf", "/etc/keepalived/*.conf"})
# Monotonic times of systemd, its wall times, which tell of a clock that was set since, and when processes were
# born: in ticks since the machine booted, as /proc/uptime counts. nginx may also be reloaded without systemd, or
# keep what it has: its workers are as old as what they run with.
LOADED = (
    'now=$(date +%s.%N); read -r up _ </proc/uptime; echo "now $now $up"; '
    'born() { sed "s/.*) //" "/proc/${1:-0}/stat" 2>/dev/null | cut -d" " -f20; }; '
    # Older systemd tells whole seconds only.
    'wall() { form=+%s.%N; at=$(systemctl show --timestamp=us -p "$1" --value "$2" 2>/dev/null) '
    '|| { form=+%s; at=$(systemctl show -p "$1" --value "$2"); }; '
    '[ -z "$at" ] || date -d "$at" "$form" 2>/dev/null; }; '
    'for unit in "$@"; do systemctl show -p Id -p ActiveState -p MainPID -p StateChangeTimestampMonotonic '
    '-p ExecMainStartTimestampMonotonic "$unit.service" | tr "\\n" " "; '
    'pid=$(systemctl show -p MainPID --value "$unit.service"); '
    'printf "wall=%s " "$(wall StateChangeTimestamp "$unit.service")"; '
    'printf "main=%s main_wall=%s " "$(born "$pid")" "$(wall ExecMainStartTimestamp "$unit.service")"; '
    'echo "worker=$(ps --ppid "${pid:-0}" -o pid=,args= | grep -v "shutting down" | while read -r each _; '
    'do born "$each"; done | sort -n | head -n 1)"; done'
)
# Wall times may be told in whole seconds.
STEP_S = 2.0
TICKS_PER_S = 100


@dataclass(frozen=True, slots=True)
class Loaded:
    """unit -> when it last read its files, epoch seconds of the node; and the units that do not run."""

    at: Mapping[str, float] = field(default_factory=dict)
    stopped: frozenset[str] = frozenset()


class ConfigUnreadable(Exception):
    """A node's files cannot be read; says why and what would help."""


async def read_tree(transport: Transport, profile: Profile) -> ConfTree:
    """Every managed file, and when the daemons last read theirs. Raises ConfigUnreadable, LinkLost."""
    return await with_loaded(await read_files(transport), transport, profile)


async def with_loaded(tree: ConfTree, transport: Transport, profile: Profile) -> ConfTree:
    """The tree with what its daemons tell of when they read it. Raises LinkLost."""
    loaded = await read_loaded(transport, profile)
    return replace(tree, loaded_at=loaded.at, stopped=loaded.stopped)


async def read_files(transport: Transport) -> ConfTree:
    """Every managed file. Raises ConfigUnreadable, LinkLost."""
    raw = await _ask(transport, "read")
    try:
        return conf_tree(transport.node, raw, SCRIPT_READS)
    except ArchiveUnreadable as error:
        raise ConfigUnreadable(f"{transport.node}: {error}") from None


async def read_readable(transport: Transport) -> ConfTree:
    """The files of both daemons that the login user may read by himself. Raises ConfigUnreadable, LinkLost."""
    return await _archive(transport, ("sh", "-c", READABLE, "readable", *DIRECTORIES))


async def read_named(transport: Transport, paths: Sequence[str]) -> ConfTree:
    """Those of these files that the login user may read. Raises ConfigUnreadable, LinkLost."""
    return await _archive(transport, ("sh", "-c", NAMED, "named", *paths[:NAMED_AT_MOST]))


async def read_listing(transport: Transport, directories: Sequence[str], depth: int = DEPTH) -> FileListing:
    """What lies there, as far as the login user may see; nothing where that is not told. Raises LinkLost."""
    argv = ("sh", "-c", LISTED, "listed", str(depth), *directories)
    try:
        result = await transport.run(argv, timeout_s=READ_TIMEOUT_S)
        return config_listing(result.stdout, depth)
    except (CommandFailed, ValueError):
        return FileListing()


async def read_hosts(transport: Transport) -> Mapping[str, str]:
    """name -> address, by the node's /etc/hosts; nothing where that is not told. Raises LinkLost."""
    try:
        text = (await transport.run(("cat", "/etc/hosts"), timeout_s=READ_TIMEOUT_S)).text
    except CommandFailed:
        return {}
    lines = (line.partition("#")[0].split() for line in reversed(text.splitlines()))
    return {name: words[0] for words in lines for name in words[1:]}


async def _archive(transport: Transport, argv: Sequence[str]) -> ConfTree:
    try:
        result = await transport.run(argv, timeout_s=READ_TIMEOUT_S)
        return conf_tree(transport.node, result.stdout)
    except CommandFailed as failure:
        raise ConfigUnreadable(f"{transport.node}: {failure.reason}") from None
    except ArchiveUnreadable as error:
        raise ConfigUnreadable(f"{transport.node}: {error}") from None


async def read_backup(transport: Transport, push: str) -> ConfTree:
    """The managed files as they were before a push. Raises ConfigUnreadable, LinkLost."""
    try:
        return conf_tree(transport.node, await _ask(transport, "fetch", f"{push}\n".encode()))
    except ArchiveUnreadable as error:
        raise ConfigUnreadable(f"{transport.node}: {error}") from None


async def read_pushes(transport: Transport) -> tuple[PushRecord, ...]:
    """The pushes this node remembers. Raises ConfigUnreadable, LinkLost."""
    return push_records((await _ask(transport, "history")).decode("utf-8", "replace"))


async def _ask(transport: Transport, verb: str, stdin: bytes = b"") -> bytes:
    argv = ("sudo", "-n", *privileges.config(verb))
    try:
        result = await transport.run(argv, timeout_s=READ_TIMEOUT_S, stdin=stdin)
    except CommandFailed as failure:
        raise ConfigUnreadable(f"{transport.node}: {failure.reason}") from None
    if result.ok:
        return result.stdout
    said = words_of(result.stderr.strip(), 200) or f"exit {result.exit_status}"
    if said.startswith("sudo:"):
        said += f" (install {privileges.CONFIG_SCRIPT} and the sudoers file: `iamops config render --to DIR`)"
    raise ConfigUnreadable(f"{transport.node}: {said}")


async def read_loaded(transport: Transport, profile: Profile) -> Loaded:
    """When the daemons last read their files; nothing where that is not told. Raises LinkLost."""
    try:
        return await ask_loaded(transport, profile)
    except CommandFailed:
        return Loaded()


async def ask_loaded(transport: Transport, profile: Profile) -> Loaded:
    """The same. Raises CommandFailed where the node gave no answer."""
    units = (profile.nginx.unit, profile.keepalived.unit)
    result = await transport.run(("sh", "-c", LOADED, "loaded", *units), timeout_s=READ_TIMEOUT_S)
    try:
        return loaded_times(result.text, profile.nginx.unit)
    except (ValueError, OverflowError):
        return Loaded()


def loaded_times(text: str, nginx: str) -> Loaded:
    """Of what `LOADED` prints. Where the node's clock was set forward since, the earlier time counts: the files'
    times may be as old.
    """
    first, _, rest = text.partition("\n")
    words = first.split()
    if len(words) != 3 or words[0] != "now":
        return Loaded()
    now, up = real(words[1]), real(words[2])
    if now is None or up is None:
        return Loaded()
    booted = now - up
    found, stopped = dict[str, float](), set[str]()
    for line in rest.splitlines():
        told = dict(word.partition("=")[::2] for word in line.split())
        unit = told.get("Id", "").removesuffix(".service")
        # One that crashes again and again runs with nothing, and reads what lies there.
        if told.get("ActiveState") in ("inactive", "failed", "activating"):
            stopped.add(unit)
        changed_us = whole(told.get("StateChangeTimestampMonotonic", ""))
        if told.get("ActiveState") != "active" or changed_us is None:
            continue
        at, wall = _changed_at(told, changed_us / 1e6, booted), real(told.get("wall", ""))
        set_by_s = at - wall if wall is not None else 0.0
        worker = whole(told.get("worker", ""))
        if unit == nginx and worker is not None:
            at = booted + worker / TICKS_PER_S
        found[unit] = at - set_by_s if set_by_s > STEP_S else at
    return Loaded(found, frozenset(stopped))


def _changed_at(told: Mapping[str, str], changed_s: float, booted: float) -> float:
    """When the unit's state changed. systemd's monotonic clock stands still while the machine sleeps.

    The main process tells how long it had slept before the unit started. A sleep between that and the change shows
    as time that only the wall clock counted, and that is still missing now: a clock that was set is no sleep.
    """
    at = booted + changed_s
    started, main = whole(told.get("ExecMainStartTimestampMonotonic", "")), whole(told.get("main", ""))
    if started is None or main is None:
        return at
    started_s = started / 1e6
    slept_s = main / TICKS_PER_S - started_s
    if slept_s > STEP_S:
        at += slept_s
    wall, main_wall = real(told.get("wall", "")), real(told.get("main_wall", ""))
    if wall is None or main_wall is None:
        return at
    since_s = (wall - main_wall) - (changed_s - started_s)
    if since_s > STEP_S and abs(wall - at - since_s) <= STEP_S:
        # Whole seconds may be one less or one more than that; the earlier time is the safe one.
        at += since_s if "." in told["wall"] and "." in told["main_wall"] else since_s - 1
    return at


# `nginx -t` and `keepalived -t` on a node, as it is. Changes nothing.

TIMEOUT_S = 10.0
COMMANDS = {"nginx": privileges.check_nginx_config(), "keepalived": privileges.check_keepalived_config()}


async def daemon_checks(transport: Transport) -> tuple[DaemonCheck, ...]:
    """What each says, or why it could not be asked. Raises TransportError: none could be run."""
    found: list[DaemonCheck] = []
    failed: list[CommandFailed] = []
    for daemon, argv in COMMANDS.items():
        try:
            result = await transport.run(("sudo", "-n", *argv), timeout_s=TIMEOUT_S)
        except CommandFailed as failure:
            failed.append(failure)
            found.append(DaemonCheck(transport.node, daemon, None, "", failure.reason))
            continue
        said = "\n".join(lines_of(result.stdout + result.stderr, 400))
        refused = said.startswith("sudo:")
        untold = f"{daemon} -t may not be run ({said.splitlines()[0]})" if refused else ""
        found.append(DaemonCheck(transport.node, daemon, result.exit_status, "" if refused else said, untold))
    if len(failed) == len(COMMANDS):
        raise failed[0]
    return tuple(found)
