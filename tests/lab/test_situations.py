"""Situations that only daemons can show: what triage says first on the real pair, and what it must not say."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from console.lab.processes import wait_until
from tests.lab.acting import ActingLab
from tests.lab.slices import sliced
from tests.lab.triage_cases import codes_of, triage
from tests.lab.triage_faults import A, B, Break, asked, done, fault, on_this_machine, sh

STRANGER = "10.0.4.66"
# VRRP version 2 as a router that won: RFC 3768, 5.1; the simple password of RFC 2338, 5.3.6.
ADVERTISE = """
import socket, struct, sys, time
source, nodes, router_id, password, vip = sys.argv[1:]
def checksum(raw):
    total = sum(struct.unpack(f"!{len(raw) // 2}H", raw))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
secret = password.encode()[:8].ljust(8, bytes(1))
head = struct.pack("!BBBBBB", 0x21, int(router_id), 200, 1, 1 if password else 0, 1)
rest = socket.inet_aton(vip) + secret
advert = head + struct.pack("!H", checksum(head + bytes(2) + rest)) + rest
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
out.bind((source, 0))
out.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
until = time.monotonic() + 60
while time.monotonic() < until:
    for each in nodes.split(","):
        out.sendto(advert, (each, 0))
    time.sleep(0.5)
"""
NO_START = """[Service]
ExecStart=
ExecStart=/bin/sh -c 'echo "FATAL cannot bind: address already in use" >&2; exit 1'
Restart=always
RestartSec=1
StartLimitIntervalSec=0
"""


def signalled(node: str, unit: str) -> Break:
    """Every process of the unit stands still: systemd goes on to call it active."""
    kill = f"systemctl kill --kill-who=all {unit} -s "
    return done(node, f"{kill}SIGSTOP", f"{kill}SIGCONT")


@contextmanager
def a_stranger_wins(lab: ActingLab) -> Iterator[None]:
    """A third router in the same network, with our router id and password and a higher priority."""
    vrrp = lab.profile.instance
    secret = lab.place.vrrp_secret.read_text().strip() if vrrp.auth else ""
    nodes = ",".join(["224.0.0.18", *(node.address for node in lab.profile.nodes.values())])
    words = [STRANGER, nodes, str(vrrp.virtual_router_id), secret, vrrp.address]
    enter = ["ip", "netns", "exec", lab.place.operator_namespace]
    on_this_machine([*enter, "ip", "address", "add", f"{STRANGER}/24", "dev", "eth0"])
    stranger = subprocess.Popen([*enter, sys.executable, "-c", ADVERTISE, *words])
    try:
        assert wait_until(lambda: lab.status().owners == (), wait_s=15)
        yield
    finally:
        stranger.kill()
        stranger.wait(10)
        on_this_machine([*enter, "ip", "address", "del", f"{STRANGER}/24", "dev", "eth0"])


@contextmanager
def it_does_not_start(lab: ActingLab) -> Iterator[None]:
    """systemd tries again and again, and never calls it failed."""
    place = "/run/systemd/system/iam-pump.service.d"
    sh(lab, B, f"mkdir -p {place}")
    lab.must(B, ["tee", f"{place}/broken.conf"], stdin=NO_START)
    sh(lab, B, "systemctl daemon-reload; systemctl restart iam-pump; sleep 5")
    try:
        yield
    finally:
        sh(lab, B, f"rm -r {place}; systemctl daemon-reload; systemctl restart iam-pump")


@contextmanager
def a_worker_dies(lab: ActingLab) -> Iterator[None]:
    sh(lab, B, "kill -9 $(pgrep -P $(cat /run/nginx.pid) | head -n 1)")
    asked(lab, 1, "/healthz")
    yield


@dataclass(frozen=True)
class Situation:
    """What is done, what must come first, words of it, and what must not be said."""

    broken: Break
    first: str
    about: str = ""
    never: tuple[str, ...] = ()
    within_s: float = 15.0


SITUATIONS = {
    "a hung keepalived on the standby": Situation(signalled(B, "keepalived"), "keepalived-silent", "state T"),
    "a backend that hangs on the standby": Situation(
        fault(("hang-unit", B, "iam-apiserver")), "service-unhealthy", "", ("dark-outside",)
    ),
    "a stranger with our router id and password": Situation(a_stranger_wins, "stranger-router", STRANGER),
    "a service that does not start": Situation(it_does_not_start, "unit-down", "address already in use"),
    "a worker of nginx that dies": Situation(a_worker_dies, "nginx-worker-died", "signal 9"),
    "Redis is down": Situation(
        done(A, "systemctl stop redis-server", "systemctl start redis-server"), "unit-down", "no audit record"
    ),
}


@pytest.mark.parametrize("name", sliced(SITUATIONS, "Redis is down", "a worker of nginx that dies"))
def test_a_situation_is_told_by_its_cause(triage_lab: ActingLab, name: str) -> None:
    case = SITUATIONS[name]
    triage_lab.reset()  # journals and logs remember the situation before
    with case.broken(triage_lab):
        until = time.monotonic() + case.within_s
        while True:
            findings = triage(triage_lab)["findings"]
            told = findings[:1] and findings[0]["code"] == case.first and case.about in str(findings[0])
            assert not set(case.never) & set(codes_of(findings)), findings
            if told or time.monotonic() > until:
                break
    assert told, findings
