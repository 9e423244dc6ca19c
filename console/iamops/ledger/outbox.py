"""Messages that are still to be delivered, and what the alerts remember: on disk before anything is sent."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from iamops.judge.alerts.memory import Delivered, DeliveredToAll, delivered_by
from iamops.judge.alerts.message import AlertKind, Message
from iamops.model.foreign import json_of
from iamops.report.watch import alert_document, message_of

WAITING_KEPT = 1000
BUSY_S = 5.0
# What SQLite says of a file that is none of its own, or not ours, or damaged.
BROKEN = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR")
# A record is JSON: a message by its number, or what `_save` keeps beside the messages.
TABLE = "CREATE TABLE IF NOT EXISTS records (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
REPLACE = "INSERT INTO records VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A message on its way. `number` names it for ever; `to` are the destinations that have not accepted it."""

    number: str
    message: Message
    to: tuple[str, ...]

    @property
    def document(self) -> dict[str, Any]:
        return alert_document(self.number, self.message)


class Outbox:
    """Memory is the truth, the database its copy. `trouble` says why the copy is not up to date, if it is not.

    A disk that takes nothing more must not keep an alert from being sent, so no method raises OSError
    but the constructor.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """`read_only`: another process may be writing. Raises OSError."""
        self._path = path
        self._queue: dict[str, OutboxMessage] = {}
        self._lost: dict[str, int] = {}
        self._delivered = DeliveredToAll()
        self._next = 1
        self._written: dict[str, str] = {}
        self.alerts: Mapping[str, Any] | None = None
        self.trouble = ""
        # How many records could not be read.
        self.unreadable = 0
        # What a version before 0.7 has left behind is taken over, once.
        older, is_new = path.with_suffix(".jsonl"), not path.exists() or not path.stat().st_size
        records, self.unreadable = line_records(older) if is_new else ({}, 0)
        if not is_new:
            records, self.unreadable = _records(path, read_only=read_only)
        for name, text in records.items():
            try:
                self._recall(name, json_of(text))
            except (ValueError, TypeError, KeyError, AttributeError):
                self.unreadable += 1
        if read_only:
            return
        if self.unreadable:
            # For a person to look at.
            (older if is_new else path).replace(path.with_suffix(".bad"))
            for suffix in ("-wal", "-shm"):
                path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
        try:
            self._database = _opened(path)
        except sqlite3.Error as error:
            raise OSError(f"{path}: {error}") from error
        self._save(everything=True)
        if not self.trouble:
            older.unlink(missing_ok=True)

    @property
    def waiting(self) -> tuple[OutboxMessage, ...]:
        return tuple(self._queue.values())

    def first_for(self, destination: str) -> OutboxMessage | None:
        return next((queued for queued in self._queue.values() if destination in queued.to), None)

    def lost(self, destination: str) -> int:
        """How many messages were given up since it last accepted one."""
        return self._lost.get(destination, 0)

    def knows(self, destination: str) -> dict[str, Delivered]:
        """Finding's key -> how the destination will know it once it has taken all that waits for it."""
        known = dict(self._delivered.at(destination))
        for queued in self._queue.values():
            if queued.message.key and destination in queued.to:
                _overlay(known, queued.message)
        return known

    def put(
        self, messages: Sequence[Message], to: Sequence[str], alerts: Mapping[str, Any] | None = None
    ) -> tuple[OutboxMessage, ...]:
        """Takes messages in, and what the alerts remember with them, in one transaction.

        A finding goes to every destination that does not know it to be so, its end to every one that does.
        """
        known = {key: self.knows(key) for key in to} if any(message.key for message in messages) else {}
        put: list[OutboxMessage] = []
        for message in messages:
            number = f"{self._next:06d}-{round(message.at * 1000):x}"
            self._next += 1
            put.append(OutboxMessage(number, message, _receivers(message, to, known)))
        if alerts is not None:
            self.alerts = alerts
        self._queue.update({queued.number: queued for queued in put if queued.to})
        surplus = self.waiting[: max(0, len(self._queue) - WAITING_KEPT)]
        for queued in surplus:
            for destination in queued.to:
                self._give_up(queued.number, destination)
        self._save(*(queued.number for queued in (*put, *surplus)))
        return tuple(put)

    def accepted(self, number: str, destination: str) -> None:
        """It arrived there, and so did the note about those that were given up before."""
        self._lost.pop(destination, None)
        queued = self._queue.get(number)
        if queued is not None and destination in queued.to:
            self._delivered.took(destination, queued.message)
        self._remove(number, destination)
        self._save(number)

    def give_up(self, number: str, destination: str) -> None:
        """It will not be tried there any more. The destination hears how many when it next accepts something."""
        self._give_up(number, destination)
        self._save(number)

    def keep_only(self, destinations: Sequence[str]) -> int:
        """Forgets what waits for destinations that there are no more; returns how many messages that were.

        What they had accepted is remembered: should one come back, it gets what it has missed.
        """
        strangers = [(queued.number, to) for queued in self.waiting for to in queued.to if to not in destinations]
        for number, destination in strangers:
            self._remove(number, destination)
        self._lost = {to: count for to, count in self._lost.items() if to in destinations}
        self._delivered.keep(destinations)
        self._save(*(number for number, _ in strangers))
        return len(strangers)

    def _recall(self, name: str, value: Any) -> None:
        """Raises ValueError, TypeError, KeyError or AttributeError for what no version of ours has written."""
        match name:
            case "alerts":
                self.alerts = None if value is None else dict(value)
            case "next":
                self._next = int(value)
            case "lost":
                self._lost = {str(to): int(count) for to, count in value.items()}
            case "delivered":
                self._delivered.recall(value)
            case _:
                to = tuple(map(str, value["to"]))
                self._queue[name] = OutboxMessage(name, message_of(value["message"]), to)

    def _save(self, *numbers: str, everything: bool = False) -> None:
        """Writes what has changed: the messages of these numbers, and what is kept beside them."""
        if everything or self.trouble:
            self._written, numbers, everything = {}, tuple(self._queue), True
        kept = {
            "alerts": json.dumps(self.alerts),
            "next": json.dumps(self._next),
            "lost": json.dumps(self._lost),
            "delivered": json.dumps(self._delivered.document),
        }
        changed = {name: text for name, text in kept.items() if text != self._written.get(name)}
        removed = []
        for number in numbers:
            if (queued := self._queue.get(number)) is None:
                removed.append((number,))
            else:
                changed[number] = json.dumps({"message": queued.document, "to": queued.to})
        try:
            with self._database:
                if everything:
                    self._database.execute("DELETE FROM records")
                self._database.executemany("DELETE FROM records WHERE name = ?", removed)
                self._database.executemany(REPLACE, changed.items())
        except sqlite3.Error as error:
            self.trouble = f"{self._path}: {error}"
        else:
            self._written, self.trouble = kept, ""

    def _give_up(self, number: str, destination: str) -> None:
        self._lost[destination] = self.lost(destination) + 1
        self._remove(number, destination)

    def _remove(self, number: str, destination: str) -> None:
        queued = self._queue.get(number)
        if queued is None:
            return
        to = tuple(key for key in queued.to if key != destination)
        if to:
            self._queue[number] = replace(queued, to=to)
        else:
            del self._queue[number]


def _records(path: Path, *, read_only: bool) -> tuple[dict[str, str], int]:
    """Name -> JSON of all that can be read, in the order it came; 1 where something cannot. Raises OSError."""
    # A reader would leave a log behind where no writer has one; nothing can change there meanwhile.
    has_log = path.with_name(f"{path.name}-wal").exists()
    how = "rw" if not read_only else "ro" if has_log else "ro&immutable=1"
    records = dict[str, str]()
    try:
        with contextlib.closing(_connected(f"{path.absolute().as_uri()}?mode={how}")) as database:
            records |= database.execute("SELECT name, value FROM records ORDER BY rowid")
            # A damaged page may also just show fewer records.
            (verdict,) = next(database.execute("PRAGMA quick_check(1)"))
            return records, int(verdict != "ok")
    except sqlite3.Error as error:
        if error.sqlite_errorname not in BROKEN:
            raise OSError(f"{path}: {error}") from error
        return records, 1


def _opened(path: Path) -> sqlite3.Connection:
    """For its owner alone, and through no link. Raises OSError, sqlite3.Error."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    database = _connected(path.absolute().as_uri())
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", TABLE):
        database.execute(statement)
    return database


def _connected(uri: str) -> sqlite3.Connection:
    database = sqlite3.connect(uri, timeout=BUSY_S, uri=True)
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return database


def _receivers(message: Message, to: Sequence[str], known: Mapping[str, dict[str, Delivered]]) -> tuple[str, ...]:
    """The destinations that do not know it yet; from then on they do."""
    if not message.key or message.kind is AlertKind.DIGEST:
        return tuple(to)
    state = _state(delivered_by(message))
    receivers = tuple(key for key in to if _state(known[key].get(message.key)) != state)
    for key in receivers:
        _overlay(known[key], message)
    return receivers


def _state(delivered: Delivered | None) -> str:
    return "" if delivered is None else delivered.state


def _overlay(known: dict[str, Delivered], message: Message) -> None:
    after = delivered_by(message)
    known.pop(message.key, None)
    if after is not None:
        known[message.key] = after


def line_records(path: Path) -> tuple[dict[str, str], int]:
    """What the lines come to as records of the outbox, and how many were cut off or changed. Raises OSError."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return {}, 0
    waiting, kept, delivered, bad = dict[str, Any](), dict[str, Any](), DeliveredToAll(), 0
    lost: dict[str, int] = {}
    for line in filter(None, lines):
        try:
            entry = entry_of(line)
            number, by = entry.get("accepted") or entry.get("given_up"), str(entry.get("by"))
            if number is not None:
                queued = waiting.get(str(number), {"to": []})
                if "accepted" in entry and by in queued["to"]:
                    delivered.took(by, message_of(queued["message"]))
                lost[by] = lost.get(by, 0) + 1 if "given_up" in entry else 0
                queued["to"] = [to for to in queued["to"] if to != by]
                continue
            if "heard" in entry:
                delivered.recall(entry["heard"])
            put = {
                str(raw["message"]["id"]): {"message": raw["message"], "to": list(raw["to"])}
                for raw in entry["put"]
            }
            kept["next"] = max(kept.get("next", 1), int(entry["next"]))
            waiting |= put
            lost |= {str(to): int(count) for to, count in entry.get("lost", {}).items()}
            kept["alerts"] = entry["alerts"] or kept.get("alerts")
        except (ValueError, TypeError, KeyError, AttributeError):
            bad += 1
    waiting = {number: queued for number, queued in waiting.items() if queued["to"]}
    records = kept | {"lost": lost, "delivered": delivered.document} | waiting
    return {name: json.dumps(value) for name, value in records.items()}, bad


def entry_of(line: bytes) -> dict[str, Any]:
    """Raises ValueError for a line that was cut off or changed."""
    checksum, _, text = line.partition(b" ")
    entry = json_of(text)
    if checksum != b"%08x" % zlib.crc32(text) or not isinstance(entry, dict):
        raise ValueError("not what was written")
    return entry
