"""`iamops watch test`: one message to every destination, and which of them accepted it."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from typing import Any

from console.cli.coloured import print_lines
from console.cli.watch_session import targets
from console.judge.alerts_message import AlertKind, message
from console.judge.json_text import json_text
from console.ledger.outbox import Parcel
from console.model.exit_code import ExitCode
from console.model.facts import Severity
from console.model.profile import Profile
from console.session.alert_urls import VARIABLE, AlertUrlsRefused, destinations
from console.session.destination import Destination, NotDelivered
from console.session.who import who


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
    return ExitCode.OK if all(answer["accepted"] for answer in answers) else ExitCode.NOT_SO


async def _try(profile: Profile, found: Sequence[Destination]) -> list[dict[str, Any]]:
    now = time.time()
    title = "this is a test of iamops watch; nothing is wrong"
    said = message(now, AlertKind.TEST, Severity.INFO, profile.name, title, (f"sent by {who()}",))
    parcel = Parcel(f"test-{round(now * 1000):x}", said, ())
    return list(await asyncio.gather(*(_one(each, parcel) for each in found)))


async def _one(destination: Destination, parcel: Parcel) -> dict[str, Any]:
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
