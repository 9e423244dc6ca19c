"""One deep look at a node: a few read-only commands side by side, each with a deadline of its own."""

from __future__ import annotations

import asyncio
import contextlib
import posixpath
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from iamops.nodes.config import ConfigUnreadable, ask_loaded, daemon_checks
from iamops.nodes.netns import enter_namespace
from iamops.nodes.transport import CommandResult, Transport, TransportError
from iamops.parse import inspection
from iamops.parse.complaints import service_complaints
from iamops.parse.host import Section, script, sections
from iamops.parse.inspection import began, inspect_journal
from iamops.parse.journal import kept, kept_script
from iamops.redact.clean import fault_of_ours, words, words_of
from iamops.render.nodefiles import CHECK_SCRIPT, NOTIFY_SCRIPT

COMMAND_TIMEOUT_S = 4.0
JOURNAL_SPAN_S = 3600
JOURNAL_LINES = 2000
# A refused write is said at every request; some services write fifty lines for one.
SERVICES_SPAN_S, SERVICES_LINES = 120, 1000
ERROR_TAIL_BYTES = 256 * 1024
# A thread of the operator's machine keeps its own view of the network: /proc/net is that of the main thread.
ARP = Path("/proc/thread-self/net/arp")
ABSENT = Section("not asked", 127)
JOURNAL_FIELDS = "MESSAGE,UNIT,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER,_SOURCE_REALTIME_TIMESTAMP"
# $1: the log, $2: how many bytes of its end; what stands before the first newline of a cut tail is half a line.
ERRORS = 'date +%z && [ -r "$1" ] && tail -c "$2" -- "$1"'

Clock = Callable[[], float]
T = TypeVar("T")


class Unanswered(Exception):
    """A command that gave no answer, in words."""


@dataclass(frozen=True, slots=True)
class NodeInspector:
    """What is asked of one node.

    `tree`: its files, where somebody reads them anyhow. When they were loaded is told with them, and it is the
    dearest question of all: it is not asked twice.
    """

    transport: Transport
    profile: Profile
    clock: Clock
    tree: Awaitable[ConfTree] | None = None

    async def take(self) -> NodeInspection:
        """Everything at once. Never raises for a node: what cannot be read is unknown, with the reason."""
        facts = asyncio.ensure_future(self._facts())
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

    async def _facts(self) -> Mapping[str, Section]:
        """Files, disks and interfaces in one command. Globs are the node's shell's work, so it is one script."""
        result = await self._run(facts_script(self.profile))
        return sections(result.text)

    async def _journal(self) -> JournalInspection:
        result, about = await asyncio.gather(
            self._run(journal_argv(self.profile, self.transport.node)), self._run(kept_script())
        )
        # Who may not read it is told so on stderr, and gets an empty answer that looks like peace.
        if b"not seeing messages" in result.stderr:
            raise Unanswered("the login user may not read the journal (group systemd-journal)")
        # Without a single entry journalctl of some versions exits with 1 and says so.
        if not result.ok and not result.stdout and b"No entries" not in result.stderr:
            raise Unanswered(_why(result))
        told = kept(about.text)
        if told is None:
            raise Unanswered("what the journal keeps is not told")
        if told.unavailable:
            raise Unanswered(told.unavailable)
        # The newest come first, so that they are what is kept of many.
        lines = result.stdout.splitlines()[::-1]
        look = inspect_journal(lines, told.since(JOURNAL_SPAN_S))
        return look if len(lines) < JOURNAL_LINES else replace(look, since=began(lines, told.now))

    async def _services(self) -> tuple[DaemonComplaint, ...]:
        argv = services_argv(self.profile, self.transport.node)
        if argv is None:
            return ()
        result = await self._run(argv)
        if b"not seeing messages" in result.stderr:
            raise Unanswered("the login user may not read the journal (group systemd-journal)")
        return service_complaints(result.stdout.splitlines()[::-1])

    async def _errors(self) -> ErrorLogInspection:
        argv = ("sh", "-c", ERRORS, "errors", self.profile.logs.error, str(ERROR_TAIL_BYTES))
        result = await self._run(argv)
        if not result.ok:
            raise Unanswered(f"{self.profile.logs.error} cannot be read")
        zone, _, text = result.stdout.partition(b"\n")
        lines = text.splitlines()
        whole = lines if len(text) < ERROR_TAIL_BYTES else lines[1:]
        return inspection.inspect_error_log(whole, zone_offset(zone.decode("ascii", "replace")))

    async def _loaded(self) -> Mapping[str, float]:
        if self.tree is not None:
            with contextlib.suppress(ConfigUnreadable, TransportError):
                return (await _shared(self.tree)).loaded_at
        return (await ask_loaded(self.transport, self.profile)).at

    async def _run(self, argv: Sequence[str]) -> CommandResult:
        return await self.transport.run(argv, timeout_s=COMMAND_TIMEOUT_S)


def journal_argv(profile: Profile, node: str) -> tuple[str, ...]:
    """keepalived's own words, systemd's about every unit and what runs of iamops left.

    The last hour's, bounded, the newest first.
    """
    matches = [f"_SYSTEMD_UNIT={profile.keepalived.unit}.service"]
    for unit in profile.actionable_units_on(node):
        matches += ["+", "_PID=1", f"UNIT={unit}.service"]
    matches += ["+", "SYSLOG_IDENTIFIER=iamops"]
    # With --since and --lines alone some versions of journalctl give the oldest of many lines.
    bounds = (f"--since=-{JOURNAL_SPAN_S}s", "--reverse", f"--lines={JOURNAL_LINES}")
    return ("journalctl", "--no-pager", "--output=json", *bounds, f"--output-fields={JOURNAL_FIELDS}", *matches)


def services_argv(profile: Profile, node: str) -> tuple[str, ...] | None:
    """What the node's services have said of late, the newest first; None where it has none."""
    units = dict.fromkeys(s.unit for s in profile.services.values() if s.runs_on(node))
    if not units:
        return None
    bounds = (f"--since=-{SERVICES_SPAN_S}s", "--reverse", f"--lines={SERVICES_LINES}")
    matches = (f"_SYSTEMD_UNIT={unit}.service" for unit in units)
    return ("journalctl", "--no-pager", "--output=json", *bounds, f"--output-fields={JOURNAL_FIELDS}", *matches)


def facts_script(profile: Profile) -> tuple[str, ...]:
    """Everything that needs no rights and no argument of ours but paths of the profile."""
    paths = (CHECK_SCRIPT, NOTIFY_SCRIPT, KEEPALIVED_CONF, NGINX_CONF, profile.logs.notify)
    format_word = f"--format={inspection.STAT_FORMAT}"
    # stat says 1 when one of them is missing, and tells of the others: its exit code is of no use.
    stat = 'stat --dereference "$@" /etc/nginx/conf.d/*.conf 2>/dev/null; :'
    logs = (profile.logs.access, profile.logs.error, *(each.log_path for each in profile.services.values()))
    directories = (posixpath.dirname(each) for each in logs)
    usual = ("/", "/var/log", "/var/lib", "/tmp", "/run")  # noqa: S108 - only measured
    places = tuple(dict.fromkeys((*usual, *directories)))
    return script(
        {
            "files": ("sh", "-c", stat, "stat", format_word, "--", *paths),
            "space": ("df", "-P", *places),
            "inodes": ("df", "-Pi", *places),
            "links": ("ip", "-o", "link"),
        }
    )


def read_neighbours(namespace: str | None, clock: Clock) -> Observed[Mapping[str, str]]:
    """Which hardware address this machine has for each neighbour. Blocks; enters `namespace` in a thread."""
    found: list[Observed[Mapping[str, str]]] = []

    def look() -> None:
        try:
            enter_namespace(namespace)
            found.append(Known(inspection.neighbours(ARP.read_text("ascii", "replace")), clock()))
        except OSError as error:
            found.append(Unknown(words(error.strerror or str(error), 120)))

    thread = threading.Thread(target=look, name="neighbours")
    thread.start()
    thread.join()
    return found[0]


async def _files(facts: Awaitable[Mapping[str, Section]]) -> Mapping[str, FileStamp]:
    return inspection.file_stamps(_part(await _shared(facts), "files").text)


async def _filesystems(facts: Awaitable[Mapping[str, Section]]) -> tuple[Filesystem, ...]:
    parts = await _shared(facts)
    # df exits with 1 where one path is missing, and tells of the others.
    found = inspection.filesystems(_part(parts, "space").text, _part(parts, "inodes").text)
    if not found:
        raise Unanswered(f"df: {words(_part(parts, 'space').text.strip(), 120)}")
    return found


async def _macs(facts: Awaitable[Mapping[str, Section]]) -> Mapping[str, str]:
    part = _part(await _shared(facts), "links")
    if not part.ok:
        raise Unanswered(f"ip link: {words(part.text.strip(), 120)}")
    return inspection.hardware_addresses(part.text)


async def _shared(answer: Awaitable[T]) -> T:
    """One command answers several questions: who gives up waiting must not end it for the others."""
    return await asyncio.shield(answer)


def _part(parts: Mapping[str, Section], name: str) -> Section:
    return parts.get(name, ABSENT)


def _why(result: CommandResult) -> str:
    return words_of(result.stderr.strip(), 160) or f"exit {result.exit_status}"
