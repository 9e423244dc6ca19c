"""One real fault on the lab for every runtime rule of triage, and what triage says of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iamops.lab.place import LabPaths
from tests.lab.acting import ActingLab
from tests.lab.daemon_faults import (
    a_stranger_wins,
    a_worker_dies,
    addresses_flood,
    every_backend_given_up,
    interface_goes_down,
    let_go,
    no_descriptors_left,
    paused,
    same_hardware_address,
    signalled,
)
from tests.lab.triage_faults import (
    CHECK,
    A,
    B,
    Break,
    clock_off,
    connections_held,
    crashed_and_started,
    database_is_full,
    done,
    dropped,
    edited,
    errors_on_the_new_owner,
    fault,
    inodes_gone,
    keepalived_killed,
    moved_three_times,
    neighbour_is_wrong,
    peer_left_out,
    real_requests_fail,
    redis_cannot_save,
    script_distrusted,
)

PLACE = LabPaths(state=Path("/var/lib/iamops/lab-triage"), prefix="iamdia-")


@dataclass(frozen=True)
class Case:
    """A fault, the rule it is for, and the rule that must rank first where that is another one."""

    code: str
    what: str
    broken: Break
    root: str = ""
    within_s: float = 12.0

    @property
    def first(self) -> str:
        return self.root or self.code


STOP_NGINX = done(B, "systemctl stop nginx", "systemctl start nginx")
CASES = (
    Case(
        "split-brain",
        "VRRP dropped between the nodes",
        fault(("vrrp-drop",)),
        root="adverts-not-sent",
        within_s=15,
    ),
    Case(
        "vip-nowhere",
        "keepalived stopped on both nodes",
        fault(("stop-unit", A, "keepalived"), ("stop-unit", B, "keepalived")),
        root="unit-down",
    ),
    Case(
        "master-without-address",
        "keepalived may not set addresses",
        fault(("vip-denied", B), ("stop-unit", A, "keepalived")),
        within_s=20,
    ),
    Case(
        "address-without-master",
        "keepalived killed, its address left behind",
        keepalived_killed,
        root="unit-down",
    ),
    Case("stale-arp", "a client's neighbour entry names the other node", neighbour_is_wrong),
    Case(
        "client-dark",
        "both apiservers stopped",
        fault(("stop-unit", A, "iam-apiserver"), ("stop-unit", B, "iam-apiserver")),
        root="unit-down",
    ),
    Case(
        "dark-outside",
        "a firewall on the owner drops HTTP of everybody else",
        dropped(A, "ip saddr 10.0.4.0/24 ip saddr != '{ 10.0.4.20, 10.0.4.21 }' tcp dport 80 drop"),
    ),
    Case("vrrp-fault", "nginx stopped on the standby", STOP_NGINX, root="unit-down", within_s=20),
    Case(
        "check-blind",
        "the check always passes, and nginx is stopped",
        edited(B, f"printf '#!/bin/sh\\nexit 0\\n' > {CHECK}", more=STOP_NGINX),
        within_s=30,
    ),
    Case(
        "check-unrunnable",
        "the check script ends in 127",
        edited(B, f"printf '#!/bin/sh\\nno-such-tool\\n' > {CHECK}"),
        within_s=20,
    ),
    Case("script-insecure", "anyone may change the check script", script_distrusted, within_s=15),
    Case(
        "script-timeout",
        "the check script never ends",
        edited(B, f"printf '#!/bin/sh\\nsleep 60\\n' > {CHECK}"),
        within_s=25,
        root="config-drift",
    ),
    Case(
        "foreign-adverts",
        "another password on one node",
        edited(
            B,
            "sed -i 's/auth_pass .*/auth_pass another1/' /etc/keepalived/keepalived.conf",
            "systemctl restart keepalived",
        ),
        within_s=15,
        root="P003",
    ),
    Case("vip-flapping", "the VIP moved three times", moved_three_times),
    Case("keepalived-restarted", "keepalived killed and started", crashed_and_started),
    Case(
        "notify-log-missing",
        "the notify log deleted",
        done(B, "mv /var/log/keepalived.log /root/", "mv /root/keepalived.log /var/log/"),
    ),
    Case("nginx-hung", "nginx hangs on the standby", fault(("nginx-hang", B)), within_s=20),
    Case(
        "nginx-bad-answers",
        "nginx answers 503 to everything",
        edited(
            B,
            "sed -i 's|location / {|location / { return 503;|' /etc/nginx/conf.d/*.conf",
            "systemctl reload nginx",
        ),
    ),
    Case("nginx-config-invalid", "a missing semicolon on the disk", fault(("nginx-config-broken", B))),
    Case(
        "nginx-connections-exhausted",
        "more clients than worker_connections",
        edited(
            B,
            "sed -i 's/worker_connections 1024/worker_connections 12/' /etc/nginx/nginx.conf",
            "systemctl restart nginx",
            more=connections_held,
        ),
        within_s=15,
        root="config-drift",
    ),
    Case("service-unhealthy", "iam-apiserver hangs on the standby", fault(("hang-unit", B, "iam-apiserver"))),
    Case(
        "backend-not-reachable",
        "iam-apiserver listens on 127.0.0.1 only",
        fault(("backend-loopback", B, "iam-apiserver")),
    ),
    Case(
        "proxy-fails",
        "nginx asks a port where nobody listens",
        edited(
            B,
            "sed -i -E 's/server (127.0.0.1|10.0.4.20):8080/server \\1:8099/' /etc/nginx/nginx.conf",
            "systemctl reload nginx",
        ),
    ),
    Case(
        "backend-masked",
        "iam-apiserver stopped on the standby: the peer's answers for it",
        fault(("stop-unit", B, "iam-apiserver")),
        root="unit-down",
    ),
    Case("requests-failing", "/healthz is fine, real requests are answered with 500", real_requests_fail),
    Case(
        "errors-since-move",
        "the VIP moved to a node that answers 500",
        errors_on_the_new_owner,
    ),
    Case("uneven-split", "nginx has lost the peer's backend", peer_left_out, root="config-drift"),
    Case(
        "datastore-down",
        "Redis stopped",
        done(A, "systemctl stop redis-server", "systemctl start redis-server"),
        root="unit-down",
    ),
    Case(
        "datastore-host-not-allowed", "MariaDB's grant for the other node revoked", fault(("db-grant-revoked", B))
    ),
    Case("datastore-too-many-connections", "every connection of MariaDB is taken", database_is_full),
    Case(
        "datastore-write-errors",
        "Redis cannot write its snapshot",
        redis_cannot_save,
    ),
    Case(
        "pump-lags",
        "MongoDB stopped",
        done(A, "systemctl stop mongod", "systemctl start mongod"),
        root="unit-down",
    ),
    Case("node-unreachable", "the standby without power", fault(("power-off", B))),
    Case("serving-unseen", "a firewall drops SSH", fault(("ssh-blocked", B))),
    Case(
        "node-silent",
        "the login user's shell is nologin",
        done(B, "usermod -s /usr/sbin/nologin iamops", "usermod -s /bin/bash iamops"),
    ),
    Case(
        "not-serving",
        "a firewall drops every service's port",
        dropped(B, "ip saddr 10.0.4.20 tcp dport '{ 8080, 9090, 7070 }' drop"),
    ),
    Case("unit-down", "iam-pump stopped", fault(("stop-unit", B, "iam-pump"))),
    Case(
        "unit-restarted",
        "iam-pump killed; systemd started it again",
        done(B, "systemctl kill -s SIGKILL iam-pump; sleep 6; systemctl start iam-pump", "true"),
    ),
    Case("disk-full", "the disk filled", fault(("disk-full", B))),
    Case("inodes-exhausted", "empty files until no inode was left", inodes_gone, within_s=15),
    Case("clock-skew", "a clock two seconds ahead", clock_off((B, 2))),
    Case(
        "clocks-apart",
        "one clock ahead, the other behind",
        clock_off((A, 2), (B, -2)),
    ),
    Case("config-drift", "keepalived.conf changed by hand", fault(("config-drift", B))),
    Case(
        "config-not-loaded",
        "nginx.conf written after nginx started",
        edited(B, "sleep 1; touch /etc/nginx/nginx.conf"),
    ),
    Case("adverts-not-sent", "VRRP dropped between the nodes", fault(("vrrp-drop",)), within_s=15),
    Case("keepalived-silent", "keepalived on the standby stands still", signalled(B, "keepalived"), within_s=15),
    Case("stranger-router", "a third router with our id and password", a_stranger_wins, within_s=15),
    Case("keepalived-starved", "keepalived stood still for five seconds", paused(B, "keepalived", 5)),
    Case("mac-twice", "the standby has the owner's hardware address", same_hardware_address, within_s=20),
    Case("vip-let-go", "the owner's check failed for a moment, alone", let_go, root="keepalived-restarted"),
    Case("interface-lost", "the standby's interface went down and up", interface_goes_down, within_s=20),
    Case(
        "backend-silent",
        "iam-apiserver hangs on the owner",
        fault(("hang-unit", A, "iam-apiserver")),
        root="service-unhealthy",
    ),
    Case("no-live-upstreams", "both apiservers fell under load", every_backend_given_up),
    Case("nginx-worker-died", "a worker of nginx killed", a_worker_dies),
    Case("nginx-open-files", "more clients than open files allowed", no_descriptors_left),
    Case("certificate-expired", "a certificate that has expired", fault(("certificate-expired", B))),
    Case("certificate-name", "a certificate for another name", fault(("certificate-misnamed", B))),
    Case("certificate-untrusted", "a certificate of a strange CA", fault(("certificate-strange", B))),
    Case("node-floods", "addresses come and go all the time", addresses_flood, within_s=25),
)
QUICK = (
    "split-brain",
    "address-without-master",
    "stale-arp",
    "vrrp-fault",
    "dark-outside",
    "node-unreachable",
    "serving-unseen",
)


def codes_of(findings: list[dict[str, Any]]) -> list[str]:
    """Every code of a triage document, explained ones included."""
    return [code for each in findings for code in (each["code"], *codes_of(each["explains"]))]


def triage(lab: ActingLab) -> dict[str, Any]:
    """`iamops triage --json`, whatever its exit code."""
    done = lab.run("triage", "--json")
    assert done.code in (0, 1), (done.code, done.err)
    document: dict[str, Any] = json.loads(done.out)
    return document


@dataclass(frozen=True)
class Seen:
    """What triage said of a case, as soon as it named the rule; or the last it said."""

    roots: tuple[str, ...]
    explained: tuple[str, ...]
    after_s: float

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.roots, *self.explained)


def examined(lab: ActingLab, case: Case) -> Seen:
    """Breaks, asks triage until it names rule and root, mends."""
    with case.broken(lab):
        began = time.monotonic()
        while True:
            seen = _once(lab, began)
            named = case.code in seen.all and seen.roots[:1] == (case.first,)
            if named or seen.after_s > case.within_s:
                return seen


def _once(lab: ActingLab, began: float) -> Seen:
    findings = triage(lab)["findings"]
    roots = tuple(str(each["code"]) for each in findings)
    explained = tuple(code for each in findings for code in codes_of(each["explains"]))
    return Seen(roots, explained, time.monotonic() - began)
