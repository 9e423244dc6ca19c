"""Logs that stand still until a test writes to them."""

from __future__ import annotations

from collections.abc import Callable

from iamops.model.facts import Severity
from iamops.model.journal import LogPage, LogSource
from iamops.session.logs import LogRing

NOW = 1_760_000_000.0
A, B = "iam-a", "iam-b"


class FixedTap:
    """A ring that only a test fills. `watchers` are the views that are told."""

    def __init__(self) -> None:
        self.ring = LogRing()
        self.watchers: list[Callable[[], None]] = []

    def watch(self, heard: Callable[[], None]) -> Callable[[], None]:
        self.watchers.append(heard)
        return lambda: self.watchers.remove(heard)

    def page(self) -> LogPage:
        return self.ring.page()

    def mark(self, number: int) -> bool:
        return self.ring.mark(number)

    def write(
        self,
        text: str,
        *,
        at: float = NOW,
        node: str = A,
        source: LogSource = LogSource.ACCESS,
        loud: str = "info",
    ) -> None:
        self.ring.add(at, node, source, text, Severity(loud))
        for heard in self.watchers:
            heard()


def request(path: str, status: int = 200, at: str = "24/Nov/2026:17:46:29") -> str:
    """A line of the format `main`."""
    return f'10.0.4.1 - - [{at} +0000] "GET {path} HTTP/1.1" {status} 612 "-" "curl/8.5.0" "-"'


def busy(lines: int = 60) -> FixedTap:
    """A minute of requests on both nodes, and the VIP moving in the middle of it."""
    tap = FixedTap()
    for n in range(lines):
        status = 502 if n in (lines - 12, lines - 3) else 404 if n == lines - 7 else 200
        loud = {502: "critical", 404: "warning"}.get(status, "info")
        tap.write(request(f"/v1/users/{n}", status), at=NOW - lines + n, node=A if n % 3 else B, loud=loud)
    when = NOW - 12.5
    tap.write(
        "2026/11/24 17:46:21 [error] 311#311: *48 connect() failed (111: Connection refused) while connecting to "
        'upstream, client: 10.0.4.1, server: iam.api.marmotedu.com, request: "GET /v1/users/48 HTTP/1.1"',
        at=when,
        node=B,
        source=LogSource.ERROR,
        loud="critical",
    )
    tap.write("keepalived: (VI_1) Entering MASTER STATE", at=when + 0.2, node=B, source=LogSource.JOURNAL)
    tap.write(f"VIP 10.0.4.99 moved {A} -> {B}", at=when + 0.3, node=B, source=LogSource.MARK)
    tap.write(
        "iam-a is not being read: no answer within 5 s", source=LogSource.READER, at=NOW - 4.5, loud="warning"
    )
    return tap
