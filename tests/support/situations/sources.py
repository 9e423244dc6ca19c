"""Situations that the kernel, the daemons' journals and the access log tell of, or that they do not tell of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from iamops.model.events import AddressChanged, UnitReported, VrrpReported
from iamops.model.facts import UnitReport, VrrpReport, VrrpState
from iamops.model.observed import Unknown
from iamops.parse.journal import journal_extent
from tests.support.cluster_states import NOW, VIP
from tests.support.finding_samples import state
from tests.support.journal_extents import WELL, said
from tests.support.looks import A, B, node_look, traffic_look, view
from tests.support.situations.situation import Situation, spoken

BACKUP, MASTER = "(VI_1) Entering BACKUP STATE", "(VI_1) Entering MASTER STATE"
LOG = "/var/log/nginx/access.log"
BOTH = AddressChanged(NOW + 0.2, B, VIP, present=True)
HEARD = UnitReported(NOW + 1, A, "nginx", UnitReport("active"))


def sources() -> Iterator[Situation]:
    yield from _addresses()
    yield from _interfaces()
    yield from _logs()
    yield from _journals()
    yield Situation(
        "A05",
        "not a report of anybody's: a change in how keepalived checks HTTP servers; nothing to reproduce",
        "",
        state(),
    )


def _addresses() -> Iterator[Situation]:
    yield Situation(
        "A03",
        "something takes the VIP away from its owner, once; it is back after 0.6 s",
        "no findings",
        state(a=node_look(A, journal=spoken((300.6, BACKUP), (300.0, MASTER)))),
        info="iam-a let go of VIP 10.0.4.99 and took it back",
    )
    yield Situation(
        "A14",
        "the VIP was set by hand on the standby's lo",
        "right",
        state(BOTH, HEARD),
        "address-without-master",
        B,
        "look: ip addr on iam-b",
        explains=("split-brain",),
    )
    masters = VrrpReported(NOW + 0.2, B, "VI_1", VrrpReport(VrrpState.MASTER, "json", last_transition=NOW))
    yield Situation(
        "A15",
        "iam-b alone drops VRRP that comes in: it does not hear the owner",
        "right",
        state(BOTH, masters, HEARD),
        "split-brain",
        None,
        "look: nft list ruleset on both nodes",
    )


def _interfaces() -> Iterator[Situation]:
    went = ((200.0, "Netlink reports eth0 down"), (199.9, "(VI_1) Entering FAULT STATE"))
    came = ((190.0, "Netlink reports eth0 up"), (189.9, BACKUP))
    yield Situation(
        "A08",
        "the owner's interface was taken down and up again: the VIP moved",
        "right, but for the interface, which was not told",
        state(a=node_look(A, journal=spoken((3000.0, MASTER), *went, *came))),
        info="keepalived on iam-a saw its interface eth0 go down",
    )
    systemd = (
        (195.0, "Stopped keepalived.service - Keepalive Daemon.", "keepalived"),
        (194.0, "Started keepalived.service - Keepalive Daemon.", "keepalived"),
    )
    yield Situation(
        "A52",
        "the interface was down while keepalived was restarted, and came up later",
        "right",
        state(a=node_look(A, journal=spoken(*went, *systemd, (193.0, "(VI_1) Entering FAULT STATE"), *came))),
        info="keepalived on iam-a was restarted",
    )


def _logs() -> Iterator[Situation]:
    for number, what, before, why in (
        (
            "A40",
            "the access log was deleted, nginx writes on into the deleted file, and every request ends in 500",
            "no requests, and none that failed",
            f"there is no {LOG}: nginx may be writing where nobody can read it (nginx -s reopen)",
        ),
        (
            "A42",
            "the log was copied and truncated, and the copy may not be read",
            "the sum of both nodes was 0",
            f"cannot read {LOG}.1",
        ),
    ):
        yield Situation(
            number,
            what,
            before,
            view(traffic={A: Unknown(why), B: traffic_look()}),
            unasked=tuple((code, why) for code in ("requests-failing", "errors-since-move", "uneven-split")),
        )


def _journals() -> Iterator[Situation]:
    for number, what, storage, why in (
        ("A44", "journald keeps nothing (Storage=none)", {"storage": "none"}, "keeps no journal (Storage=none)"),
        (
            "A44b",
            "journald keeps its journal in memory only, and the node was booted three minutes ago",
            {"storage": "volatile", "init": "180"},
            "goes back 3 min only",
        ),
    ):
        found = journal_extent(said(**(WELL | storage)))
        assert found is not None
        look = node_look(A)
        if found.unavailable:
            look = replace(look, journal=Unknown(found.unavailable))
        else:
            look = node_look(A, journal=replace(spoken(), since=found.since(3600)))
        yield Situation(
            number,
            what,
            "no findings; the rules that read it counted as asked",
            state(a=look),
            unasked=tuple((code, why) for code in ("vip-flapping", "keepalived-restarted", "unit-restarted")),
        )
