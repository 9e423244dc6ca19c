"""Messages that are still to be delivered, and what the alerts remember: on disk before anything is sent."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iamops.judge.alerts.memory import Delivered, DeliveredToAll, heard_of
from iamops.judge.alerts.message import AlertKind, Message
from iamops.model.foreign import json_of
from iamops.report.watch import alert_document, message_of

# The outbox's file: checksummed lines, on disk when `append` returns, replaced as a whole now and then.

ASIDE_BYTES = 1024 * 1024


class OutboxFile:
    """One file and, beside it, `.bad`: lines that could not be read. Only one process may write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.aside = path.with_suffix(".bad")

    def read(self, *, being_written: bool = False) -> tuple[list[Mapping[str, Any]], list[bytes]]:
        """Every whole line, oldest first, and every line that is not what was written. Raises OSError.

        `being_written`: a last line without its end is not counted as bad.
        """
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return [], []
        if being_written:
            raw = raw[: raw.rfind(b"\n") + 1]
        whole, bad = list[Mapping[str, Any]](), list[bytes]()
        for line in raw.splitlines():
            entry = entry_of(line)
            if entry is not None:
                whole.append(entry)
            elif line:
                bad.append(line)
        return whole, bad

    def append(self, entry: Mapping[str, Any]) -> None:
        """Raises OSError, and then the file is as it was or ends in a torn line."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(self.path, flags, 0o600)
        try:
            _write(file, line_of(entry))
        finally:
            os.close(file)

    def replace(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """The file with these lines and no others, or as it was. Raises OSError."""
        scratch = self.path.with_suffix(".new")
        file = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _write(file, b"".join(line_of(entry) for entry in entries))
        finally:
            os.close(file)
        scratch.replace(self.path)
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def put_aside(self, lines: Sequence[bytes]) -> None:
        """Keeps lines for a person to look at, up to a bound. That this fails must not stop an alert."""
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            file = os.open(self.aside, flags, 0o600)
            try:
                room = max(0, ASIDE_BYTES - os.fstat(file).st_size)
                os.write(file, b"\n".join((*lines, b""))[:room])
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


@dataclass(frozen=True, slots=True)
class Glance:
    """What a file holds, for a look from outside."""

    parcels: tuple[OutboxMessage, ...]
    alerts: Mapping[str, Any] | None
    unreadable: int


class Outbox:
    """Memory is the truth, the file its copy. `trouble` says why the copy is not up to date, if it is not.

    A disk that takes nothing more must not keep an alert from being sent, so no method raises OSError
    but the constructor.
    """

    def __init__(self, path: Path, *, looking: bool = False) -> None:
        """`looking`: only to look; nothing is written."""
        self._file = OutboxFile(path)
        self._parcels: dict[str, OutboxMessage] = {}
        self._lost: dict[str, int] = {}
        self._heard = DeliveredToAll()
        self._next = 1
        self._lines = 0
        self.alerts: Mapping[str, Any] | None = None
        self.trouble = ""
        self.unread = self._load(looking=looking)

    # --- looking ---

    @property
    def waiting(self) -> tuple[OutboxMessage, ...]:
        return tuple(self._parcels.values())

    def first_for(self, destination: str) -> OutboxMessage | None:
        """The oldest message that the destination has not accepted."""
        return next((p for p in self._parcels.values() if destination in p.to), None)

    def lost(self, destination: str) -> int:
        """How many messages were given up since it last accepted one."""
        return self._lost.get(destination, 0)

    def knows(self, destination: str) -> dict[str, Delivered]:
        """Finding's key -> how the destination will know it once it has taken all that waits for it."""
        known = dict(self._heard.at(destination))
        for parcel in self._parcels.values():
            if parcel.message.key and destination in parcel.to:
                _overlay(known, parcel.message)
        return known

    # --- changing ---

    def put(
        self, messages: Sequence[Message], to: Sequence[str], alerts: Mapping[str, Any] | None = None
    ) -> tuple[OutboxMessage, ...]:
        """Takes messages in, and what the alerts remember with them, in one line: both or neither.

        A finding goes to whoever does not know it to be so, its end to whoever does.
        """
        known = {each: self.knows(each) for each in to} if any(each.key for each in messages) else {}
        parcels = tuple(self._parcel(each, _receivers(each, to, known)) for each in messages)
        if alerts is not None:
            self.alerts = alerts
        self._parcels.update({parcel.number: parcel for parcel in parcels if parcel.to})
        self._record({"put": [_written(parcel) for parcel in parcels], "alerts": alerts, "next": self._next})
        for parcel in tuple(self._parcels.values())[: max(0, len(self._parcels) - WAITING_KEPT)]:
            for destination in parcel.to:
                self.give_up(parcel.number, destination)
        return parcels

    def accepted(self, number: str, destination: str) -> None:
        """It arrived there, and so did the word of those that were given up before."""
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

        What they had accepted is remembered: should one come back, it hears what it has missed.
        """
        strangers = [(p.number, to) for p in self.waiting for to in p.to if to not in destinations]
        for number, destination in strangers:
            self._remove(number, destination)
        self._lost = {to: count for to, count in self._lost.items() if to in destinations}
        self._heard.keep(destinations)
        if strangers:
            self._rewrite()
        return len(strangers)

    # --- the file ---

    def _load(self, *, looking: bool) -> int:
        """Reads the file; returns how many of its lines could not be read. They are kept aside."""
        entries, bad = self._file.read(being_written=looking)
        for entry in entries:
            try:
                self._apply(entry)
            except (ValueError, TypeError, KeyError, AttributeError):
                bad.append(repr(entry).encode("ascii", "backslashreplace"))
        if looking:
            return len(bad)
        if bad:
            self._file.put_aside(bad)
        if entries or bad:
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
            self._heard.recall(entry["heard"])
        parcels = [_read(each) for each in entry["put"]]
        self._next = max(self._next, int(entry["next"]))
        self._parcels.update({parcel.number: parcel for parcel in parcels if parcel.to})
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
        """The whole of it in one line per message, so that one bad line costs one message."""
        try:
            self._file.replace(tuple(self._whole()))
            self._lines, self.trouble = 1 + len(self._parcels), ""
        except OSError as error:
            self.trouble = f"{self._file.path}: {error.strerror}"
        self._lines = min(self._lines, LINES_KEPT // 2)

    def _whole(self) -> Iterator[Mapping[str, Any]]:
        heard = self._heard.document
        yield {"put": [], "alerts": self.alerts, "next": self._next, "lost": self._lost, "heard": heard}
        for parcel in self._parcels.values():
            yield {"put": [_written(parcel)], "alerts": None, "next": self._next}

    def _parcel(self, said: Message, to: Sequence[str]) -> OutboxMessage:
        number = f"{self._next:06d}-{round(said.at * 1000):x}"
        self._next += 1
        return OutboxMessage(number, said, tuple(to))

    def _take(self, number: str, destination: str) -> None:
        parcel = self._parcels.get(number)
        if parcel is not None and destination in parcel.to:
            self._heard.took(destination, parcel.message)
        self._remove(number, destination)

    def _remove(self, number: str, destination: str) -> None:
        parcel = self._parcels.get(number)
        if parcel is None:
            return
        to = tuple(each for each in parcel.to if each != destination)
        if to:
            self._parcels[number] = OutboxMessage(number, parcel.message, to)
        else:
            del self._parcels[number]


def glance(path: Path) -> Glance:
    """Another watch may be writing: a last line that is half written is not bad. Raises OSError."""
    seen = Outbox(path, looking=True)
    return Glance(seen.waiting, seen.alerts, seen.unread)


def _receivers(said: Message, to: Sequence[str], known: Mapping[str, dict[str, Delivered]]) -> tuple[str, ...]:
    """Whom a message is news for; and from then on they know."""
    if not said.key or said.kind is AlertKind.DIGEST:
        return tuple(to)
    after = heard_of(said)
    news = tuple(each for each in to if _state(known[each].get(said.key)) != _state(after))
    for each in news:
        _overlay(known[each], said)
    return news


def _state(heard: Delivered | None) -> str:
    return "" if heard is None else heard.state


def _overlay(known: dict[str, Delivered], said: Message) -> None:
    after = heard_of(said)
    known.pop(said.key, None)
    if after is not None:
        known[said.key] = after


def _written(parcel: OutboxMessage) -> dict[str, Any]:
    return {"message": parcel.document, "to": list(parcel.to)}


def _read(raw: Mapping[str, Any]) -> OutboxMessage:
    told = raw["message"]
    return OutboxMessage(str(told["id"]), message_of(told), tuple(str(to) for to in raw["to"]))
