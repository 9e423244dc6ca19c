"""A node's configuration files over SSH, when its daemons read them, and their own checks. Changes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from iamops.model.config import ConfTree, DaemonCheck, FileListing
from iamops.model.foreign import real, whole
from iamops.model.profile import Profile
from iamops.nodes.transport import CommandFailed, CommandResult, Transport
from iamops.parse.config_files import (
    AT_MOST,
    ArchiveUnreadable,
    PushRecord,
    conf_tree,
    config_listing,
    push_records,
)
from iamops.redact.clean import clean_bytes, clean_lines
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
# d: a directory that the login user may read, D: one that he may not, f: anything else, behind its links;
# l: a link itself. A directory's own time shows that something in it was removed or renamed.
LISTED = (
    'depth=$1; shift; { find -L "$@" -maxdepth "$depth" '
    '\\( -type d -readable -executable -printf "d %d %C@ %T@ %p\\0" \\) '
    '-o \\( -type d -printf "D %d %C@ %T@ %p\\0" \\) -o -printf "f %d %C@ %T@ %p\\0"; '
    'find "$@" -maxdepth "$depth" -type l -printf "l %d %C@ %T@ %p\\0"; } 2>/dev/null '
    f"| head -z -n {AT_MOST}"
)
DEPTH = 6
# What the node's script reads as root, all of it.
SCRIPT_READS = frozenset({"/etc/nginx/conf.d/*.conf", "/etc/keepalived/*.conf"})
# Monotonic times of systemd, its wall times, which show a clock that was set since, and when processes were born,
# in ticks since boot, as /proc/uptime counts. nginx may also be reloaded without systemd, or keep the files it
# has: its workers are as old as what they run with.
LOADED = (
    'now=$(date +%s.%N); read -r up _ </proc/uptime; echo "now $now $up"; '
    'born() { sed "s/.*) //" "/proc/${1:-0}/stat" 2>/dev/null | cut -d" " -f20; }; '
    # Older systemd has full seconds only.
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
# Wall times may be in full seconds.
STEP_S = 2.0
TICKS_PER_S = 100


@dataclass(frozen=True, slots=True)
class Loaded:
    """unit -> when it last read its files, epoch seconds of the node; and the units that do not run."""

    at: Mapping[str, float] = field(default_factory=dict)
    stopped: frozenset[str] = frozenset()


class ConfigUnreadable(Exception):
    """A node's files cannot be read; the message says why and what would help."""


async def read_tree(transport: Transport, profile: Profile) -> ConfTree:
    """Every managed file, and when the daemons last read theirs. Raises ConfigUnreadable, LinkLost."""
    return await with_loaded(await read_files(transport), transport, profile)


async def with_loaded(tree: ConfTree, transport: Transport, profile: Profile) -> ConfTree:
    """The tree with the times when its daemons read it, as far as they are known. Raises LinkLost."""
    loaded = Loaded()
    with contextlib.suppress(CommandFailed):
        loaded = await read_loaded(transport, profile)
    return replace(tree, loaded_at=loaded.at, stopped=loaded.stopped)


async def read_files(transport: Transport) -> ConfTree:
    """Every managed file. Raises ConfigUnreadable, LinkLost."""
    return _tree(transport.node, await _ask(transport, "read"), SCRIPT_READS)


async def read_readable(transport: Transport) -> ConfTree:
    """The files of both daemons that the login user may read himself. Raises ConfigUnreadable, LinkLost."""
    argv = ("sh", "-c", READABLE, "readable", *DIRECTORIES)
    return _tree(transport.node, (await _run(transport, argv)).stdout)


async def read_named(transport: Transport, paths: Sequence[str]) -> ConfTree:
    """Those of these files that the login user may read. Raises ConfigUnreadable, LinkLost."""
    argv = ("sh", "-c", NAMED, "named", *paths[:NAMED_AT_MOST])
    return _tree(transport.node, (await _run(transport, argv)).stdout)


async def read_backup(transport: Transport, push: str) -> ConfTree:
    """The managed files as they were before a push. Raises ConfigUnreadable, LinkLost."""
    return _tree(transport.node, await _ask(transport, "fetch", f"{push}\n".encode()))


async def read_pushes(transport: Transport) -> tuple[PushRecord, ...]:
    """The pushes this node remembers. Raises ConfigUnreadable, LinkLost."""
    return push_records((await _ask(transport, "history")).decode("utf-8", "replace"))


def _tree(node: str, archive: bytes, complete: frozenset[str] = frozenset()) -> ConfTree:
    try:
        return conf_tree(node, archive, complete)
    except ArchiveUnreadable as error:
        raise ConfigUnreadable(f"{node}: {error}") from None


async def _ask(transport: Transport, verb: str, stdin: bytes = b"") -> bytes:
    """What the node's own script answers, which runs as root."""
    result = await _run(transport, ("sudo", "-n", *privileges.config(verb)), stdin)
    if result.ok:
        return result.stdout
    reason = clean_bytes(result.stderr.strip(), 200) or f"exit {result.exit_status}"
    if reason.startswith("sudo:"):
        reason += f" (install {privileges.CONFIG_SCRIPT} and the sudoers file: `iamops config render --to DIR`)"
    raise ConfigUnreadable(f"{transport.node}: {reason}")


async def _run(transport: Transport, argv: Sequence[str], stdin: bytes = b"") -> CommandResult:
    try:
        return await transport.run(argv, timeout_s=READ_TIMEOUT_S, stdin=stdin)
    except CommandFailed as failure:
        raise ConfigUnreadable(f"{transport.node}: {failure.reason}") from None


async def read_listing(transport: Transport, directories: Sequence[str], depth: int = DEPTH) -> FileListing:
    """What the login user may see there; nothing where that is not known. Raises LinkLost."""
    argv = ("sh", "-c", LISTED, "listed", str(depth), *directories)
    try:
        result = await transport.run(argv, timeout_s=READ_TIMEOUT_S)
        return config_listing(result.stdout, depth)
    except (CommandFailed, ValueError):
        return FileListing()


async def read_hosts(transport: Transport) -> Mapping[str, str]:
    """name -> address, by the node's /etc/hosts; nothing where that is not known. Raises LinkLost."""
    try:
        text = (await transport.run(("cat", "/etc/hosts"), timeout_s=READ_TIMEOUT_S)).text
    except CommandFailed:
        return {}
    lines = (line.partition("#")[0].split() for line in reversed(text.splitlines()))
    return {name: words[0] for words in lines for name in words[1:]}


async def read_loaded(transport: Transport, profile: Profile) -> Loaded:
    """When the daemons last read their files, as far as it is known. Raises CommandFailed, LinkLost."""
    units = (profile.nginx.unit, profile.keepalived.unit)
    result = await transport.run(("sh", "-c", LOADED, "loaded", *units), timeout_s=READ_TIMEOUT_S)
    try:
        return loaded_times(result.text, profile.nginx.unit)
    except (ValueError, OverflowError):
        return Loaded()


def loaded_times(text: str, nginx: str) -> Loaded:
    """From the output of `LOADED`. Where the node's clock was set forward since, the earlier time counts: the
    files' times may be as old.
    """
    first, _, rest = text.partition("\n")
    match [real(word) for word in first.removeprefix("now ").split()]:
        case [float(now), float(up)] if first.startswith("now "):
            booted = now - up
        case _:
            return Loaded()
    found, stopped = dict[str, float](), set[str]()
    for line in rest.splitlines():
        shown = dict(word.partition("=")[::2] for word in line.split())
        unit = shown.get("Id", "").removesuffix(".service")
        # One that crashes again and again runs with nothing, and reads the files at its next start.
        if shown.get("ActiveState") in ("inactive", "failed", "activating"):
            stopped.add(unit)
        changed_us = whole(shown.get("StateChangeTimestampMonotonic", ""))
        if shown.get("ActiveState") != "active" or changed_us is None:
            continue
        at, wall = _changed_at(shown, changed_us / 1e6, booted), real(shown.get("wall", ""))
        set_by_s = at - wall if wall is not None else 0.0
        worker = whole(shown.get("worker", ""))
        if unit == nginx and worker is not None:
            at = booted + worker / TICKS_PER_S
        found[unit] = at - set_by_s if set_by_s > STEP_S else at
    return Loaded(found, frozenset(stopped))


def _changed_at(shown: Mapping[str, str], changed_s: float, booted: float) -> float:
    """When the unit's state changed. systemd's monotonic clock stands still while the machine sleeps.

    The main process shows how long it had slept before the unit started. A sleep between that and the change shows
    as time that only the wall clock counted, and that is still missing now: a clock that was set is no sleep.
    """
    at = booted + changed_s
    started, main = whole(shown.get("ExecMainStartTimestampMonotonic", "")), whole(shown.get("main", ""))
    if started is None or main is None:
        return at
    started_s = started / 1e6
    slept_s = main / TICKS_PER_S - started_s
    if slept_s > STEP_S:
        at += slept_s
    wall, main_wall = real(shown.get("wall", "")), real(shown.get("main_wall", ""))
    if wall is None or main_wall is None:
        return at
    since_s = (wall - main_wall) - (changed_s - started_s)
    if since_s > STEP_S and abs(wall - at - since_s) <= STEP_S:
        # Full seconds may be one less or one more than that; the earlier time is the safe one.
        at += since_s if "." in shown["wall"] and "." in shown["main_wall"] else since_s - 1
    return at


# `nginx -t` and `keepalived -t` on a node, as it is.
COMMANDS = {"nginx": privileges.check_nginx_config(), "keepalived": privileges.check_keepalived_config()}


async def daemon_checks(transport: Transport) -> tuple[DaemonCheck, ...]:
    """Each daemon's output, or why it could not be run. Raises TransportError where none could be."""
    found: list[DaemonCheck] = []
    failed: list[CommandFailed] = []
    for daemon, argv in COMMANDS.items():
        try:
            result = await transport.run(("sudo", "-n", *argv), timeout_s=READ_TIMEOUT_S)
        except CommandFailed as failure:
            failed.append(failure)
            found.append(DaemonCheck(transport.node, daemon, None, "", failure.reason))
            continue
        output, refused = "\n".join(clean_lines(result.stdout + result.stderr, 400)), ""
        if output.startswith("sudo:"):
            output, refused = "", f"{daemon} -t may not be run ({output.splitlines()[0]})"
        found.append(DaemonCheck(transport.node, daemon, result.exit_status, output, refused))
    if len(failed) == len(COMMANDS):
        raise failed[0]
    return tuple(found)
