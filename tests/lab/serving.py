"""Clients that count while something is restarted, and an nginx that treats its backends as it does by default."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.acting import ActingLab
from tests.lab.own import API, VIP
from tests.support.independent_probe import Probing, probing

# A node of a lab beside others has a share of a core: at more than this, clients queue, whatever is restarted.
RATE, SOAK_RATE = 50, 200
# What a restart leaves behind shows while nginx gives a backend up: two seconds as the profile renders it, ten by
# default. The soak looks for fifteen seconds after each.
AFTER_S, AFTER_DEFAULTS_S, AFTER_SOAK_S = 4.0, 11.0, 15.0
# Only failures count here, not how busy the machine is.
PATIENCE_S = 4.0
CONF = "/etc/nginx/nginx.conf"


@contextmanager
def clients(lab: ActingLab, *, after_s: float = AFTER_S, rate: int = RATE) -> Iterator[Probing]:
    """So many requests a second through the VIP, that go on for a while when the context's work is done."""
    namespace = lab.paths.operator_namespace
    load = {"every_ms": 1000 / rate, "seconds": 200.0, "patience_s": PATIENCE_S}
    with probing(VIP, API, namespace=namespace, path="/v1/users", **load) as witness:
        yield witness
        time.sleep(after_s)


@contextmanager
def edited(lab: ActingLab, node: str, path: str, program: str) -> Iterator[None]:
    """A file changed by hand with sed, after what its daemon has read, and put back afterwards."""
    lab.must(node, ["cp", "-p", path, "/root/kept"])
    # Clocks of files and daemons are compared by the second.
    time.sleep(1.1)
    lab.must(node, ["sed", "-i", "-E", program, path])
    try:
        yield
    finally:
        lab.must(node, ["cp", "-p", "/root/kept", path])


@contextmanager
def by_default(lab: ActingLab) -> Iterator[None]:
    """nginx on all nodes without a word on failing backends: ten seconds, and each worker for itself."""
    with loaded(lab, r"s/^( *server [0-9.:]+).*;/\1;/; /^ *zone /d"):
        yield


@contextmanager
def telling_nothing(lab: ActingLab) -> Iterator[None]:
    """nginx on all nodes logs in its format `main`, that names no backend."""
    with loaded(lab, r"s/^( *access_log +[^ ]+ +)iamops;/\1main;/"):
        yield


@contextmanager
def loaded(lab: ActingLab, program: str) -> Iterator[None]:
    """nginx.conf changed on all nodes with sed, and loaded."""
    for node in lab.profile.nodes:
        lab.must(node, ["cp", "-p", CONF, "/root/kept-nginx"])
        lab.must(node, ["sed", "-i", "-E", program, CONF])
        lab.must(node, ["systemctl", "reload", "nginx"])
    try:
        yield
    finally:
        for node in lab.profile.nodes:
            lab.must(node, ["cp", "-p", "/root/kept-nginx", CONF])
            lab.must(node, ["systemctl", "reload", "nginx"])
