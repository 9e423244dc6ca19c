"""A webhook and a mail server on loopback that note what arrives, and when."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Arrived:
    """`at`: epoch s, when the sink had all of it."""

    at: float
    title: str
    body: str
    raw: dict[str, Any] = field(default_factory=dict)
    html: str = ""


class Sink:
    """What arrived so far, and waiting for more."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self._news = threading.Condition()

    def took(self, arrived: Arrived) -> None:
        with self._news:
            self.arrived.append(arrived)
            self._news.notify_all()

    @property
    def titles(self) -> list[str]:
        return [each.title for each in self.arrived]

    def until(self, claim: Callable[[list[Arrived]], bool], timeout_s: float = 10.0) -> list[Arrived]:
        with self._news:
            assert self._news.wait_for(lambda: claim(self.arrived), timeout_s), self.titles
            return list(self.arrived)

    def first(self, words: str, timeout_s: float = 10.0) -> Arrived:
        """The first message whose title has these words."""
        self.until(lambda arrived: any(words in each.title for each in arrived), timeout_s)
        return next(each for each in self.arrived if words in each.title)


class Webhook(Sink):
    """Answers `status` to every POST, after `delay_s`."""

    def __init__(self, port: int = 0, *, status: int = 200, delay_s: float = 0.0) -> None:
        super().__init__()
        self.status, self.delay_s = status, delay_s
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                at = time.time()
                time.sleep(sink.delay_s)
                if sink.status == 200:
                    sink.took(Arrived(at, raw["title"], raw["message"], raw))
                self._answer()

            def do_GET(self) -> None:
                sink.took(Arrived(time.time(), f"GET {self.path}", ""))
                self._answer()

            def _answer(self) -> None:
                self.send_response(sink.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/"

    def __enter__(self) -> Webhook:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class MailServer(Sink):
    """As much of SMTP as a client needs to hand over a mail."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        serving = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._talk, "127.0.0.1", 0), self._loop)
        self._server = serving.result(5)
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return (
            f"mailto://127.0.0.1:{self.port}/?smtp=127.0.0.1&mode=insecure&from=iamops@example.com"
            "&to=oncall@example.com&format=text"
        )

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            verb = line.split(b" ")[0].strip().upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                self._mail(await reader.readuntil(b"\r\n.\r\n"))
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            await writer.drain()
            if verb == b"QUIT":
                break
        writer.close()

    def _mail(self, raw: bytes) -> None:
        mail = message_from_bytes(raw.removesuffix(b".\r\n"), policy=policy.default)
        text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
        body, rich = (part.get_content() if part else "" for part in (text, html))
        self.took(Arrived(time.time(), str(mail["subject"]), body, html=rich))

    def __enter__(self) -> MailServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
