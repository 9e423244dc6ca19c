"""Collects what a bundle holds of one node: logs, journals, configurations and states. Changes nothing."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from iamops.model.config import ConfFile
from iamops.model.profile import Profile
from iamops.model.text import cut_to
from iamops.nodes.config import ConfigUnreadable, read_tree
from iamops.nodes.keepalived import VrrpUnknown, VrrpWitness
from iamops.nodes.transport import CommandFailed, Transport, TransportError
from iamops.parse.config_files import ArchiveUnreadable, conf_tree
from iamops.redact.clean import clean_bytes, fault_of_ours
from iamops.render import privileges

# The newest: with --since beside it, some versions of journalctl give the oldest.
JOURNAL_LINES = 20_000
# Stands in an argv for the number of bytes that may be read.
LIMIT = "LIMIT_BYTES"


@dataclass(frozen=True, slots=True)
class EvidenceCommand:
    """One command whose output is a file of the bundle.

    `keeps_end`: of too much output the end counts. `even_failed`: a failing command's output is wanted too.
    `most_records`: no more were asked for, so with this many there may be older ones; 0 where it was not bounded.
    """

    name: str
    argv: tuple[str, ...]
    keeps_end: bool = False
    even_failed: bool = False
    most_records: int = 0

    @property
    def source(self) -> str:
        return shlex.join(self.argv)


# The same on every node: name, command; `df` fails where one file system does, and shows the others.
_COMMANDS = {
    "versions/keepalived.txt": "keepalived --version",
    "versions/nginx.txt": "nginx -V",
    "versions/kernel.txt": "uname -a",
    "versions/os-release.txt": "cat /etc/os-release",
    "versions/systemd.txt": "systemctl --version",
    "host/uptime.txt": "uptime",
    "host/date.txt": "date --iso-8601=ns",
    "host/df.txt": "df -h",
    "host/df-inodes.txt": "df -i",
    "host/meminfo.txt": "cat /proc/loadavg /proc/meminfo",
    # Names only: arguments of processes are where passwords are typed.
    "host/processes.txt": "ps -eo pid,ppid,user,etimes,stat,pcpu,pmem,comm",
    "network/addresses.txt": "ip -d addr show",
    "network/links.txt": "ip -s link show",
    "network/neighbours.txt": "ip neigh show",
    "network/routes.txt": "ip route show table all",
    "network/listening.txt": "ss -ltn",
    "network/sockets.txt": "ss -s",
}
_JOURNAL = ("journalctl", "--no-pager", "--quiet", "--output=short-iso-precise", f"--lines={JOURNAL_LINES}")


def evidence_commands(profile: Profile, node: str) -> Iterator[EvidenceCommand]:
    """In the order in which they stand in the archive."""
    for name, command in _COMMANDS.items():
        yield EvidenceCommand(name, tuple(command.split()), even_failed=command.startswith("df "))
    units = profile.actionable_units_on(node)
    services = tuple(f"{unit}.service" for unit in units)
    yield EvidenceCommand("units/properties.txt", ("systemctl", "show", "--no-pager", "--", *services))
    yield EvidenceCommand("units/files.txt", ("systemctl", "cat", "--no-pager", "--", *services), even_failed=True)
    yield EvidenceCommand("units/failed.txt", ("systemctl", "list-units", "--failed", "--no-pager", "--plain"))
    yield EvidenceCommand("units/timers.txt", ("systemctl", "list-timers", "--all", "--no-pager"))
    yield EvidenceCommand(
        "units/nginx-check.txt", ("sudo", "-n", *privileges.check_nginx_config()), even_failed=True
    )

    # The units' entries, and all entries: a reason often stands in the line of a neighbour.
    journals = {unit: (*_JOURNAL, f"--unit={unit}.service") for unit in units} | {"all": _JOURNAL}
    for name, argv in journals.items():
        yield EvidenceCommand(f"journal/{name}.log", argv, keeps_end=True, most_records=JOURNAL_LINES)

    logs = [("access", profile.logs.access), ("error", profile.logs.error), ("notify", profile.logs.notify)]
    logs += [(service.name, service.log_path) for service in profile.services.values() if service.runs_on(node)]
    for name, path in logs:
        # `tail` would read a fifo for ever: its deadline ends it.
        yield EvidenceCommand(f"logs/{name}.log", ("tail", "-c", LIMIT, "--", path), keeps_end=True)


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


Files = list[EvidenceFile]


async def collect(
    transport: Transport, profile: Profile, *, timeout_s: float, limit_bytes: int
) -> tuple[EvidenceFile, ...]:
    """Everything that a node answers within that time, in a fixed order; what is missing has a reason.

    A link that breaks costs what was not read yet. `limit_bytes`: the most that is read of one file.
    """
    turns = asyncio.Semaphore(AT_ONCE)
    deadline = asyncio.get_running_loop().time() + timeout_s

    async def read(name: str, source: str, files: Callable[[], Awaitable[Files]]) -> Files:
        try:
            async with asyncio.timeout_at(deadline), turns:
                return await files()
        except TimeoutError:
            reason = f"not read within {timeout_s:.0f} s"
        except (TransportError, VrrpUnknown) as failure:
            reason = failure.reason
        except Exception as error:
            reason = fault_of_ours(error)
        return [EvidenceFile(name, source, None, reason)]

    found = await asyncio.gather(
        read("config", f"{MANAGED}; {READABLE}", partial(_configs, transport, profile)),
        read(DUMP, DUMPED, partial(_dump, transport, profile)),
        *(
            read(command.name, command.source, partial(_asked, transport, command, limit_bytes))
            for command in evidence_commands(profile, transport.node)
        ),
    )
    return tuple(file for files in found for file in files)


async def _asked(transport: Transport, command: EvidenceCommand, limit_bytes: int) -> Files:
    # One byte more than the limit: if it comes, there is more.
    most = str(limit_bytes + 1)
    words = (most if word == LIMIT else word for word in command.argv)
    argv = ("sh", "-c", _BOUNDED, "bounded", "tail" if command.keeps_end else "head", most, *words)
    result = await transport.run(argv, timeout_s=COMMAND_TIMEOUT_S)
    content, left_out = cut_to(result.stdout, limit_bytes, keeps_end=command.keeps_end)
    status = result.stderr.strip().rpartition(b"\n")[2]
    if status == b"0" or command.even_failed or (left_out and status == str(_KILLED_BY_PIPE).encode()):
        # Of a journal in short form: the further lines of an entry are indented.
        records = sum(1 for line in result.stdout.splitlines() if not line.startswith(b" "))
        more = bool(left_out) or 0 < command.most_records <= records
        return [EvidenceFile(command.name, command.source, content, left_out=more, keeps_end=command.keeps_end)]
    reason = result.stdout.strip().partition(b"\n")[0] or b"exit " + status
    return [EvidenceFile(command.name, command.source, None, clean_bytes(reason, 200))]


async def _configs(transport: Transport, profile: Profile) -> Files:
    """The managed files through the node's own script, and every other one that the login user may read."""
    managed: Mapping[str, ConfFile] = {}
    found: list[EvidenceFile] = []
    try:
        managed = (await read_tree(transport, profile)).files
        found += [_config_file(file, MANAGED) for file in managed.values()]
    except ConfigUnreadable as error:
        reason = str(error).removeprefix(f"{transport.node}: ")
        found.append(EvidenceFile("config/managed", MANAGED, None, reason))

    left_out = [word for pattern in _LEFT_OUT for word in ("!", "-name", pattern)]
    conditions = (*CONFIG_DIRECTORIES, *_WANTED, *left_out)
    argv = ("sh", "-c", _READABLE, "readable", str(FILES_AT_MOST), *conditions)
    try:
        result = await transport.run(argv, timeout_s=COMMAND_TIMEOUT_S)
        files = conf_tree(transport.node, result.stdout).files
    except (CommandFailed, ArchiveUnreadable) as error:
        reason = error.reason if isinstance(error, CommandFailed) else str(error)
        return [*found, EvidenceFile("config/readable", READABLE, None, reason)]
    found += [_config_file(file, READABLE) for path, file in files.items() if path not in managed]
    if len(files) >= FILES_AT_MOST:
        reason = f"more than {FILES_AT_MOST} files; the rest is left out"
        found.append(EvidenceFile("config/more", READABLE, None, reason))
    return found


def _config_file(file: ConfFile, source: str) -> EvidenceFile:
    return EvidenceFile(f"config{file.path}", source, file.content.encode("utf-8", "surrogateescape"))


async def _dump(transport: Transport, profile: Profile) -> Files:
    text = await VrrpWitness(transport, profile).data_text()
    return [EvidenceFile(DUMP, DUMPED, text.encode("utf-8", "surrogateescape"))]
