"""One deep inspection of a node: a few read-only commands side by side, each with a deadline of its own."""

from __future__ import annotations

import asyncio
import contextlib
import posixpath
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from iamops.accesslog.line import zone_offset
from iamops.model.config import KEEPALIVED_CONF, NGINX_CONF, ConfTree
from iamops.model.inspection import (
    DaemonComplaint,
    ErrorLogInspection,
    FileStamp,
    Filesystem,
    JournalInspection,
    NodeInspection,
)
from iamops.model.observed import Known, Observed, Unknown
from iamops.model.profile import Profile
from iamops.nodes.config import ConfigUnreadable, daemon_checks, read_loaded
from iamops.nodes.history import LOG_END, unit_matches
from iamops.nodes.netns import enter_namespace
from iamops.nodes.transport import Clock, CommandResult, Transport, TransportError
from iamops.parse import inspection
from iamops.parse.complaints import service_complaints
from iamops.parse.host import Section, script, sections
from iamops.parse.inspection import first_written, inspect_journal
from iamops.parse.journal import journal_extent, journal_extent_script
from iamops.redact.clean import clean_bytes, clean_text, fault_of_ours
from iamops.render.nodefiles import CHECK_SCRIPT, NOTIFY_SCRIPT

COMMAND_TIMEOUT_S = 4.0
JOURNAL_SPAN_S = 3600
JOURNAL_LINES = 2000
# A refused write is logged at every request; some services write fifty lines for one.
SERVICES_SPAN_S, SERVICES_LINES = 120, 1000
ERROR_TAIL_BYTES = 256 * 1024
# A thread of the operator's machine keeps its own view of the network: /proc/net is that of the main thread.
ARP = Path("/proc/thread-self/net/arp")
ABSENT = Section("not asked", 127)
JOURNAL_FIELDS = "MESSAGE,UNIT,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER,_SOURCE_REALTIME_TIMESTAMP"

T = TypeVar("T")


class Unanswered(Exception):
    """A command gave no answer; the message says why."""


@dataclass(frozen=True, slots=True)
class NodeInspector:
    """Inspects one node.

    `tree`: its files, where they are read anyway. They come with the times when they were loaded, which is the
    dearest question of all: it is not asked twice.
    """

    transport: Transport
    profile: Profile
    clock: Clock
    tree: Awaitable[ConfTree] | None = None

    async def take(self) -> NodeInspection:
        """Everything at once. Never raises for a node: what cannot be read is unknown, with the reason."""
        # Files, disks and interfaces in one command. Globs are the node's shell's work, so it is one script.
        facts = asyncio.ensure_future(self._run(facts_script(self.profile)))
        try:
            async with asyncio.TaskGroup() as group:
                journal = group.create_task(self._seen(self._journal))
                errors = group.create_task(self._seen(self._errors))
                loaded = group.create_task(self._seen(self._loaded))
                checks = group.create_task(self._seen(lambda: daemon_checks(self.transport)))
                files = group.create_task(self._seen(lambda: _files(facts)))
                disks = group.create_task(self._seen(lambda: _filesystems(facts)))
                macs = group.create_task(self._seen(lambda: _macs(facts)))
                services = group.create_task(self._seen(self._services))
        finally:
            facts.cancel()
        return NodeInspection(
            self.transport.node,
            journal.result(),
            errors.result(),
            files.result(),
            loaded.result(),
            disks.result(),
            macs.result(),
            checks.result(),
            services.result(),
        )

    async def _seen(self, read: Callable[[], Awaitable[T]]) -> Observed[T]:
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                value = await read()
        except TimeoutError:
            return Unknown(f"no answer within {COMMAND_TIMEOUT_S:g} s")
        except (TransportError, Unanswered) as failure:
            return Unknown(getattr(failure, "reason", str(failure)))
        except Exception as error:
            return Unknown(fault_of_ours(error))
        return Known(value, self.clock())

    async def _journal(self) -> JournalInspection:
        result, about = await asyncio.gather(
            self._run(journal_argv(self.profile, self.transport.node)), self._run(journal_extent_script())
        )
        _require_journal(result)
        # Without a single entry journalctl of some versions exits with 1 and says so.
        if not result.ok and not result.stdout and b"No entries" not in result.stderr:
            raise Unanswered(clean_bytes(result.stderr.strip(), 160) or f"exit {result.exit_status}")
        reach = journal_extent(about.text)
        if reach is None:
            raise Unanswered("what the journal keeps is not told")
        if reach.unavailable:
            raise Unanswered(reach.unavailable)
        # journalctl prints the newest first, so that they are what is kept of many.
        lines = result.stdout.splitlines()[::-1]
        found = inspect_journal(lines, reach.since(JOURNAL_SPAN_S))
        return found if len(lines) < JOURNAL_LINES else replace(found, since=first_written(lines, reach.now))

    async def _services(self) -> tuple[DaemonComplaint, ...]:
        argv = services_argv(self.profile, self.transport.node)
        if argv is None:
            return ()
        result = await self._run(argv)
        _require_journal(result)
        return service_complaints(result.stdout.splitlines()[::-1])

    async def _errors(self) -> ErrorLogInspection:
        argv = ("sh", "-c", LOG_END, "errors", self.profile.logs.error, str(ERROR_TAIL_BYTES))
        result = await self._run(argv)
        if not result.ok:
            raise Unanswered(f"{self.profile.logs.error} cannot be read")
        zone, _, text = result.stdout.partition(b"\n")
        lines = text.splitlines()
        # What stands before the first newline of a cut end is half a line.
        complete = lines if len(text) < ERROR_TAIL_BYTES else lines[1:]
        return inspection.inspect_error_log(complete, zone_offset(zone.decode("ascii", "replace")))

    async def _loaded(self) -> Mapping[str, float]:
        if self.tree is not None:
            with contextlib.suppress(ConfigUnreadable, TransportError):
                return (await asyncio.shield(self.tree)).loaded_at
        return (await read_loaded(self.transport, self.profile)).at

    async def _run(self, argv: Sequence[str]) -> CommandResult:
        return await self.transport.run(argv, timeout_s=COMMAND_TIMEOUT_S)


def _require_journal(result: CommandResult) -> None:
    """A user who may not read it gets an empty answer, and the reason on stderr only."""
    if b"not seeing messages" in result.stderr:
        raise Unanswered("the login user may not read the journal (group systemd-journal)")


def journal_argv(profile: Profile, node: str) -> tuple[str, ...]:
    """keepalived's own entries, systemd's about every unit, and those of iamops: the last hour's, newest first."""
    matches = (*unit_matches(profile, node), "+", "SYSLOG_IDENTIFIER=iamops")
    # With --since and --lines alone some versions of journalctl give the oldest of many lines.
    bounds = (f"--since=-{JOURNAL_SPAN_S}s", "--reverse", f"--lines={JOURNAL_LINES}")
    return ("journalctl", "--no-pager", "--output=json", *bounds, f"--output-fields={JOURNAL_FIELDS}", *matches)


def services_argv(profile: Profile, node: str) -> tuple[str, ...] | None:
    """The latest entries of the node's services, the newest first; None where it has no services."""
    units = dict.fromkeys(s.unit for s in profile.services.values() if s.runs_on(node))
    if not units:
        return None
    bounds = (f"--since=-{SERVICES_SPAN_S}s", "--reverse", f"--lines={SERVICES_LINES}")
    matches = (f"_SYSTEMD_UNIT={unit}.service" for unit in units)
    return ("journalctl", "--no-pager", "--output=json", *bounds, f"--output-fields={JOURNAL_FIELDS}", *matches)


def facts_script(profile: Profile) -> tuple[str, ...]:
    """Everything that needs no rights and no arguments but paths of the profile."""
    paths = (CHECK_SCRIPT, NOTIFY_SCRIPT, KEEPALIVED_CONF, NGINX_CONF, profile.logs.notify)
    format_word = f"--format={inspection.STAT_FORMAT}"
    # stat exits with 1 when one of them is missing, and shows the others: its exit code is of no use.
    stat = 'stat --dereference "$@" /etc/nginx/conf.d/*.conf 2>/dev/null; :'
    logs = (profile.logs.access, profile.logs.error, *(s.log_path for s in profile.services.values()))
    usual = ("/", "/var/log", "/var/lib", "/tmp", "/run")  # noqa: S108 - only measured
    directories = tuple(dict.fromkeys((*usual, *map(posixpath.dirname, logs))))
    return script(
        {
            "files": ("sh", "-c", stat, "stat", format_word, "--", *paths),
            "space": ("df", "-P", *directories),
            "inodes": ("df", "-Pi", *directories),
            "links": ("ip", "-o", "link"),
        }
    )


def read_neighbours(namespace: str | None, clock: Clock) -> Observed[Mapping[str, str]]:
    """Which hardware address this machine has for each neighbour. Blocks; enters `namespace` in a thread."""

    def read() -> Observed[Mapping[str, str]]:
        enter_namespace(namespace)
        return Known(inspection.neighbours(ARP.read_text("ascii", "replace")), clock())

    with ThreadPoolExecutor(1, "neighbours") as thread:
        try:
            return thread.submit(read).result()
        except OSError as error:
            return Unknown(clean_text(error.strerror or str(error), 120))


async def _part(facts: Awaitable[CommandResult], name: str) -> Section:
    """One command answers several questions: a question that times out must not end it for the others."""
    result = await asyncio.shield(facts)
    return sections(result.text).get(name, ABSENT)


async def _files(facts: Awaitable[CommandResult]) -> Mapping[str, FileStamp]:
    return inspection.file_stamps((await _part(facts, "files")).text)


async def _filesystems(facts: Awaitable[CommandResult]) -> tuple[Filesystem, ...]:
    # df exits with 1 where one path is missing, and shows the others.
    space = (await _part(facts, "space")).text
    found = inspection.filesystems(space, (await _part(facts, "inodes")).text)
    if not found:
        raise Unanswered(f"df: {clean_text(space.strip(), 120)}")
    return found


async def _macs(facts: Awaitable[CommandResult]) -> Mapping[str, str]:
    part = await _part(facts, "links")
    if not part.ok:
        raise Unanswered(f"ip link: {clean_text(part.text.strip(), 120)}")
    return inspection.hardware_addresses(part.text)
