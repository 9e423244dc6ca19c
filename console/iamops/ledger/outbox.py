"""Messages that are still to be delivered, and what the alerts remember: on disk before anything is sent."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from iamops.judge.alerts.memory import Delivered, DeliveredToAll, heard_of
from iamops.judge.alerts.message import AlertKind, Message
from iamops.ledger.files import sync_directory
from iamops.model.foreign import json_of
from iamops.report.watch import alert_document, message_of

# The outbox's file: checksummed lines, on disk when `append` returns, replaced now and then.

ASIDE_BYTES = 1024 * 1024


class OutboxFile:
    """One file and, beside it, `.bad`: lines that could not be read. Only one process may write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.aside = path.with_suffix(".bad")

    def read(self, *, being_written: bool = False) -> tuple[list[Mapping[str, Any]], list[bytes]]:
        """Every complete line, oldest first, and every line that is not what was written. Raises OSError.

        `being_written`: a last line without its end is not counted as bad.
        """
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return [], []
        if being_written:
            raw = raw[: raw.rfind(b"\n") + 1]
        entries, bad = list[Mapping[str, Any]](), list[bytes]()
        for line in raw.splitlines():
            entry = entry_of(line)
            if entry is not None:
                entries.append(entry)
            elif line:
                bad.append(line)
        return entries, bad

    def append(self, entry: Mapping[str, Any]) -> None:
        """Raises OSError, and then the file is as it was or ends in a torn line."""
        with _opened(self.path, os.O_CREAT | os.O_APPEND) as file:
            _write(file, line_of(entry))

    def replace(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """The file with these lines and no others, or as it was. Raises OSError."""
        scratch = self.path.with_suffix(".new")
        with _opened(scratch, os.O_CREAT | os.O_TRUNC) as file:
            _write(file, b"".join(line_of(entry) for entry in entries))
        scratch.replace(self.path)
        sync_directory(self.path.parent)

    def put_aside(self, lines: Sequence[bytes]) -> None:
        """Keeps lines for a person to look at, up to a bound. That this fails must not stop an alert."""
        with contextlib.suppress(OSError), _opened(self.aside, os.O_CREAT | os.O_APPEND) as file:
            room = max(0, ASIDE_BYTES - os.fstat(file).st_size)
            os.write(file, b"\n".join((*lines, b""))[:room])


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    """For its owner alone, and through no link. Raises OSError."""
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | flags, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def line_of(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def entry_of(line: bytes) -> Mapping[str, Any] | None:
    """None for a line that was cut off or changed."""
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    try:
        entry = json_of(text)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _write(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]
    os.fsync(file)


WAITING_KEPT = 1000
# After so many lines the file is written anew with what still matters.
LINES_KEPT = 500


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
    """Memory is the truth, the file its copy. `trouble` says why the copy is not up to date, if it is not.

    A disk that takes nothing more must not keep an alert from being sent, so no method raises OSError
    but the constructor.
    """

    def __init__(self, path: Path, *, looking: bool = False) -> None:
        """`looking`: only to look. Nothing is written, and another watch may be writing: a last line that is half
        written is not bad. Raises OSError.
        """
        self._file = OutboxFile(path)
        self._queue: dict[str, OutboxMessage] = {}
        self._lost: dict[str, int] = {}
        self._delivered = DeliveredToAll()
        self._next = 1
        self._lines = 0
        self.alerts: Mapping[str, Any] | None = None
        self.trouble = ""
        # How many lines could not be read. They are kept aside.
        self.unread = self._load(looking=looking)

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
        """Takes messages in, and what the alerts remember with them, in one line: both or neither.

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
        self._record({"put": [_document(queued) for queued in put], "alerts": alerts, "next": self._next})
        for queued in self.waiting[: max(0, len(self._queue) - WAITING_KEPT)]:
            for destination in queued.to:
                self.give_up(queued.number, destination)
        return tuple(put)

    def accepted(self, number: str, destination: str) -> None:
        """It arrived there, and so did the note about those that were given up before."""
        self._lost.pop(destination, None)
        self._take(number, destination)
        self._record({"accepted": number, "by": destination})

    def give_up(self, number: str, destination: str) -> None:
        """It will not be tried there any more. The destination hears how many when it next accepts something."""
        self._lost[destination] = self.lost(destination) + 1
        self._remove(number, destination)
        self._record({"given_up": number, "by": destination})

    def keep_only(self, destinations: Sequence[str]) -> int:
        """Forgets what waits for destinations that there are no more; returns how many messages that were.

        What they had accepted is remembered: should one come back, it gets what it has missed.
        """
        strangers = [(queued.number, to) for queued in self.waiting for to in queued.to if to not in destinations]
        for number, destination in strangers:
            self._remove(number, destination)
        self._lost = {to: count for to, count in self._lost.items() if to in destinations}
        self._delivered.keep(destinations)
        if strangers:
            self._rewrite()
        return len(strangers)

    def _load(self, *, looking: bool) -> int:
        entries, bad = self._file.read(being_written=looking)
        for entry in entries:
            try:
                self._apply(entry)
            except (ValueError, TypeError, KeyError, AttributeError):
                bad.append(repr(entry).encode("ascii", "backslashreplace"))
        if bad and not looking:
            self._file.put_aside(bad)
        if (entries or bad) and not looking:
            self._rewrite()
        return len(bad)

    def _apply(self, entry: Mapping[str, Any]) -> None:
        number, by = entry.get("accepted") or entry.get("given_up"), str(entry.get("by"))
        if number is not None:
            lost = self.lost(by) + 1 if "given_up" in entry else 0
            self._lost = {**self._lost, by: lost}
            (self._remove if "given_up" in entry else self._take)(str(number), by)
            return
        if "heard" in entry:
            self._delivered.recall(entry["heard"])
        put = [
            OutboxMessage(str(raw["message"]["id"]), message_of(raw["message"]), tuple(map(str, raw["to"])))
            for raw in entry["put"]
        ]
        self._next = max(self._next, int(entry["next"]))
        self._queue.update({queued.number: queued for queued in put if queued.to})
        self._lost |= {str(to): int(count) for to, count in entry.get("lost", {}).items()}
        if entry["alerts"] is not None:
            self.alerts = dict(entry["alerts"])

    def _record(self, entry: Mapping[str, Any]) -> None:
        if self.trouble or self._lines >= LINES_KEPT:
            self._rewrite()
            return
        try:
            self._file.append(entry)
            self._lines += 1
        except OSError as error:
            self.trouble = f"{self._file.path}: {error.strerror}"

    def _rewrite(self) -> None:
        """All of it in one line per message, so that one bad line costs one message."""
        heard = self._delivered.document
        lines: list[Mapping[str, Any]] = [
            {"put": [], "alerts": self.alerts, "next": self._next, "lost": self._lost, "heard": heard},
            *({"put": [_document(q)], "alerts": None, "next": self._next} for q in self._queue.values()),
        ]
        try:
            self._file.replace(lines)
            self._lines, self.trouble = len(lines), ""
        except OSError as error:
            self.trouble = f"{self._file.path}: {error.strerror}"
        self._lines = min(self._lines, LINES_KEPT // 2)

    def _take(self, number: str, destination: str) -> None:
        queued = self._queue.get(number)
        if queued is not None and destination in queued.to:
            self._delivered.took(destination, queued.message)
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


def _receivers(message: Message, to: Sequence[str], known: Mapping[str, dict[str, Delivered]]) -> tuple[str, ...]:
    """The destinations that do not know it yet; from then on they do."""
    if not message.key or message.kind is AlertKind.DIGEST:
        return tuple(to)
    state = _state(heard_of(message))
    receivers = tuple(key for key in to if _state(known[key].get(message.key)) != state)
    for key in receivers:
        _overlay(known[key], message)
    return receivers


def _state(delivered: Delivered | None) -> str:
    return "" if delivered is None else delivered.state


def _overlay(known: dict[str, Delivered], message: Message) -> None:
    after = heard_of(message)
    known.pop(message.key, None)
    if after is not None:
        known[message.key] = after


def _document(queued: OutboxMessage) -> dict[str, Any]:
    return {"message": queued.document, "to": list(queued.to)}
