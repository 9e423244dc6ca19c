"""Situations of the nodes as machines: silent, cloned, with a wrong clock, out of sight; and a healthy pair."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.model.events import HostReported, HttpProbed, LinkChanged, Source, SourceLost, Target
from iamops.model.facts import HostReport, Link, LinkState
from iamops.model.inspection import Filesystem, NodeInspection
from tests.support.cluster_states import NOW, OK
from tests.support.finding_samples import DOWN, state
from tests.support.looks import MACS, A, B, node_look
from tests.support.situations.situation import RIGHT, SPLIT, Situation

API, AUTHZ, PUMP = "iam-apiserver", "iam-authz-server", "iam-pump"


def nodes() -> Iterator[Situation]:
    yield Situation("A54", "a healthy pair", RIGHT, state())
    yield from _silent()
    yield Situation(
        "A36",
        "both nodes are clones with one hardware address",
        "not-serving and split-brain, with firewalls as causes",
        state(*SPLIT, a=node_look(A, macs={"eth0": MACS[A]}), b=node_look(B, macs={"eth0": MACS[A]})),
        "mac-twice",
        None,
        "look: ip link on iam-a and iam-b",
        explains=("split-brain",),
    )
    for number, offset, unsure in (("A37", 558.0, 585.0), ("A37b", 674.0, 942.0)):
        yield Situation(
            number,
            f"a clock {offset:.0f} ± {unsure:.0f} ms off, measured over a line that loses packets",
            "clock-skew: its clock is +0.6 s off ours",
            state(HostReported(NOW, A, HostReport(0.1, 20.0, 30.0, offset, unsure))),
            never=("clock-skew", "clocks-apart"),
        )
    served = [HttpProbed(NOW + 1.5, B, A, Target.SERVICE, name, OK) for name in (API, AUTHZ, PUMP)]
    yield Situation(
        "A39",
        "SSH to the standby is cut, and its services answer its peer",
        RIGHT,
        state(LinkChanged(NOW + 1, B, DOWN), *served),
        "serving-unseen",
        B,
    )


def _silent() -> Iterator[Situation]:
    """Nothing that a command on iam-b would tell is known, for one reason."""
    nologin = "printed 'This account is currently not available.' and ran nothing (exit 1)"
    for number, what, before, why in (
        ("A38", "large packets of a node vanish", "no findings; status: TypeError", "ran nothing within 5 s"),
        ("B18", "the login shell is /bin/false", "exit 0 and nothing printed", "ran nothing (exit 1)"),
        ("B19", "the login shell is nologin", "nginx's configuration is invalid, an undo is armed", nologin),
        ("B22", "sshd opens one session only", "no findings, exit 0", "sshd opens no further session"),
    ):
        lost = [SourceLost(NOW + 1, B, each, why) for each in Source]
        yield Situation(
            number,
            what,
            before,
            state(LinkChanged(NOW - 3, B, Link(LinkState.UP, NOW - 3)), *lost, b=NodeInspection.blind(B, why)),
            "node-silent",
            B,
            "look: time ssh iam-b id",
            (why,),
            never=("nginx-config-invalid", "notify-log-missing", "unit-down", "vip-nowhere"),
        )
    yield Situation(
        "B25",
        "/run is full on a node",
        "triage does not look at it",
        state(b=node_look(B, filesystems=(Filesystem("/run", 100.0, 1.0),))),
        "disk-full",
        B,
        "look: du -x /run",
        ("/run is 100 % full",),
    )
