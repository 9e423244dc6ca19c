"""What a client on the operator's machine sees at the VIP: its own thread, the monotonic clock."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.observed import Unknown
from iamops.nodes.probes.http import READ_BYTES, HttpRequest, HttpResponse
from iamops.redact.clean import fault_of_ours

OpenSocket = Callable[[str, int, float], socket.socket]
OnReport = Callable[[str, ProbeReport | Unknown], None]

TIMEOUT_S = 1.0
EVERY_S = 1.0
TICK_S = 0.5


@dataclass(frozen=True, slots=True)
class ClientTarget:
    """An address a client would use. `name` is the VRRP instance, or `public`."""

    name: str
    address: str
    port: int
    host: str
    path: str


class ClientProbe:
    """Asks every address until stopped. `on_report` and `beat` are called from the probe's thread.

    Targets of one name are the domains of one address. All of them are asked once, then one after the other;
    one that fails is asked again until it answers, so reports are good only while none is known to fail. A fault
    of the probe itself costs one round. `beat`: a sign of life.

    `due_in_s`: how long to wait yet, after a round that began so many seconds ago; it is called repeatedly, since
    the answer may change meanwhile.
    """

    def __init__(
        self,
        targets: tuple[ClientTarget, ...],
        open_socket: OpenSocket,
        on_report: OnReport,
        *,
        due_in_s: Callable[[float], float] = lambda past_s: EVERY_S - past_s,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._domains: dict[str, deque[ClientTarget]] = {}
        for target in targets:
            self._domains.setdefault(target.name, deque()).append(target)
        self._open_socket = open_socket
        self._on_report = on_report
        self._due_in_s = due_in_s
        self._beat = beat
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="client-probe", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended: at most one probe's timeout later."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_S * (len(self._domains) + 1))

    def _run(self) -> None:
        """The thread's edge: no answer may end it."""
        questions = max((len(domains) for domains in self._domains.values()), default=1)
        while not self._stopped.is_set():
            try:
                self._round(questions)
                questions = 1
            except Exception as error:
                for name in self._domains:
                    self._on_report(name, Unknown(fault_of_ours(error)))
                self._stopped.wait(EVERY_S)

    def _round(self, questions: int) -> None:
        began = time.monotonic()
        for name, domains in self._domains.items():
            report = self._asked(domains, questions)
            if not self._stopped.is_set():
                self._on_report(name, report)
        self._beat()
        while (left_s := self._due_in_s(time.monotonic() - began)) > 0:
            if self._stopped.wait(min(left_s, TICK_S)):
                break
            self._beat()

    def _asked(self, domains: deque[ClientTarget], questions: int) -> ProbeReport:
        """The first bad answer, or the last good one. The domain to be asked next stands in front."""
        for _ in range(min(questions, len(domains))):
            report = probe_once(domains[0], self._open_socket)
            if not report.ok or self._stopped.is_set():
                break
            domains.rotate(-1)
        return report


def probe_once(target: ClientTarget, open_socket: OpenSocket, timeout_s: float = TIMEOUT_S) -> ProbeReport:
    """One request from this machine, over within `timeout_s` even if its answer comes in small pieces."""
    started, accepted = time.monotonic(), False
    failed = partial(ProbeReport, host=target.host)
    try:
        with open_socket(target.address, target.port, timeout_s) as connection:
            accepted = True
            answer = HttpResponse(HttpRequest(target.host, target.path))
            connection.settimeout(timeout_s)
            connection.sendall(answer.request)
            while (left_s := started + timeout_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                chunk = connection.recv(READ_BYTES)
                report = answer.add(chunk, (time.monotonic() - started) * 1000)
                if report is not None:
                    return replace(report, host=target.host)
            raise TimeoutError
    except TimeoutError:
        detail = f"no {'answer' if accepted else 'connection'} within {timeout_s:g} s"
        return failed(ProbeOutcome.TIMEOUT, detail=detail, accepted=accepted)
    except ConnectionRefusedError:
        return failed(ProbeOutcome.REFUSED, detail=f"port {target.port} refused")
    except ConnectionError as error:
        return failed(ProbeOutcome.CLOSED, detail=error.strerror or "connection closed")
    except OSError as error:
        return failed(ProbeOutcome.NO_ROUTE, detail=error.strerror or str(error))
