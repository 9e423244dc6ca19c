"""Ways to break the lab so that rules of triage have something to say; each mends what it broke."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from iamops.lab.network import inside
from iamops.lab.processes import wait_until
from tests.lab.acting import ActingLab
from tests.lab.conftest import request

A, B = "iam-a", "iam-b"
API = "iam.api.marmotedu.com"
ETC = "/etc/nginx /etc/keepalived"
API_CONF = "/etc/nginx/conf.d/iam-apiserver.conf"
# Real requests fail, /healthz does not.
ANSWER_500 = f"sed -i 's|location / {{|location /v1/ {{ return 500; }}\\n    location / {{|' {API_CONF}"
HOLD = """
import socket, sys, time
keep = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(40)]
time.sleep(30)
"""
FILL_INODES = """
import os
os.makedirs("/var/tmp/many", exist_ok=True)
try:
    for number in range(10_000_000):
        open(f"/var/tmp/many/{number}", "x").close()
except OSError:
    pass
"""
CHECK = "/etc/keepalived/check_nginx.sh"
Break = Callable[[ActingLab], AbstractContextManager[None]]


def sh(lab: ActingLab, node: str, line: str) -> str:
    return lab.must(node, ["sh", "-c", line])


def on_this_machine(argv: list[str]) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=10)


def fault(*aims: tuple[str, ...]) -> Break:
    """Faults of the lab's own catalogue; the lab heals them."""

    @contextmanager
    def broken(lab: ActingLab) -> Iterator[None]:
        for aim in aims:
            lab.fault(*aim)
        try:
            yield
        finally:
            lab.heal_all()

    return broken


def done(node: str, line: str, undo: str) -> Break:
    """A shell line as root on a node, and the one that undoes it."""

    @contextmanager
    def broken(lab: ActingLab) -> Iterator[None]:
        sh(lab, node, line)
        try:
            yield
        finally:
            sh(lab, node, undo)

    return broken


def edited(node: str, line: str, load: str = "true", *, more: Break | None = None) -> Break:
    """Configuration changed on a node, loaded, and put back as it was, byte and time; then loaded again."""

    @contextmanager
    def broken(lab: ActingLab) -> Iterator[None]:
        with kept(lab, node, load):
            sh(lab, node, line)
            sh(lab, node, load)
            with ExitStack() as stack:
                if more is not None:
                    stack.enter_context(more(lab))
                yield

    return broken


@contextmanager
def kept(lab: ActingLab, node: str, load: str) -> Iterator[None]:
    """What stands in /etc for nginx and keepalived is afterwards what it was."""
    sh(lab, node, f"rm -rf /root/kept && mkdir /root/kept && cp -a --parents {ETC} /root/kept")
    try:
        yield
    finally:
        sh(lab, node, f"rm -rf {ETC} && cp -a /root/kept/. / && rm -rf /root/kept")
        sh(lab, node, load)


def asked(lab: ActingLab, count: int, path: str, host: str = API) -> None:
    """Requests of a client to the VIP, one after the other, whatever the answer."""
    address = lab.profile.instance.address

    def ask() -> None:
        for _ in range(count):
            request(address, host, path)

    inside(lab.paths.operator_namespace, ask)


@contextmanager
def moved_three_times(lab: ActingLab) -> Iterator[None]:
    """Each time the owner's keepalived stops; nopreempt keeps the VIP where it went."""
    for owner, other in ((A, B), (B, A), (A, B)):
        sh(lab, owner, "systemctl stop keepalived")
        assert wait_until(lambda other=other: lab.status().owners == (other,), wait_s=15)
        sh(lab, owner, "systemctl start keepalived")
        time.sleep(1)
    yield


@contextmanager
def keepalived_killed(lab: ActingLab) -> Iterator[None]:
    """Its child may live just long enough to take the address away; a killed machine's does not."""
    vip = f"{lab.profile.instance.address}/32"
    with fault(("kill-unit", A, "keepalived"))(lab):
        sh(lab, A, f"ip addr replace {vip} dev eth0")
        yield


def hardware_address(lab: ActingLab, node: str) -> str:
    """As `ip` tells it: /sys of a node is that of the machine which the lab runs on."""
    return sh(lab, node, "ip -o link show dev eth0").partition("link/ether ")[2].split()[0]


@contextmanager
def neighbour_is_wrong(lab: ActingLab) -> Iterator[None]:
    """The operator's machine goes on sending to iam-b: a permanent entry, as of a router that learned nothing."""
    vip, mac = lab.profile.instance.address, hardware_address(lab, B)
    entry = f"ip neigh replace {vip} lladdr {mac} dev eth0 nud permanent"
    enter = ["ip", "netns", "exec", lab.paths.operator_namespace, "sh", "-c"]
    on_this_machine([*enter, entry])
    try:
        yield
    finally:
        on_this_machine([*enter, f"ip neigh del {vip} dev eth0"])


@contextmanager
def running(lab: ActingLab, node: str, program: str, *words: str) -> Iterator[None]:
    """A Python program as a unit of the node, for as long as the fault lasts."""
    unit = "iamops-test-program"
    lab.must(node, ["systemd-run", "--quiet", "--collect", f"--unit={unit}", "python3", "-c", program, *words])
    try:
        yield
    finally:
        lab.exec(node, ["systemctl", "stop", unit])


def connections_held(lab: ActingLab) -> AbstractContextManager[None]:
    """More clients than a small nginx has connections for."""
    return running(lab, B, HOLD, "80")


@contextmanager
def database_is_full(lab: ActingLab) -> Iterator[None]:
    """MariaDB with its smallest number of connections, all of them taken."""
    set_max = "mariadb -e 'SET GLOBAL max_connections={}'"
    sh(lab, A, set_max.format(10))
    try:
        with running(lab, A, HOLD, "3306"):
            yield
    finally:
        assert wait_until(lambda: lab.exec(A, ["sh", "-c", set_max.format(151)]).returncode == 0, wait_s=15)


@contextmanager
def redis_cannot_save(lab: ActingLab) -> Iterator[None]:
    """Its directory cannot be written to any more, and a snapshot was due."""
    sh(lab, A, "chattr +i /var/lib/redis && redis-cli CONFIG SET save '1 1'")
    sh(lab, A, "redis-cli SET iamops:test 1; sleep 3; redis-cli SET iamops:test 2; true")
    try:
        yield
    finally:
        sh(lab, A, "chattr -i /var/lib/redis && systemctl restart redis-server")


@contextmanager
def inodes_gone(lab: ActingLab) -> Iterator[None]:
    """Empty files until there is not one inode left."""
    lab.must(B, ["python3", "-c", FILL_INODES])
    try:
        yield
    finally:
        sh(lab, B, "rm -rf /var/tmp/many")


def clock_off(*offsets: tuple[str, int]) -> Break:
    """Nodes of one machine share a clock: a `date` that is some seconds ahead stands for another one."""

    @contextmanager
    def broken(lab: ActingLab) -> Iterator[None]:
        for node, seconds in offsets:
            script = f'#!/bin/sh\nexec /bin/date -d "now {seconds:+d} seconds" "$@"\n'
            lab.must(node, ["tee", "/usr/local/bin/date"], stdin=script)
            sh(lab, node, "chmod 755 /usr/local/bin/date")
        try:
            yield
        finally:
            for node, _ in offsets:
                sh(lab, node, "rm /usr/local/bin/date")

    return broken


def crashed_and_started(lab: ActingLab) -> AbstractContextManager[None]:
    return done(
        B, "systemctl kill -s SIGKILL --kill-who=all keepalived; sleep 1; systemctl start keepalived", "true"
    )(lab)


@contextmanager
def errors_on_the_new_owner(lab: ActingLab) -> Iterator[None]:
    """iam-b's nginx is broken for real requests, and then the VIP goes there."""
    with kept(lab, B, "systemctl reload nginx"):
        sh(lab, B, f"{ANSWER_500} && systemctl reload nginx")
        asked(lab, 40, "/v1/users/1")
        time.sleep(21)  # whole ten-second slots before the move
        sh(lab, A, "systemctl stop keepalived")
        assert wait_until(lambda: lab.status().owners == (B,), wait_s=15)
        sh(lab, A, "systemctl start keepalived")
        time.sleep(22)  # and whole slots after it
        asked(lab, 40, "/v1/users/1")
        yield


@contextmanager
def real_requests_fail(lab: ActingLab) -> Iterator[None]:
    """/healthz is fine, everything else is a 500: what a lost database looks like from outside."""
    with kept(lab, A, "systemctl reload nginx"):
        sh(lab, A, f"{ANSWER_500} && systemctl reload nginx")
        time.sleep(1)
        asked(lab, 30, "/v1/users/1")
        yield


@contextmanager
def peer_left_out(lab: ActingLab) -> Iterator[None]:
    """iam-a's nginx has only its own backend."""
    with kept(lab, A, "systemctl reload nginx"):
        sh(lab, A, "sed -i '/server 10.0.4.21:8080/d' /etc/nginx/nginx.conf && systemctl reload nginx")
        time.sleep(1)
        asked(lab, 80, "/v1/users/1")
        yield


@contextmanager
def script_distrusted(lab: ActingLab) -> Iterator[None]:
    with kept(lab, B, "systemctl restart keepalived"):
        sh(lab, B, f"chmod 777 {CHECK} && systemctl restart keepalived")
        yield


@contextmanager
def nft(lab: ActingLab, node: str, rule: str) -> Iterator[None]:
    """One rule of a table of its own."""
    sh(
        lab,
        node,
        "nft add table inet iamtest && nft add chain inet iamtest in "
        f"'{{ type filter hook input priority 0 ; }}' && nft add rule inet iamtest in {rule}",
    )
    try:
        yield
    finally:
        sh(lab, node, "nft delete table inet iamtest")


def dropped(node: str, rule: str) -> Break:
    return lambda lab: nft(lab, node, rule)


@contextmanager
def both(lab: ActingLab, *breaks: Break) -> Iterator[None]:
    with ExitStack() as stack:
        for each in breaks:
            stack.enter_context(each(lab))
        yield
