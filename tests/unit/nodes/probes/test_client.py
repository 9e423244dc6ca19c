"""What a client sees, asked of real sockets on 127.0.0.1."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.observed import Unknown
from iamops.nodes.probes import client
from iamops.nodes.probes.client import ClientProbe, ClientTarget, probe_once

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Served-By: iam-b\r\n\r\n{"status":"ok"}'


def soon(past_s: float) -> float:
    return 0.01 - past_s


def plain(address: str, port: int, timeout_s: float) -> socket.socket:
    return socket.create_connection((address, port), timeout_s)


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[ClientTarget]:
    """Serves connections one by one until the block is left."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def loop() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    serve(connection)

        thread = threading.Thread(target=loop)
        thread.start()
        yield ClientTarget("VI_1", "127.0.0.1", listener.getsockname()[1], "iam.api.marmotedu.com", "/healthz")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def answering(raw: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(raw)

    return serve


def test_a_good_answer_names_the_node_that_gave_it():
    with server(answering(OK)) as target:
        report = probe_once(target, plain)
    assert (report.outcome, report.answered_by) == (ProbeOutcome.OK, "iam-b")
    assert 0 < report.latency_ms < 1000


def test_refused_dark_wrong_and_closed_are_four_different_things():
    with server(answering(OK)) as target:
        pass
    assert probe_once(target, plain).outcome is ProbeOutcome.REFUSED
    release = threading.Event()
    with server(lambda _: release.wait(5) and None) as target:
        assert probe_once(target, plain, timeout_s=0.05).outcome is ProbeOutcome.TIMEOUT
        release.set()
    with server(answering(b"HTTP/1.1 503 Gone\r\n\r\n")) as target:
        report = probe_once(target, plain)
        assert (report.outcome, report.detail) == (ProbeOutcome.BAD_ANSWER, "HTTP 503")
    with server(answering(b"no http at all\r\n")) as target:
        assert probe_once(target, plain).outcome is ProbeOutcome.BAD_ANSWER
    with server(answering(b"")) as target:
        assert probe_once(target, plain).outcome is ProbeOutcome.CLOSED


def test_a_missing_network_is_no_route_with_its_reason():
    def nowhere(address: str, port: int, timeout_s: float) -> socket.socket:
        raise OSError(2, "the lab is not up")

    target = ClientTarget("VI_1", "127.0.0.1", 1, "x", "/")
    report = probe_once(target, nowhere)
    assert (report.outcome, report.detail) == (ProbeOutcome.NO_ROUTE, "the lab is not up")


def test_the_probe_runs_until_it_is_stopped_and_says_nothing_afterwards():
    told: list[tuple[str, ProbeReport]] = []
    enough = threading.Event()

    def tell(name: str, report: ProbeReport) -> None:
        told.append((name, report))
        if len(told) >= 3:
            enough.set()

    with server(answering(OK)) as target:
        probe = ClientProbe((target,), plain, tell, due_in_s=soon)
        probe.start()
        assert enough.wait(5)
        probe.stop()
        count = len(told)
    assert all(report.ok for _, report in told[:3])
    assert len(told) == count


DOMAINS = ("iam.api.marmotedu.com", "iam.authz.marmotedu.com")


def test_every_domain_is_asked_and_one_that_fails_until_it_answers():
    told: list[ProbeReport] = []
    enough = threading.Event()
    failing = [True, True, True]

    def serve(connection: socket.socket) -> None:
        authz = b"iam.authz" in connection.recv(4096)
        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n" if authz and failing else OK)
        if authz and failing:
            failing.pop()

    def tell(name: str, report: ProbeReport) -> None:
        told.append(report)
        if {each.host for each in told if each.ok} == set(DOMAINS):
            enough.set()

    with server(serve) as target:
        probe = ClientProbe((target, replace(target, host="iam.authz.marmotedu.com")), plain, tell, due_in_s=soon)
        probe.start()
        assert enough.wait(20)
        probe.stop()
    bad = [report.host for report in told if not report.ok]
    assert len(bad) >= 3
    assert not told[0].ok
    assert DOMAINS[1] in bad


def dripping(connection: socket.socket) -> None:
    connection.recv(4096)
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(500):
            connection.sendall(b"X-%d: a\r\n" % number)
            time.sleep(0.01)


def continuing(connection: socket.socket) -> None:
    connection.recv(4096)
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 50)


def pouring(connection: socket.socket) -> None:
    connection.recv(4096)
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1;" + b"x" * 4096 + b"\r\na\r\n")


@pytest.mark.parametrize(
    ("serve", "outcome"),
    [
        (dripping, ProbeOutcome.TIMEOUT),
        (continuing, ProbeOutcome.BAD_ANSWER),
        (pouring, ProbeOutcome.BAD_ANSWER),
        (
            answering(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b"[" * 4000),
            ProbeOutcome.BAD_ANSWER,
        ),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"), ProbeOutcome.BAD_ANSWER),
        (
            answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 900),
            ProbeOutcome.BAD_ANSWER,
        ),
    ],
)
def test_a_request_as_a_whole_is_over_in_time_whatever_comes(serve, outcome):
    began = time.monotonic()
    with server(serve) as target:
        report = probe_once(target, plain, timeout_s=0.2)
    assert report.outcome is outcome, report
    assert time.monotonic() - began < 1.5


def test_what_a_probe_fails_of_costs_one_look_and_not_the_thread(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(client, "EVERY_S", 0.01)
    told: list[ProbeReport | Unknown] = []
    enough = threading.Event()
    errors = [AttributeError("x"), RecursionError()]
    beats = []

    def broken(address: str, port: int, timeout_s: float) -> socket.socket:
        if errors:
            raise errors.pop()
        return plain(address, port, timeout_s)

    def tell(name: str, report: ProbeReport | Unknown) -> None:
        told.append(report)
        if len(told) >= 3:
            enough.set()

    with server(answering(OK)) as target:
        probe = ClientProbe((target,), broken, tell, due_in_s=lambda _past_s: 0.0, beat=lambda: beats.append(1))
        probe.start()
        assert enough.wait(5)
        probe.stop()
    assert [type(report) for report in told[:3]] == [Unknown, Unknown, ProbeReport]
    assert "a fault of iamops: RecursionError" in told[0].reason
    assert len(beats) >= 2
