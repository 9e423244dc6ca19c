"""Ways to break the lab whose evidence is what daemons say of it; each mends what it broke."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from iamops.lab.processes import wait_until
from tests.lab.acting import ActingLab
from tests.lab.serving import by_default, clients
from tests.lab.triage_faults import (
    A,
    B,
    Break,
    asked,
    connections_held,
    done,
    hardware_address,
    kept,
    on_this_machine,
    running,
    sh,
)

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
# Addresses that come and go, far quicker than a machine's do.
FLOOD = """
import subprocess, time
batch = "".join(f"address {verb} 10.99.0.{n}/32 dev lo\\n" for n in range(1, 201) for verb in ("add", "del"))
until = time.monotonic() + 20
while time.monotonic() < until:
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True)
"""


def signalled(node: str, unit: str) -> Break:
    """Every process of the unit stands still: systemd goes on to call it active."""
    kill = f"systemctl kill --kill-who=all {unit} -s "
    return done(node, f"{kill}SIGSTOP", f"{kill}SIGCONT")


def paused(node: str, unit: str, seconds: float) -> Break:
    """Every process of the unit stands still, and then goes on."""
    kill = f"systemctl kill --kill-who=all {unit} -s "
    return done(node, f"{kill}SIGSTOP; sleep {seconds:g}; {kill}SIGCONT", "true")


@contextmanager
def a_stranger_wins(lab: ActingLab) -> Iterator[None]:
    """A third router in the same network, with our router id and password and a higher priority."""
    vrrp = lab.profile.instance
    secret = lab.paths.vrrp_secret.read_text().strip() if vrrp.auth else ""
    nodes = ",".join(["224.0.0.18", *(node.address for node in lab.profile.nodes.values())])
    words = [STRANGER, nodes, str(vrrp.virtual_router_id), secret, vrrp.address]
    enter = ["ip", "netns", "exec", lab.paths.operator_namespace]
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


@contextmanager
def no_descriptors_left(lab: ActingLab) -> Iterator[None]:
    """More clients than nginx on the standby may have files open."""
    with kept(lab, B, "systemctl restart nginx"):
        sh(lab, B, "sed -i '1i worker_rlimit_nofile 24;' /etc/nginx/nginx.conf && systemctl restart nginx")
        with connections_held(lab):
            yield


@contextmanager
def let_go(lab: ActingLab) -> Iterator[None]:
    """The owner's check fails for a moment while nobody else is there to take the VIP."""
    sh(lab, B, "systemctl stop keepalived")
    try:
        sh(lab, A, "systemctl stop nginx")
        assert wait_until(lambda: lab.status().owners == (), wait_s=15)
        sh(lab, A, "systemctl start nginx")
        assert wait_until(lambda: lab.status().owners == (A,), wait_s=15)
    finally:
        sh(lab, B, "systemctl start keepalived")
    yield


@contextmanager
def interface_goes_down(lab: ActingLab) -> Iterator[None]:
    """And comes up again, with what it had."""
    sh(lab, B, "ip link set eth0 down; sleep 2; ip link set eth0 up; networkctl reconfigure eth0 || true; sleep 2")
    yield


@contextmanager
def same_hardware_address(lab: ActingLab) -> Iterator[None]:
    """iam-b's interface takes the hardware address of iam-a's, as a machine that was cloned."""
    own, other = hardware_address(lab, B), hardware_address(lab, A)
    sh(lab, B, f"ip link set eth0 address {other}")
    try:
        yield
    finally:
        sh(lab, B, f"ip link set eth0 address {own}")
        time.sleep(2)


def addresses_flood(lab: ActingLab) -> AbstractContextManager[None]:
    """Addresses come and go all the time."""
    return running(lab, B, FLOOD)


@contextmanager
def every_backend_given_up(lab: ActingLab) -> Iterator[None]:
    """Both apiservers fall under load, and are well again: nginx by default asks none for ten seconds."""
    with by_default(lab), clients(lab, after_s=0.0):
        for verb in ("stop", "start"):
            for node in (A, B):
                sh(lab, node, f"systemctl {verb} iam-apiserver")
            time.sleep(1.0)
        yield
