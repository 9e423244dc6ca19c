"""`iamops watch silence|status`: what stands in a watch's directory. `iamops watch test`: a trial message."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from iamops.cli.output import CliError, print_lines
from iamops.cli.watch.run import targets
from iamops.judge.alerts.message import AlertKind, message, span
from iamops.judge.alerts.silence import REASON_LIMIT, Silence
from iamops.ledger.outbox import Outbox, OutboxMessage
from iamops.ledger.watch_directory import WatchDirectory
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.model.profile import Profile
from iamops.model.text import safe
from iamops.model.timestamps import rfc3339
from iamops.report.text import Json, json_text
from iamops.report.watch import watch_document, watch_test_document
from iamops.session.user_files import current_user, watch_dir
from iamops.session.watch.destinations import Destination, NotDelivered
from iamops.session.watch.urls import VARIABLE, AlertUrlsRefused, destinations


def silence(profile: Profile, args: argparse.Namespace) -> int:
    """Begins a silence, or ends it. Raises OSError."""
    directory = WatchDirectory(args.state_dir or watch_dir(profile.name))
    if args.end == (args.duration is not None) or (args.duration is not None and not args.reason):
        raise CliError("expected DURATION and --reason TEXT, or --end")
    now = time.time()
    if args.end:
        held, _ = directory.silence(now)
        directory.end_silence()
        print(f"{profile.name}: the silence is over" if held else f"{profile.name}: there was no silence")
        return ExitCode.OK
    begun = Silence(now, now + args.duration, safe(args.reason, REASON_LIMIT), current_user())
    directory.keep_silence(begun)
    print(f"{profile.name}: messages are held back for {span(args.duration)}, until {rfc3339(begun.until)}")
    if directory.running() is None:
        print(f"no watch is running on {directory.path}", file=sys.stderr)
    return ExitCode.OK


def status(profile: Profile, args: argparse.Namespace) -> int:
    """Reads only; a watch that is running is not disturbed. Raises OSError."""
    directory, now = WatchDirectory(args.state_dir or watch_dir(profile.name)), time.time()
    held, trouble = directory.silence(now)
    kept = Outbox(directory.outbox, read_only=True)
    document = watch_document(
        profile.name,
        now,
        str(directory.path),
        running=directory.running() is not None,
        silence=held,
        silence_trouble=trouble,
        alerts=kept.alerts or {},
        waiting_since=[queued.message.at for queued in kept.waiting],
        unreadable_lines=kept.unreadable,
    )
    if args.json:
        print(json_text(document))
    else:
        print_lines(status_lines(document))
    return ExitCode.OK


def status_lines(document: Json) -> list[str]:
    held = document["silence"]
    quiet = f"until {held['ends']}, by {held['by']}: {held['reason']}" if held else "none"
    oldest = document["oldest_undelivered_s"]
    lines = [
        f"profile      {document['profile']}",
        f"watch        {'running' if document['running'] else 'NOT RUNNING'} ({document['directory']})",
        f"silence      {document['silence_trouble'] or quiet}",
        f"undelivered  {document['undelivered']}" + (f", the oldest for {span(oldest)}" if oldest else ""),
    ]
    lines += [f"last seen    VIP of {name} on {node}" for name, node in document["vip"].items()]
    lines += [f"open         [{case['severity']}] {case['title']}" for case in document["open"]]
    return [*lines, *([] if document["open"] else ["open         nothing"])]


def try_all(profile: Profile, args: argparse.Namespace) -> int:
    """Sends at once, past the outbox, and tries once. Raises AlertUrlsRefused."""
    found = targets(destinations(args.to_file), args)
    if not found:
        raise AlertUrlsRefused(f"no destination: put URLs into {VARIABLE} or a file for --to-file, or give --exec")
    now, title = time.time(), "this is a test of iamops watch; nothing is wrong"
    trial = message(now, AlertKind.TEST, Severity.INFO, profile.name, title, (f"sent by {current_user()}",))
    parcel = OutboxMessage(f"test-{round(now * 1000):x}", trial, ())

    async def answers() -> list[Json]:
        return await asyncio.gather(*(_answer(destination, parcel) for destination in found))

    document = watch_test_document(asyncio.run(answers()))
    if args.json:
        print(json_text(document))
    else:
        print_lines(
            f"OK      {answer['destination']}: accepted in {answer['took_ms']:.0f} ms"
            if answer["accepted"]
            else f"FAILED  {answer['destination']}: {answer['reason']}"
            for answer in document["destinations"]
        )
    accepted = all(answer["accepted"] for answer in document["destinations"])
    return ExitCode.OK if accepted else ExitCode.CHECK_FAILED


async def _answer(destination: Destination, parcel: OutboxMessage) -> Json:
    began, reason = time.monotonic(), ""
    accepted = False
    try:
        await destination.deliver(parcel)
        accepted = True
    except NotDelivered as refusal:
        reason = str(refusal)
    took_ms = round(1000 * (time.monotonic() - began), 1)
    return {"destination": destination.shown, "accepted": accepted, "took_ms": took_ms, "reason": reason or None}
