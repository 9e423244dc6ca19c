"""Signs of life for a dead man's switch: a request or a touched file, given only while the cluster is seen."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

from console import __version__
from console.session.alert_urls import AlertUrl

TIMEOUT_S = 5.0
# For the whole request, in however small pieces its answer comes.
DEADLINE_S = 15.0


class Heartbeat:
    """`beat` returns at once; trouble is logged once until it is over."""

    def __init__(self, url: AlertUrl | None, file: Path | None, log: Callable[[str], None]) -> None:
        self._url = url
        self._file = file
        self._log = log
        self._asking = False
        self._asked = 0
        self._trouble = ""

    @property
    def wanted(self) -> bool:
        return self._url is not None or self._file is not None

    def beat(self) -> None:
        if self._file is not None:
            self._touch(self._file)
        if self._url is not None and not self._asking:
            self._asking = True
            loop = asyncio.get_running_loop()
            self._asked += 1
            loop.call_later(DEADLINE_S, self._overdue, self._asked)
            asking = (self._url, loop, self._asked)
            threading.Thread(target=self._ask, args=asking, name="heartbeat", daemon=True).start()

    def _touch(self, file: Path) -> None:
        try:
            file.touch(mode=0o600)
        except OSError as error:
            self._told(f"{file}: {error.strerror}")
        else:
            self._told("")

    def _ask(self, url: AlertUrl, loop: asyncio.AbstractEventLoop, number: int) -> None:
        """In a thread: name resolution alone may take as long as it likes."""
        said = _get(url)
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(self._answered, number, said)

    def _overdue(self, number: int) -> None:
        """An answer that drips would otherwise be waited for without end, and nobody would get a sign of life."""
        self._answered(number, f"no answer within {DEADLINE_S:g} s")

    def _answered(self, number: int, said: str) -> None:
        if self._asking and number == self._asked:
            self._asking = False
            self._told(said)

    def _told(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._log(f"heartbeat: {trouble}" if trouble else "heartbeat: heard again")
        self._trouble = trouble


def _get(url: AlertUrl) -> str:
    """An empty word, or why nobody answered as wished."""
    asked = urllib.request.Request(url.bare, headers={"User-Agent": f"iamops-watch/{__version__}"})  # noqa: S310 - checked: http(s)
    if url.user is not None:
        # urllib would ask for the address of `user:password@host`, and pass a header of ours on to another host.
        told = base64.b64encode(":".join(url.user).encode()).decode("ascii")
        asked.add_unredirected_header("Authorization", f"Basic {told}")
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:  # noqa: S310 - checked: http(s)
            answer.read(1024)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return url.masked(f"{url.shown}: {error}")
    return ""
