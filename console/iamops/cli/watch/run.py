"""Carries out `iamops watch`: the directory, the destinations, the cluster and the signals, until it is ended."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import shlex
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from iamops.cli.lines import LineWriter, lines, write_progress
from iamops.cli.output import settled_code, stdout_failed
from iamops.judge.alerts.state import FlapLimits, Policy
from iamops.judge.findings import Finding
from iamops.judge.triage.correlate import correlate
from iamops.ledger.outbox import Outbox
from iamops.ledger.watch_directory import WatchDirectory
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.model.text import counted
from iamops.model.timestamps import rfc3339
from iamops.report.text import json_line
from iamops.report.watch import left_out_document
from iamops.session.cluster import Cluster
from iamops.session.signals import exit_on_signal, on_signal
from iamops.session.user_files import watch_dir
from iamops.session.watch.delivery import Delivery, Heartbeat
from iamops.session.watch.destinations import Destination, Hook, apprise_destinations
from iamops.session.watch.urls import VARIABLE, AlertUrlsRefused, Destinations, destinations
from iamops.session.watch.watcher import Watcher, WatchOptions

# With --once: how long it observes after everything was seen once, so that what lasts is set apart from what
# does not; and how long it waits for the deliveries.
ONCE_LOOKS_S, ONCE_DELIVERS_S = 4.0, 60.0
# systemd and people wait for two seconds at most.
END_S, LAST_LINES_S = 1.2, 0.1
# How much may wait for the reader of stdout, in bytes: a thousand messages or so.
UNREAD_MAX = 1024 * 1024


def watch(profile: Profile, args: argparse.Namespace) -> int:
    """Watches until a signal comes. Raises AlertUrlsRefused, MetricsRefused, WatchBusy, OSError."""
    where = destinations(args.to_file)
    found = targets(where, args)
    if args.metrics is not None:
        from iamops.session.metrics import loopback

        loopback(args.metrics[0])  # refused before anything is watched
    elif args.metrics_host:
        raise AlertUrlsRefused("--metrics-host goes with --metrics")
    # A page to scrape is a destination; with --once it is over before anybody scrapes it.
    if not found and not args.json and (args.metrics is None or args.once):
        flags = "--exec or --json" if args.once else "--exec, --json or --metrics"
        raise AlertUrlsRefused(
            f"nobody to tell: put URLs into {VARIABLE} or a file for --to-file, or give {flags}"
        )
    directory = WatchDirectory(args.state_dir or watch_dir(profile.name))
    with directory.held():
        return asyncio.run(_WatchRun(profile, args, directory, found, where).run())


def targets(where: Destinations, args: argparse.Namespace) -> list[Destination]:
    hook: list[Destination] = [Hook(args.exec)] if args.exec else []
    return [*apprise_destinations(where.urls), *hook]


class _WatchRun:
    def __init__(
        self,
        profile: Profile,
        args: argparse.Namespace,
        directory: WatchDirectory,
        found: list[Destination],
        where: Destinations,
    ) -> None:
        self._args = args
        self._found = found
        self._directory = directory
        self._cluster = Cluster(profile)
        self._outbox = Outbox(directory.outbox)
        self._delivery = Delivery(self._outbox, found, self._cluster.now, log)
        self._code: int = ExitCode.OK
        self._ended = asyncio.Event()
        beats = Heartbeat(where.heartbeat, args.heartbeat, log)
        count, window_s = args.flap
        policy = Policy(Severity(args.severity), limits=FlapLimits(count, window_s), remind_every_s=args.remind)
        named = Path(args.profile).absolute() if args.profile and "/" in args.profile else args.profile
        command = f"iamops --profile {shlex.quote(str(named or profile.name))}"
        on_line = self._print if args.json else lambda _document: None
        options = WatchOptions(policy, command, args.heartbeat_every, on_line, wall=time.time)
        self._watcher = Watcher(self._cluster, options, directory, self._outbox, self._delivery, beats, log)

    async def run(self) -> int:
        dropped = self._outbox.keep_only(self._delivery.keys)
        if dropped:
            what = f"{counted(dropped, 'message')} for destinations that are not asked for now"
            log(f"{what}: dropped; should one come back, it hears what is still so then")
        loop = asyncio.get_running_loop()
        for number, ends_as in ((signal.SIGTERM, ExitCode.OK), (signal.SIGINT, ExitCode.INTERRUPTED)):
            on_signal(loop, number, self._end, ends_as)
        names = ", ".join(target.shown for target in self._found) or ("stdout" if self._args.json else "nobody")
        log(f"watching {self._cluster.profile.name}; messages go to {names}; state in {self._directory.path}")
        try:
            async with self._metrics():
                await self._watcher.run(looks_s=ONCE_LOOKS_S if self._args.once else None)
            code = await self._last()
        finally:
            await self._delivery.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_S):
                    await self._cluster.stop()
            log("ended")
            await asyncio.gather(lines(sys.stderr).drained(LAST_LINES_S), self._out.drained(LAST_LINES_S))
        exit_on_signal(settled_code(code))
        return code

    @functools.cached_property
    def _out(self) -> LineWriter:
        """stdout with JSON lines, of which one says how many others nobody read."""
        loop, profile, now = asyncio.get_running_loop(), self._cluster.profile.name, self._cluster.now

        def broken() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(self._stdout_ended)

        def note(count: int) -> str:
            return json_line(left_out_document(profile, now(), count))

        return LineWriter(sys.stdout, note=note, most=UNREAD_MAX, broken=broken)

    def _print(self, document: Mapping[str, object]) -> None:
        """A message as a JSON line. Nothing waits for its reader."""
        self._out.write(json_line(document))
        if stdout_failed():
            self._stdout_ended()

    def _stdout_ended(self) -> None:
        """Where stdout was the only destination, its end is ours."""
        if not self._found and self._code == ExitCode.OK:
            log("nobody reads the messages any more: ending")
            self._end(ExitCode.CHECK_FAILED)

    def _end(self, code: int) -> None:
        self._code = code
        self._ended.set()
        self._watcher.stop()

    async def _last(self) -> int:
        """With --once a message that does not arrive is a failure; otherwise it waits for the next start."""
        if self._args.once and self._code == ExitCode.OK and not await self._all_delivered():
            return self._code or ExitCode.CHECK_FAILED
        waiting = len(self._outbox.waiting)
        if waiting:
            log(f"not delivered yet: {counted(waiting, 'message')}, waiting in {self._directory.outbox}")
        return self._code

    async def _all_delivered(self) -> bool:
        """False: not in time, or a signal came first."""

        async def deliver() -> bool:
            delivered = await self._delivery.idle(ONCE_DELIVERS_S)
            return await self._out.drained(ONCE_DELIVERS_S) and delivered

        delivery = asyncio.create_task(deliver())
        ended = asyncio.create_task(self._ended.wait())
        await asyncio.wait((delivery, ended), return_when=asyncio.FIRST_COMPLETED)
        delivery.cancel()
        ended.cancel()
        return delivery.done() and delivery.result()

    @contextlib.asynccontextmanager
    async def _metrics(self) -> AsyncIterator[None]:
        if self._args.metrics is None:
            yield
            return
        from iamops.session.metrics import MetricsServer

        def snapshot() -> tuple[ClusterState, tuple[Finding, ...], float]:
            state, now = self._cluster.store.state, self._cluster.now()
            return state, correlate(self._cluster.findings(state, now)), now

        server = MetricsServer(snapshot, named=self._args.metrics_host)
        host, port = await server.start(*self._args.metrics)
        log(f"metrics on http://{host}:{port}/metrics")
        try:
            yield
        finally:
            await server.stop()


def log(text: str) -> None:
    """One line on stderr; a service's log stamps it again, a terminal does not. No alert waits for either."""
    write_progress(f"{rfc3339(time.time(), 'seconds')} {text}")
