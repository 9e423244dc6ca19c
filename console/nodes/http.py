"""One HTTP request over any byte stream, judged as a health probe. Speaks HTTP/1.1 through h11."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import h11

from console import __version__
from console.model.facts import ProbeOutcome, ProbeReport
from console.nodes.transport import ByteStream
from console.parse.foreign_json import json_of
from console.parse.log_counts import PROBE_AGENT
from console.parse.words import words, words_of

MAX_BODY = 64 * 1024
# An answer as a whole: head, interim answers (RFC 9110 section 15.2), of which no good one has many, and body.
ANSWER_BYTES = 256 * 1024
INTERIM_MOST = 10
READ_BYTES = 16 * 1024
USER_AGENT = f"{PROBE_AGENT}/{__version__}"


CLOSED = ProbeReport(ProbeOutcome.CLOSED, detail="closed without an answer")


@dataclass(frozen=True, slots=True)
class HttpQuestion:
    """GET `path` with this Host header."""

    host: str
    path: str


async def ask(stream: ByteStream, question: HttpQuestion, clock: Callable[[], float]) -> ProbeReport:
    """Sends one GET and judges the answer. The caller bounds the time and closes the stream.

    Healthy is: status 200-399 and, where the body is JSON with a `status`, that status is "ok".
    """
    started = clock()
    answer = Answer(question)
    await stream.write(answer.request)
    try:
        while True:
            chunk = await stream.read(READ_BYTES)
            report = answer.add(chunk, (clock() - started) * 1000)
            if report is not None:
                return report
            # What has arrived already is read without waiting: nobody else's turn may hang on it.
            await asyncio.sleep(0)
    except (ConnectionError, asyncio.IncompleteReadError):
        return CLOSED


class Answer:
    """One answer as its bytes arrive: the same reading and the same bounds for whoever asks. Does no I/O."""

    def __init__(self, question: HttpQuestion) -> None:
        self._dialogue = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_BODY)
        self._response: h11.Response | None = None
        self._body = b""
        self._size = self._interim = 0
        self.request = _request(self._dialogue, question)

    def add(self, chunk: bytes, after_ms: float) -> ProbeReport | None:
        """Takes the next bytes, none at the end. What is to be said of the answer; None while it is not whole."""
        self._size += len(chunk)
        if not chunk and not self._size:
            return CLOSED
        if self._size > ANSWER_BYTES:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=f"more than {ANSWER_BYTES >> 10} KiB of an answer")
        try:
            self._dialogue.receive_data(chunk)
            whole = self._whole()
        except h11.RemoteProtocolError as error:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=f"not HTTP: {words(str(error), 120)}")
        if self._interim > INTERIM_MOST:
            return ProbeReport(ProbeOutcome.BAD_ANSWER, detail="says `100 Continue` without end")
        if self._response is None or not whole:
            return None
        return judged(self._response.status_code, self._response.headers, self._body, after_ms)

    def _whole(self) -> bool:
        """Reads what there is; True at the end of the answer, or of as much of it as is kept."""
        while len(self._body) < MAX_BODY:
            event = self._dialogue.next_event()
            if event is h11.NEED_DATA:
                return False
            if isinstance(event, h11.Response):
                self._response = event
            elif isinstance(event, h11.InformationalResponse):
                self._interim += 1
                if self._interim > INTERIM_MOST:
                    return False
            elif isinstance(event, h11.Data):
                self._body += bytes(event.data)
            elif self._response is None:
                raise h11.RemoteProtocolError("no status line")
            else:
                return True
        return True


def judged(
    status: int, headers: h11._headers.Headers | list[tuple[bytes, bytes]], body: bytes, latency_ms: float
) -> ProbeReport:
    """A complete answer as a report."""
    named = dict(headers)
    served_by = named.get(b"x-served-by")
    problem = _problem(status, named.get(b"content-type", b""), body)
    return ProbeReport(
        outcome=ProbeOutcome.BAD_ANSWER if problem else ProbeOutcome.OK,
        latency_ms=round(latency_ms, 2),
        status=status,
        detail=problem,
        answered_by=words_of(served_by, 80) if served_by else None,
    )


def _problem(status: int, content_type: bytes, body: bytes) -> str:
    if not 200 <= status < 400:
        return f"HTTP {status}"
    if b"json" not in content_type:
        return ""
    try:
        document = json_of(body)
    except ValueError:
        return "HTTP 200, but the body is not JSON"
    said = document.get("status") if isinstance(document, dict) else None
    return "" if said in (None, "ok") else f"says status {words(str(said), 60)!r}"


def _request(dialogue: h11.Connection, question: HttpQuestion) -> bytes:
    headers = [("Host", question.host), ("User-Agent", USER_AGENT), ("Connection", "close")]
    request = h11.Request(method="GET", target=question.path, headers=headers)
    return (dialogue.send(request) or b"") + (dialogue.send(h11.EndOfMessage()) or b"")
