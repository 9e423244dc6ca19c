"""Collects what a bundle holds of one node: logs, journals, configurations and states. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass

from console.model.config import ConfFile
from console.model.profile import Profile
from console.nodes.config_files import ConfigUnreadable, read_tree
from console.nodes.evidence_list import Ask, asks_of
from console.nodes.keepalived import VrrpUnknown, VrrpWitness
from console.nodes.transport import CommandFailed, CommandResult, Transport, TransportError
from console.parse.config_archive import ArchiveUnreadable, conf_tree
from console.parse.cut_text import cut_to
from console.parse.own_fault import fault_of_ours
from console.parse.words import words_of

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
class Piece:
    """One file of a bundle. `content` None: it could not be had, and `reason` says why.

    `left_out`: bytes that were not taken. `keeps_end`: where there is too much of it, its end counts.
    """

    name: str
    source: str
    content: bytes | None
    reason: str = ""
    left_out: bool = False
    keeps_end: bool = False


Work = Coroutine[None, None, tuple[Piece, ...]]


async def collect(
    transport: Transport, profile: Profile, *, timeout_s: float, limit_bytes: int
) -> tuple[Piece, ...]:
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


def _outcome(name: str, source: str, task: asyncio.Task[tuple[Piece, ...]], timeout_s: float) -> tuple[Piece, ...]:
    if task.cancelled():
        return (Piece(name, source, None, f"not read within {timeout_s:.0f} s"),)
    error = task.exception()
    if isinstance(error, TransportError):
        return (Piece(name, source, None, error.reason),)
    if error is not None:
        return (Piece(name, source, None, fault_of_ours(error)),)
    return task.result()


async def _asked(transport: Transport, ask: Ask, limit_bytes: int, turns: asyncio.Semaphore) -> tuple[Piece, ...]:
    """One byte more than the limit is asked for: that it comes tells that there is more."""
    end = "tail" if ask.keeps_end else "head"
    argv = ("sh", "-c", _BOUNDED, "bounded", end, str(limit_bytes + 1), *ask.argv_for(limit_bytes + 1))
    async with turns:
        result = await transport.run(argv, timeout_s=COMMAND_TIMEOUT_S)
    return (_piece(ask, result, limit_bytes),)


def _piece(ask: Ask, result: CommandResult, limit_bytes: int) -> Piece:
    content, left_out = cut_to(result.stdout, limit_bytes, keeps_end=ask.keeps_end)
    status = result.stderr.strip().rpartition(b"\n")[2]
    if status == b"0" or ask.says_no or (left_out and status == str(_KILLED_BY_PIPE).encode()):
        more = bool(left_out) or 0 < ask.most_records <= _records(result.stdout)
        return Piece(ask.name, ask.source, content, left_out=more, keeps_end=ask.keeps_end)
    said = result.stdout.strip().partition(b"\n")[0] or b"exit " + status
    return Piece(ask.name, ask.source, None, words_of(said, 200))


def _records(text: bytes) -> int:
    """Entries of a journal in a short form: the further lines of one are indented."""
    return sum(1 for line in text.splitlines() if not line.startswith(b" "))


async def _configs(transport: Transport, profile: Profile, turns: asyncio.Semaphore) -> tuple[Piece, ...]:
    """The managed files through the node's own script, and every other one that the login user may read."""
    managed: Mapping[str, ConfFile] = {}
    missing: tuple[Piece, ...] = ()
    async with turns:
        try:
            managed = (await read_tree(transport, profile)).files
        except ConfigUnreadable as error:
            reason = str(error).removeprefix(f"{transport.node}: ")
            missing = (Piece("config/managed", MANAGED, None, reason),)
    async with turns:
        found = await _readable(transport, managed)
    return (*(_file(each, MANAGED) for each in managed.values()), *missing, *found)


async def _readable(transport: Transport, managed: Mapping[str, ConfFile]) -> tuple[Piece, ...]:
    names = [word for pattern in _LEFT_OUT for word in ("!", "-name", pattern)]
    words = (*CONFIG_DIRECTORIES, *_WANTED, *names)
    argv = ("sh", "-c", _READABLE, "readable", str(FILES_AT_MOST), *words)
    try:
        result = await transport.run(argv, timeout_s=COMMAND_TIMEOUT_S)
        files = conf_tree(transport.node, result.stdout).files
    except (CommandFailed, ArchiveUnreadable) as error:
        reason = error.reason if isinstance(error, CommandFailed) else str(error)
        return (Piece("config/readable", READABLE, None, reason),)
    found = tuple(_file(file, READABLE) for path, file in files.items() if path not in managed)
    if len(files) >= FILES_AT_MOST:
        return (
            *found,
            Piece("config/more", READABLE, None, f"more than {FILES_AT_MOST} files; the rest is left out"),
        )
    return found


def _file(file: ConfFile, source: str) -> Piece:
    return Piece(f"config{file.path}", source, file.content.encode("utf-8", "surrogateescape"))


async def _dump(transport: Transport, profile: Profile, turns: asyncio.Semaphore) -> tuple[Piece, ...]:
    async with turns:
        try:
            text = await VrrpWitness(transport, profile).data_text()
        except VrrpUnknown as error:
            return (Piece(DUMP, DUMPED, None, error.reason),)
    return (Piece(DUMP, DUMPED, text.encode("utf-8", "surrogateescape")),)
