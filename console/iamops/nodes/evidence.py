"""Collects what a bundle holds of one node: logs, journals, configurations and states. Changes nothing."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass

from iamops.model.config import ConfFile
from iamops.model.profile import Profile
from iamops.model.text import cut_to
from iamops.nodes.config import ConfigUnreadable, read_tree
from iamops.nodes.keepalived import VrrpUnknown, VrrpWitness
from iamops.nodes.transport import CommandFailed, CommandResult, Transport, TransportError
from iamops.parse.config_files import ArchiveUnreadable, conf_tree
from iamops.redact.clean import fault_of_ours, words_of
from iamops.render import privileges

# Which commands tell something about a node that a bundle should hold. No I/O.

# The newest: with --since beside it, some versions of journalctl give the oldest.
JOURNAL_LINES = 20_000
# Stands in an argv for the number of bytes that may be read.
LIMIT = "LIMIT_BYTES"


@dataclass(frozen=True, slots=True)
class Ask:
    """One command whose output is a file of the bundle.

    `keeps_end`: of too much output the end counts. `says_no`: a failing command's output is wanted too.
    `most_records`: it was asked for no more, so with as many there may be older ones; 0 where it was not bounded.
    """

    name: str
    argv: tuple[str, ...]
    keeps_end: bool = False
    says_no: bool = False
    most_records: int = 0

    def argv_for(self, limit_bytes: int) -> tuple[str, ...]:
        return tuple(str(limit_bytes) if word == LIMIT else word for word in self.argv)

    @property
    def source(self) -> str:
        return shlex.join(self.argv)


def asks_of(profile: Profile, node: str) -> tuple[Ask, ...]:
    """In the order in which they stand in the archive."""
    return (
        *_versions(),
        *_host(),
        *_network(),
        *_units(profile, node),
        *_journals(profile, node),
        *_logs(profile, node),
    )


def _versions() -> Iterator[Ask]:
    yield Ask("versions/keepalived.txt", ("keepalived", "--version"))
    yield Ask("versions/nginx.txt", ("nginx", "-V"))
    yield Ask("versions/kernel.txt", ("uname", "-a"))
    yield Ask("versions/os-release.txt", ("cat", "/etc/os-release"))
    yield Ask("versions/systemd.txt", ("systemctl", "--version"))


def _host() -> Iterator[Ask]:
    yield Ask("host/uptime.txt", ("uptime",))
    yield Ask("host/date.txt", ("date", "--iso-8601=ns"))
    yield Ask("host/df.txt", ("df", "-h"), says_no=True)
    yield Ask("host/df-inodes.txt", ("df", "-i"), says_no=True)
    yield Ask("host/meminfo.txt", ("cat", "/proc/loadavg", "/proc/meminfo"))
    # Names only: arguments of processes are where passwords are typed.
    yield Ask("host/processes.txt", ("ps", "-eo", "pid,ppid,user,etimes,stat,pcpu,pmem,comm"))


def _network() -> Iterator[Ask]:
    yield Ask("network/addresses.txt", ("ip", "-d", "addr", "show"))
    yield Ask("network/links.txt", ("ip", "-s", "link", "show"))
    yield Ask("network/neighbours.txt", ("ip", "neigh", "show"))
    yield Ask("network/routes.txt", ("ip", "route", "show", "table", "all"))
    yield Ask("network/listening.txt", ("ss", "-ltn"))
    yield Ask("network/sockets.txt", ("ss", "-s"))


def _units(profile: Profile, node: str) -> Iterator[Ask]:
    services = tuple(f"{unit}.service" for unit in profile.actionable_units_on(node))
    yield Ask("units/properties.txt", ("systemctl", "show", "--no-pager", "--", *services))
    yield Ask("units/files.txt", ("systemctl", "cat", "--no-pager", "--", *services), says_no=True)
    yield Ask("units/failed.txt", ("systemctl", "list-units", "--failed", "--no-pager", "--plain"))
    yield Ask("units/timers.txt", ("systemctl", "list-timers", "--all", "--no-pager"))
    check = ("sudo", "-n", *privileges.check_nginx_config())
    yield Ask("units/nginx-check.txt", check, says_no=True)


def _journals(profile: Profile, node: str) -> Iterator[Ask]:
    """What the units said, and what everything said: a reason often stands in the line of a neighbour."""
    for unit in profile.actionable_units_on(node):
        yield Ask(
            f"journal/{unit}.log",
            (*_journal(), f"--unit={unit}.service"),
            keeps_end=True,
            most_records=JOURNAL_LINES,
        )
    yield Ask("journal/all.log", _journal(), keeps_end=True, most_records=JOURNAL_LINES)


def _journal() -> tuple[str, ...]:
    return (
        "journalctl",
        "--no-pager",
        "--quiet",
        "--output=short-iso-precise",
        f"--lines={JOURNAL_LINES}",
    )


def _logs(profile: Profile, node: str) -> Iterator[Ask]:
    yield _log("logs/access.log", profile.logs.access)
    yield _log("logs/error.log", profile.logs.error)
    yield _log("logs/notify.log", profile.logs.notify)
    for service in profile.services.values():
        if service.runs_on(node):
            yield _log(f"logs/{service.name}.log", service.log_path)


def _log(name: str, path: str) -> Ask:
    """`tail` would read a fifo for ever: its deadline ends it."""
    return Ask(name, ("tail", "-c", LIMIT, "--", path), keeps_end=True)


COMMAND_TIMEOUT_S = 8.0
AT_ONCE = 4
FILES_AT_MOST = 300
CONFIG_DIRECTORIES = ("/etc/nginx", "/etc/keepalived", "/etc/iam")
# Nothing but a secret, or nothing that can be searched for one.
_LEFT_OUT = ("*.key", "*.p12", "*.pfx", "*.jks", "*.der", "*.kdb", "*.gpg", "*.keytab", "*.so", "*.gz", "*.zst")
_WANTED = ("-xdev", "-type", "f", "-readable", "-size", "-512k")
# $1: how many files; the rest are find's words. A file that changes meanwhile is taken as it is.
_READABLE = (
    'most=$1; shift; find "$@" -print0 2>/dev/null | sort -z | head -z -n "$most" '
    "| tar -C / --null --no-recursion --ignore-failed-read -T - -cf - 2>/dev/null"
)
# $1: which end, $2: how many bytes; the rest is the command. Its exit status comes on stderr.
_BOUNDED = 'end=$1 n=$2; shift 2; { { "$@" 2>&1; echo "$?" >&3; } | "$end" -c "$n"; } 3>&2'
_KILLED_BY_PIPE = 141
MANAGED = "sudo -n iamops-config read"
READABLE = f"find {' '.join(CONFIG_DIRECTORIES)} -type f -readable"
DUMP = "keepalived/dump.txt"
DUMPED = "keepalived's data dump"


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One file of a bundle. `content` None: it could not be had, and `reason` says why.

    `left_out`: bytes that were not taken. `keeps_end`: where there is too much of it, its end counts.
    """

    name: str
    source: str
    content: bytes | None
    reason: str = ""
    left_out: bool = False
    keeps_end: bool = False


Work = Coroutine[None, None, tuple[EvidenceFile, ...]]


async def collect(
    transport: Transport, profile: Profile, *, timeout_s: float, limit_bytes: int
) -> tuple[EvidenceFile, ...]:
    """Everything that a node tells within that time, in a fixed order; what is missing says why.

    A link that breaks costs what was not read yet. `limit_bytes`: the most that is read of one file.
    """
    turns = asyncio.Semaphore(AT_ONCE)
    work: list[tuple[str, str, Work]] = [
        ("config", f"{MANAGED}; {READABLE}", _configs(transport, profile, turns)),
        (DUMP, DUMPED, _dump(transport, profile, turns)),
        *(
            (ask.name, ask.source, _asked(transport, ask, limit_bytes, turns))
            for ask in asks_of(profile, transport.node)
        ),
    ]
    tasks = [asyncio.create_task(each) for _, _, each in work]
    try:
        await asyncio.wait(tasks, timeout=timeout_s)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    told = zip(work, tasks, strict=True)
    return tuple(piece for (name, source, _), task in told for piece in _outcome(name, source, task, timeout_s))


def _outcome(
    name: str, source: str, task: asyncio.Task[tuple[EvidenceFile, ...]], timeout_s: float
) -> tuple[EvidenceFile, ...]:
    if task.cancelled():
        return (EvidenceFile(name, source, None, f"not read within {timeout_s:.0f} s"),)
    error = task.exception()
    if isinstance(error, TransportError):
        return (EvidenceFile(name, source, None, error.reason),)
    if error is not None:
        return (EvidenceFile(name, source, None, fault_of_ours(error)),)
    return task.result()


async def _asked(
    transport: Transport, ask: Ask, limit_bytes: int, turns: asyncio.Semaphore
) -> tuple[EvidenceFile, ...]:
    """One byte more than the limit is asked for: that it comes tells that there is more."""
    end = "tail" if ask.keeps_end else "head"
    argv = ("sh", "-c", _BOUNDED, "bounded", end, str(limit_bytes + 1), *ask.argv_for(limit_bytes + 1))
    async with turns:
        result = await transport.run(argv, timeout_s=COMMAND_TIMEOUT_S)
    return (_piece(ask, result, limit_bytes),)


def _piece(ask: Ask, result: CommandResult, limit_bytes: int) -> EvidenceFile:
    content, left_out = cut_to(result.stdout, limit_bytes, keeps_end=ask.keeps_end)
    status = result.stderr.strip().rpartition(b"\n")[2]
    if status == b"0" or ask.says_no or (left_out and status == str(_KILLED_BY_PIPE).encode()):
        more = bool(left_out) or 0 < ask.most_records <= _records(result.stdout)
        return EvidenceFile(ask.name, ask.source, content, left_out=more, keeps_end=ask.keeps_end)
    said = result.stdout.strip().partition(b"\n")[0] or b"exit " + status
    return EvidenceFile(ask.name, ask.source, None, words_of(said, 200))


def _records(text: bytes) -> int:
    """Entries of a journal in a short form: the further lines of one are indented."""
    return sum(1 for line in text.splitlines() if not line.startswith(b" "))


async def _configs(transport: Transport, profile: Profile, turns: asyncio.Semaphore) -> tuple[EvidenceFile, ...]:
    """The managed files through the node's own script, and every other one that the login user may read."""
    managed: Mapping[str, ConfFile] = {}
    missing: tuple[EvidenceFile, ...] = ()
    async with turns:
        try:
            managed = (await read_tree(transport, profile)).files
        except ConfigUnreadable as error:
            reason = str(error).removeprefix(f"{transport.node}: ")
            missing = (EvidenceFile("config/managed", MANAGED, None, reason),)
    async with turns:
        found = await _readable(transport, managed)
    return (*(_file(each, MANAGED) for each in managed.values()), *missing, *found)


async def _readable(transport: Transport, managed: Mapping[str, ConfFile]) -> tuple[EvidenceFile, ...]:
    names = [word for pattern in _LEFT_OUT for word in ("!", "-name", pattern)]
    words = (*CONFIG_DIRECTORIES, *_WANTED, *names)
    argv = ("sh", "-c", _READABLE, "readable", str(FILES_AT_MOST), *words)
    try:
        result = await transport.run(argv, timeout_s=COMMAND_TIMEOUT_S)
        files = conf_tree(transport.node, result.stdout).files
    except (CommandFailed, ArchiveUnreadable) as error:
        reason = error.reason if isinstance(error, CommandFailed) else str(error)
        return (EvidenceFile("config/readable", READABLE, None, reason),)
    found = tuple(_file(file, READABLE) for path, file in files.items() if path not in managed)
    if len(files) >= FILES_AT_MOST:
        return (
            *found,
            EvidenceFile("config/more", READABLE, None, f"more than {FILES_AT_MOST} files; the rest is left out"),
        )
    return found


def _file(file: ConfFile, source: str) -> EvidenceFile:
    return EvidenceFile(f"config{file.path}", source, file.content.encode("utf-8", "surrogateescape"))


async def _dump(transport: Transport, profile: Profile, turns: asyncio.Semaphore) -> tuple[EvidenceFile, ...]:
    async with turns:
        try:
            text = await VrrpWitness(transport, profile).data_text()
        except VrrpUnknown as error:
            return (EvidenceFile(DUMP, DUMPED, None, error.reason),)
    return (EvidenceFile(DUMP, DUMPED, text.encode("utf-8", "surrogateescape")),)
