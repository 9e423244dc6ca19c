"""The fast client probe: a new request every few milliseconds, none waiting for another, in its own thread."""

from __future__ import annotations

import contextlib
import errno
import http.client
import io
import math
import os
import selectors
import socket
import struct
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from types import SimpleNamespace

from iamops.model.outage import GapReport, Hole, ProbeResult, ProbeRow, ProbeSample, Samples, Segment, gap_report
from iamops.nodes.netns import enter_namespace
from iamops.nodes.probes.client import ClientTarget
from iamops.nodes.probes.http import MAX_BODY, HttpRequest, HttpResponse, judged
from iamops.nodes.supervisor import since_boot
from iamops.nodes.transport import Clock

EVERY_S = 0.01
# A client that has waited this long for a health check has felt it. It is also shorter than the second
# after which the kernel sends a lost SYN again: what is answered then was dark.
PATIENCE_S = 0.25
# A thread that did not run for PAUSE_S cannot tell a late answer from none. From HOLE_S on nothing was measured;
# less is what `resolution_ms` and the uncertainty of a gap are for.
PAUSE_S, HOLE_S = 0.1, PATIENCE_S
# A lane that is rarely asked is asked this often in trouble: often enough, and no burden for a node that has one.
TROUBLE_EVERY_S = 0.05
# What has no answer by now may never have one.
LATE_S = 0.03
START_TIMEOUT_S = 2.0
# The probe's thread must not wait for the interpreter while the screen or a judge is busy.
SWITCH_S = 0.0005
# The pause after a fault of ours: longer than a hole, so that it is one.
AGAIN_AFTER_S = 2 * HOLE_S
# What is missing on our own machine says nothing about the cluster.
OURS = frozenset({errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# Two minutes at a request every 10 ms: the most that a plot shows.
SAMPLES_KEPT = 12_000
_RESET = struct.pack("ii", 1, 0)
# A connection that is accepted and then closed is an answer, though a wrong one.
_RESULTS = {
    errno.ECONNREFUSED: ProbeResult.REFUSED,
    errno.ECONNRESET: ProbeResult.WRONG,
    errno.EPIPE: ProbeResult.WRONG,
}


@dataclass(frozen=True, slots=True)
class Lane:
    """What is asked for, and how often while all is well: in trouble at least every `TROUBLE_EVERY_S`.

    `any_answer`: every answer is a good one.
    """

    target: ClientTarget
    every_s: float = EVERY_S
    any_answer: bool = False


class _LaneState:
    """The attempts of one lane so far."""

    def __init__(self, lane: Lane) -> None:
        self.settings = lane
        self.request = HttpResponse(HttpRequest(lane.target.host, lane.target.path)).request
        self.asked = 0.0
        self.segments: list[Segment] = []
        self.own_errors = 0
        self.spacing_s = 0.0

    def due(self, at_least_s: float) -> float:
        """When to ask next: as often as the lane wants it, or more often than that."""
        return self.asked + min(at_least_s, self.settings.every_s)

    def count(self, attempt: _Attempt, holes: list[Hole]) -> None:
        if attempt.ours or attempt.result is None:
            self.own_errors += 1
            return
        started = attempt.started
        last = self.segments[-1] if self.segments else None
        if last is None or (holes and last.last <= holes[-1].began < started):
            self.segments.append(Segment(attempt.result, attempt.node, started, started, 1))
            return
        self.spacing_s = max(self.spacing_s, started - last.last)
        if (last.result, last.node) == (attempt.result, attempt.node):
            self.segments[-1] = Segment(last.result, last.node, last.first, started, last.count + 1)
        else:
            self.segments.append(Segment(attempt.result, attempt.node, started, started, 1))


@dataclass(slots=True, eq=False)
class _Attempt:
    """One request on its way. `result` None: not known yet."""

    started: float
    lane: _LaneState
    selector: selectors.BaseSelector
    connection: socket.socket | None = None
    sent: bool = False
    answer: bytearray = field(default_factory=bytearray)
    result: ProbeResult | None = None
    node: str | None = None
    latency_ms: float | None = None
    ours: bool = False

    def start(self) -> None:
        target = self.lane.settings.target
        try:
            family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
            self.connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            code = self.connection.connect_ex((target.address, target.port))
        except OSError as failure:
            code = failure.errno or errno.EMFILE
        if code in (0, errno.EINPROGRESS) and self.connection is not None:
            self.selector.register(self.connection, selectors.EVENT_WRITE, self)
        else:
            self._fail(code)

    def advance(self) -> None:
        """The connection is ready to be written to, or read from."""
        connection = self.connection
        if connection is None:
            return
        try:
            if not self.sent:
                code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    raise OSError(code, os.strerror(code))
                connection.send(self.lane.request)
                self.sent = True
                self.selector.modify(connection, selectors.EVENT_READ, self)
                return
            chunk = connection.recv(16 * 1024)
        except BlockingIOError:
            return
        except OSError as failure:
            self._fail(failure.errno or 0)
            return
        self.answer += chunk
        if chunk and len(self.answer) <= MAX_BODY:
            return
        # nginx closes first, so the port is free again at once: no TIME_WAIT stays with us.
        self._close()
        report = _judged(bytes(self.answer))
        good = report is not None and (report[0] or self.lane.settings.any_answer)
        self.result = ProbeResult.GOOD if good else ProbeResult.WRONG
        self.node = report[1] if report is not None else None
        if good:
            self.latency_ms = round((time.monotonic() - self.started) * 1000, 2)

    def abandon(self) -> None:
        """We close first here: a reset leaves no port waiting."""
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._close()

    def _fail(self, code: int) -> None:
        self._close()
        self.ours = code in OURS
        self.result = _RESULTS.get(code, ProbeResult.DARK)

    def _close(self) -> None:
        if self.connection is not None:
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(self.connection)
            self.connection.close()
            self.connection = None


class GapProbe:
    """Probes until stopped. `report` may be called at any time, from any thread; `clock` gives session time.

    Time in which the probe itself did not run is a hole: not measured, and nobody's failure.
    """

    def __init__(self, *lanes: Lane, namespace: str | None, clock: Clock = time.monotonic) -> None:
        self._namespace, self._clock = namespace, clock
        self._usual_s = sys.getswitchinterval()
        self._lanes = [_LaneState(lane) for lane in lanes]
        self._under_way: deque[_Attempt] = deque()
        self._often_s = min(lane.every_s for lane in lanes)
        self._holes: list[Hole] = []
        self._samples: deque[ProbeSample] = deque(maxlen=SAMPLES_KEPT)
        self._ran_at = self._awake = 0.0
        self._changing = threading.Lock()
        self._stopped = threading.Event()
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="gap-probe", daemon=True)

    def start(self) -> None:
        """Raises NamespaceMissing, NamespaceForbidden."""
        sys.setswitchinterval(SWITCH_S)
        self._thread.start()
        self._ready.wait(START_TIMEOUT_S)
        if self._failure is not None:
            sys.setswitchinterval(self._usual_s)
            raise self._failure

    def stop(self) -> None:
        """Returns when every attempt that was under way has its answer, or none: at most the patience."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE_S + START_TIMEOUT_S)
        sys.setswitchinterval(self._usual_s)

    def report(self) -> GapReport:
        with self._changing:
            rows = [ProbeRow(tuple(lane.segments), lane.spacing_s, lane.own_errors) for lane in self._lanes]
            return gap_report(rows, self._holes)

    def samples(self) -> Samples:
        """The latest attempts, one by one, oldest first."""
        with self._changing:
            return Samples(tuple(self._samples), self._clock() - time.monotonic())

    # --- the thread ---

    def _run(self) -> None:
        try:
            enter_namespace(self._namespace)
        except OSError as failure:
            self._failure = failure
            return
        finally:
            self._ready.set()
        self._ran_at, self._awake = time.monotonic(), since_boot()
        while not self._stopped.is_set():
            # The thread's edge: after a fault probing goes on, and the time until then is a hole.
            with contextlib.suppress(Exception), selectors.DefaultSelector() as selector:
                try:
                    self._probe(selector)
                finally:
                    self._abandon_all()
            if not self._stopped.wait(AGAIN_AFTER_S):
                began, self._ran_at, self._awake = self._ran_at, time.monotonic(), since_boot()
                with self._changing:
                    self._holes.append(Hole(began, self._ran_at, self._ran_at - began))

    def _probe(self, selector: selectors.BaseSelector) -> None:
        while self._under_way or not self._stopped.is_set():
            self._was_away()
            now = self._ran_at
            every_s = TROUBLE_EVERY_S if self._in_trouble(now) else math.inf
            for lane in self._lanes if not self._stopped.is_set() else ():
                if (due := lane.due(every_s)) <= now:
                    attempt = _Attempt(now, lane, selector)
                    attempt.start()
                    self._under_way.append(attempt)
                    # A schedule that was missed is not made up for: that would be a burst, not a client.
                    lane.asked = max(due, now - (due - lane.asked))
            for attempt in self._under_way:
                if now - attempt.started < PATIENCE_S:
                    break  # the others are younger
                if attempt.result is None:
                    attempt.abandon()
                    attempt.result = ProbeResult.DARK
            self._settle()
            wait_s = min(min(lane.due(every_s) for lane in self._lanes) - time.monotonic(), self._often_s)
            ready = selector.select(max(0.0, wait_s))
            if not self._was_away():
                for key, _ in ready:
                    key.data.advance()

    def _was_away(self) -> bool:
        """Whether this thread did not run for a while. Then attempts on their way have no result: an answer may
        have come in time, and nobody looked.
        """
        ran_at, self._ran_at = self._ran_at, time.monotonic()
        awake, self._awake = self._awake, since_boot()
        away_s = self._awake - awake
        if away_s <= PAUSE_S:
            return False
        self._settle()
        self._abandon_all()
        if away_s > HOLE_S:
            with self._changing:
                self._holes.append(Hole(ran_at, self._ran_at, away_s))
        return True

    def _abandon_all(self) -> None:
        for attempt in self._under_way:
            attempt.abandon()
        self._under_way.clear()

    def _in_trouble(self, now: float) -> bool:
        """A request was not answered well, or nginx itself is late."""
        first, *others = self._lanes
        if not others:
            return False
        late = any(attempt.lane is first and now - attempt.started > LATE_S for attempt in self._under_way)
        return late or any(
            lane.segments and lane.segments[-1].result is not ProbeResult.GOOD for lane in self._lanes
        )

    def _settle(self) -> None:
        """Counts what is decided, in the order in which it was started."""
        while self._under_way and (result := self._under_way[0].result) is not None:
            attempt = self._under_way.popleft()
            with self._changing:
                attempt.lane.count(attempt, self._holes)
                if not attempt.ours:
                    self._samples.append(ProbeSample(attempt.started, result, attempt.latency_ms))


def _judged(answer: bytes) -> tuple[bool, str | None] | None:
    """Whether the answer is a good one, and who gave it; None for what is not HTTP."""
    try:
        arrived = SimpleNamespace(makefile=lambda _mode: io.BytesIO(answer))
        response = http.client.HTTPResponse(arrived, method="GET")  # type: ignore[arg-type]  # it calls makefile() only
        response.begin()
        body = response.read(MAX_BODY)
    except (http.client.HTTPException, ArithmeticError, ValueError, OSError):
        return None
    headers = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in response.getheaders()]
    report = judged(response.status, headers, body, 0.0)
    return report.ok, report.answered_by
