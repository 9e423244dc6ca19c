"""What takes a message: Apprise's services, and a command of the operator's own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import shlex
import threading
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from iamops.judge.alerts.message import AlertKind
from iamops.ledger.outbox import OutboxMessage
from iamops.model.facts import Severity
from iamops.nodes.supervisor import run_in_thread
from iamops.redact.clean import clean_bytes, clean_text
from iamops.report.markup import chat_text
from iamops.session.own_command import run_own
from iamops.session.watch.urls import OWN_HOSTS, VARIABLE, AlertUrl, AlertUrlsRefused

if TYPE_CHECKING:
    from apprise import NotifyBase


DELIVERY_S = 30.0
EXEC_S = 10.0
# Attempts that went over their deadline and still hang; more than that are not begun beside them.
HANGING = 3
REASON_LIMIT = 300


class NotDelivered(Exception):
    """It was not accepted, or that is not known; says why, without any secret."""


class Destination(Protocol):
    """`key` names it in the outbox, `shown` to a person. Neither holds a secret."""

    key: str
    shown: str

    async def deliver(self, queued: OutboxMessage, note: str = "") -> None:
        """Returns once it was accepted. Raises NotDelivered. `note` is added to what is sent."""


class AppriseDestination:
    """One Apprise URL. Each attempt is a thread of its own: a service that hangs holds up nobody else."""

    def __init__(self, url: AlertUrl, plugin: NotifyBase, *, deadline_s: float = DELIVERY_S) -> None:
        self.shown = url.shown
        self.key = f"{url.scheme}-{hashlib.sha256(url.text.encode()).hexdigest()[:16]}"
        self._url = url
        self._plugin = plugin
        self._deadline_s = deadline_s
        self._hanging = 0
        if url.scheme in OWN_HOSTS:
            # One's own mail server or webhook needs no consideration; Apprise waits for 5.5 s between two.
            plugin.request_rate_per_sec = 0

    async def deliver(self, queued: OutboxMessage, note: str = "") -> None:
        if self._hanging >= HANGING:
            raise NotDelivered(f"{self._hanging} earlier attempts still hang")
        attempt = asyncio.ensure_future(
            run_in_thread(partial(self._attempt, queued, note), f"deliver {self.shown}")
        )
        self._hanging += 1
        attempt.add_done_callback(self._ended)
        try:
            refusal = await asyncio.wait_for(asyncio.shield(attempt), self._deadline_s)
        except TimeoutError:
            raise NotDelivered(f"no answer within {self._deadline_s:g} s") from None
        if refusal is not None:
            raise NotDelivered(refusal)

    def _ended(self, _attempt: asyncio.Future[str | None]) -> None:
        self._hanging -= 1

    def _attempt(self, queued: OutboxMessage, note: str) -> str | None:
        """In a thread: None when it was accepted, else the reason."""
        from apprise import NotifyType

        bad = {Severity.CRITICAL: NotifyType.FAILURE, Severity.WARNING: NotifyType.WARNING}
        with _logged() as logged:
            try:
                subject, kind = queued.message.subject, bad.get(queued.message.severity, NotifyType.INFO)
                if queued.message.kind is AlertKind.RESOLVED:
                    kind = NotifyType.SUCCESS
                lines = [*queued.message.body, *([note] if note else []), f"iamops watch, message {queued.number}"]
                body = "\n".join(lines)
                # Not through Apprise's own pool of threads: the process could not end while one hangs.
                # Declared as text, so that a service that speaks HTML or Markdown shows it as it is.
                if self._url.scheme not in OWN_HOSTS:
                    subject, body = chat_text(subject), chat_text(body)
                if self._plugin.notify(body, subject, kind, body_format="text"):
                    return None
            except Exception as error:
                # A plugin's own fault must not end the watch; it counts as a refusal.
                logged.append(f"{type(error).__name__}: {error}")
        why = self._url.masked("; ".join(logged)) or "not accepted, and no reason given"
        return clean_text(why, REASON_LIMIT)


class Hook:
    """A command that gets the message's JSON on stdin. Exit code 0 means that it took it."""

    def __init__(self, command: str, *, deadline_s: float = EXEC_S) -> None:
        """Raises AlertUrlsRefused."""
        try:
            self._argv = shlex.split(command)
        except ValueError as error:
            raise AlertUrlsRefused(f"--exec: {error}") from None
        if not self._argv:
            raise AlertUrlsRefused("--exec: expected a command")
        self._deadline_s = deadline_s
        self.shown = f"exec {self._argv[0]}"
        self.key = f"exec-{hashlib.sha256(command.encode()).hexdigest()[:16]}"

    async def deliver(self, queued: OutboxMessage, note: str = "") -> None:
        document = queued.document | ({"note": note} if note else {})
        # Ours without the URLs, and the message's short values as IAMOPS_ALERT_TITLE and the like.
        environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
        for name in ("id", "at", "kind", "severity", "profile", "title", "node", "code"):
            environment[f"IAMOPS_ALERT_{name.upper()}"] = str(document[name] or "")
        try:
            ended = await run_own(
                self._argv,
                deadline_s=self._deadline_s,
                stdin=json.dumps(document).encode() + b"\n",
                env=environment,
                unheard=True,
            )
        except TimeoutError:
            raise NotDelivered(f"{self._argv[0]} took longer than {self._deadline_s:g} s") from None
        except OSError as error:
            raise NotDelivered(f"{self._argv[0]}: {error.strerror}") from None
        if ended.returncode:
            last = ended.stderr.strip().splitlines()[-1:] or [b""]
            raise NotDelivered(f"exit code {ended.returncode} {clean_bytes(last[0], REASON_LIMIT)}".rstrip())


def apprise_destinations(urls: Sequence[AlertUrl]) -> list[Destination]:
    """Loads Apprise. Raises AlertUrlsRefused where it is missing, and for a URL that it does not know."""
    if not urls:
        return []
    # Apprise's log goes to us alone: it may hold what nobody should read on a screen.
    logger = logging.getLogger("apprise")
    logger.propagate = False
    if _HANDLER not in logger.handlers:
        logger.addHandler(_HANDLER)
    found: dict[str, Destination] = {}
    for url in urls:
        with warnings.catch_warnings(), _logged() as logged:
            # Loading it imports modules that this Python means to drop; that is not the operator's concern.
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                from apprise import Apprise, NotifyBase
            except ImportError:
                fix = "install it: pip install 'iamops[alerts]'"
                raise AlertUrlsRefused(f"{url.place}: alert URLs need Apprise, which is missing; {fix}") from None

            plugin = Apprise.instantiate(url.text, suppress_exceptions=True)
        if not isinstance(plugin, NotifyBase):
            reason = clean_text(url.masked("; ".join(logged)), REASON_LIMIT) or "it gives no reason"
            raise AlertUrlsRefused(f"{url.place}: Apprise cannot use this {url.scheme}:// URL: {reason}")
        destination = AppriseDestination(url, plugin)
        found[destination.key] = destination
    return list(found.values())


# Apprise explains itself in its log only.


class _LogHandler(logging.Handler):
    """Keeps what is logged by each thread that asked for it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.by_thread: dict[int, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        lines = self.by_thread.get(threading.get_ident())
        if lines is not None:
            lines.append(record.getMessage())


_HANDLER = _LogHandler()


@contextlib.contextmanager
def _logged() -> Iterator[list[str]]:
    """What Apprise logs in this thread meanwhile."""
    thread = threading.get_ident()
    try:
        yield _HANDLER.by_thread.setdefault(thread, [])
    finally:
        _HANDLER.by_thread.pop(thread, None)
