"""`iamops watch silence` and `iamops watch status`: what stands in a watch's directory, read and written."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from iamops.cli.output import print_lines
from iamops.cli.watch.run import targets
from iamops.judge.alerts.message import AlertKind, message, span
from iamops.judge.alerts.silence import REASON_LIMIT, Silence
from iamops.ledger.outbox import Outbox, OutboxMessage
from iamops.ledger.watch_directory import WatchDirectory
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.model.profile import Profile
from iamops.model.safe_text import safe
from iamops.model.timestamps import rfc3339
from iamops.report.text import json_text
from iamops.session.user import watch_dir, who
from iamops.session.watch.destinations import Destination, NotDelivered
from iamops.session.watch.urls import VARIABLE, AlertUrlsRefused, destinations


def silence(profile: Profile, args: argparse.Namespace) -> int:
    """Begins a silence, or ends it. Raises OSError."""
    directory = WatchDirectory(args.state_dir or watch_dir(profile.name))
    if args.end == (args.duration is not None) or (args.duration is not None and not args.reason):
        print("iamops: expected DURATION and --reason TEXT, or --end", file=sys.stderr)
        return ExitCode.USAGE
    now = time.time()
    if args.end:
        held, _ = directory.silence(now)
        directory.end_silence()
        print(f"{profile.name}: the silence is over" if held else f"{profile.name}: there was no silence")
        return ExitCode.OK
    begun = Silence(now, now + args.duration, safe(args.reason, REASON_LIMIT), who())
    directory.keep_silence(begun)
    print(f"{profile.name}: messages are held back for {span(args.duration)}, until {rfc3339(begun.until)}")
    if directory.running() is None:
        print(f"no watch is running on {directory.path}", file=sys.stderr)
    return ExitCode.OK


def status(profile: Profile, args: argparse.Namespace) -> int:
    """Reads only; a watch that is running is not disturbed. Raises OSError."""
    directory = WatchDirectory(args.state_dir or watch_dir(profile.name))
    document = status_document(profile, directory, time.time())
    if args.json:
        print(json_text(document))
    else:
        print_lines(status_lines(document))
    return ExitCode.OK


def status_document(profile: Profile, directory: WatchDirectory, now: float) -> dict[str, Any]:
    """The document iamops.watch/1."""
    held, trouble = directory.silence(now)
    kept = Outbox(directory.outbox, looking=True)
    remembered = kept.alerts or {}
    return {
        "schema": "iamops.watch/1",
        "at": rfc3339(now),
        "profile": profile.name,
        "directory": str(directory.path),
        "running": directory.running() is not None,
        "silence": held.document() if held else None,
        "silence_trouble": trouble or None,
        "vip": {name: each.get("seen_on") for name, each in remembered.get("vips", {}).items()},
        "open": [_open(case) for case in remembered.get("cases", ()) if case.get("open")],
        "undelivered": len(kept.waiting),
        "oldest_undelivered_s": round(now - kept.waiting[0].message.at, 1) if kept.waiting else None,
        "unreadable_lines": kept.unread,
    }


def status_lines(document: Mapping[str, Any]) -> list[str]:
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
    lines += [f"open         [{each['severity']}] {each['title']}" for each in document["open"]]
    return [*lines, *([] if document["open"] else ["open         nothing"])]


def _open(case: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "code": case["code"],
        "node": case["node"],
        "severity": case["severity"],
        "title": case["title"],
        "since": rfc3339(float(case["first"])),
        "told": case["told_as"] is not None,
    }


# `iamops watch test`: one message to every destination, and which of them accepted it.


def try_all(profile: Profile, args: argparse.Namespace) -> int:
    """Sends at once, past the outbox, and tries once. Raises AlertUrlsRefused."""
    found = targets(destinations(args.to_file), args)
    if not found:
        raise AlertUrlsRefused(f"no destination: put URLs into {VARIABLE} or a file for --to-file, or give --exec")
    answers = asyncio.run(_try(profile, found))
    if args.json:
        print(json_text({"schema": "iamops.watch-test/1", "destinations": answers}))
    else:
        print_lines(_line(answer) for answer in answers)
    return ExitCode.OK if all(answer["accepted"] for answer in answers) else ExitCode.CHECK_FAILED


async def _try(profile: Profile, found: Sequence[Destination]) -> list[dict[str, Any]]:
    now = time.time()
    title = "this is a test of iamops watch; nothing is wrong"
    said = message(now, AlertKind.TEST, Severity.INFO, profile.name, title, (f"sent by {who()}",))
    parcel = OutboxMessage(f"test-{round(now * 1000):x}", said, ())
    return list(await asyncio.gather(*(_one(each, parcel) for each in found)))


async def _one(destination: Destination, parcel: OutboxMessage) -> dict[str, Any]:
    began = time.monotonic()
    try:
        await destination.deliver(parcel)
    except NotDelivered as refusal:
        return _answer(destination, began, accepted=False, reason=str(refusal))
    return _answer(destination, began, accepted=True, reason="")


def _answer(destination: Destination, began: float, *, accepted: bool, reason: str) -> dict[str, Any]:
    took_ms = round(1000 * (time.monotonic() - began), 1)
    return {"destination": destination.shown, "accepted": accepted, "took_ms": took_ms, "reason": reason or None}


def _line(answer: dict[str, Any]) -> str:
    if answer["accepted"]:
        return f"OK      {answer['destination']}: accepted in {answer['took_ms']:.0f} ms"
    return f"FAILED  {answer['destination']}: {answer['reason']}"
