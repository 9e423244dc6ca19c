"""`iamops watch silence` and `iamops watch status`: what stands in a watch's directory, read and written."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from typing import Any

from console.cli.coloured import print_lines
from console.judge.alerts_words import span
from console.judge.json_text import json_text
from console.judge.silence import REASON_LIMIT, Silence
from console.ledger.outbox import glance
from console.ledger.watch_directory import WatchDirectory
from console.model.exit_code import ExitCode
from console.model.profile import Profile
from console.model.timestamps import rfc3339
from console.parse.safe_text import safe
from console.session.resources import watch_dir
from console.session.who import who


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
    kept = glance(directory.outbox)
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
        "undelivered": len(kept.parcels),
        "oldest_undelivered_s": round(now - kept.parcels[0].message.at, 1) if kept.parcels else None,
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
