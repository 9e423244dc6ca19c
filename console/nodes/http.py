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
USER_AGENT = f"{PROBE_AGENT}/{__version__}"


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
    dialogue = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_BODY)
    await stream.write(_request(dialogue, question))
    try:
        response, body = await _answer(dialogue, stream)
    except h11.RemoteProtocolError as error:
        return ProbeReport(ProbeOutcome.BAD_ANSWER, detail=f"not HTTP: {words(str(error), 120)}")
    except (ConnectionError, asyncio.IncompleteReadError):
        return ProbeReport(ProbeOutcome.CLOSED, detail="closed without an answer")
    return judged(response.status_code, response.headers, body, (clock() - started) * 1000)


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


async def _answer(dialogue: h11.Connection, stream: ByteStream) -> tuple[h11.Response, bytes]:
    response: h11.Response | None = None
    body, heard = b"", False
    while len(body) < MAX_BODY:
        event = dialogue.next_event()
        if event is h11.NEED_DATA:
            chunk = await stream.read(16 * 1024)
            if not chunk and response is None:
                raise _ended_early(heard)
            heard = heard or bool(chunk)
            dialogue.receive_data(chunk)
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage) or response is not None:
            break
    if response is None:
        raise _ended_early(heard)
    return response, body


def _ended_early(heard: bool) -> Exception:
    """Nothing at all is a closed door; something that is no HTTP answer is a wrong one."""
    return h11.RemoteProtocolError("no status line") if heard else ConnectionResetError()
