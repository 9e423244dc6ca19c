"""Situations of the VIP and of VRRP: who has it, who hears whom, and whose doing a move was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from iamops.model.events import AddressChanged, KeepalivedAsked, UnitReported, VrrpReported
from iamops.model.facts import UnitReport, VrrpReport, VrrpState
from iamops.model.inspection import ComplaintKind as Kind
from iamops.model.inspection import JournalEventKind, OwnRun
from iamops.model.observed import Known
from tests.support.cluster_states import NOW, VIP
from tests.support.finding_samples import complaint, state
from tests.support.looks import A, B, journal, node_look, view
from tests.support.situations.situation import RIGHT, SPLIT, Situation, complaining

API, AUTHZ, PUMP = "iam-apiserver", "iam-authz-server", "iam-pump"
DRILL = ((290.0, " begins"), (215.0, ": succeeded"))


def vip() -> Iterator[Situation]:
    yield from _vrrp()
    yield from _moves()
    yield from _own_moves()
    yield from _known_before()


def _vrrp() -> Iterator[Situation]:
    stopped = "its process 46 is in state T (stopped)"
    yield Situation(
        "A10",
        "keepalived hangs on the standby",
        "no findings, and a switchover is offered",
        state(KeepalivedAsked(NOW, B, stopped)),
        "keepalived-silent",
        B,
        "iamops restart keepalived iam-b",
        (stopped,),
    )
    yield Situation(
        "A11",
        "keepalived hangs on the owner, and both nodes have the VIP",
        "split-brain, with a firewall as its cause",
        state(KeepalivedAsked(NOW, A, stopped), *SPLIT),
        "keepalived-silent",
        A,
        "iamops restart keepalived iam-a --dry-run",
        explains=("split-brain",),
    )
    gone = AddressChanged(NOW, A, VIP, present=False)
    waiting = [VrrpReported(NOW, n, "VI_1", VrrpReport(VrrpState.BACKUP, "json")) for n in (A, B)]
    stranger = complaint(Kind.HIGHER_PRIORITY, "10.0.4.66", ago_s=1800)
    yield Situation(
        "A18",
        "a third router with our router id, our password and a higher priority",
        "vip-nowhere: every keepalived is in FAULT or stopped; next: iamops status, which says the same",
        state(gone, *waiting, a=complaining(A, stranger)),
        "stranger-router",
        None,
        "look: whose 10.0.4.66 is",
        ("10.0.4.66", "no node of ours"),
        explains=("vip-nowhere",),
    )
    unseen = state(gone, *waiting)
    yield Situation(
        "A18b",
        "nobody has the VIP, both nodes are BACKUP, and no journal tells why",
        "every keepalived is in FAULT or stopped",
        unseen,
        "vip-nowhere",
        None,
        "look: tcpdump",
        ("hears a higher priority",),
    )
    yield Situation(
        "A16",
        "the owner may not send its adverts",
        "split-brain; the daemon's own reason was not shown",
        state(*SPLIT, a=complaining(A, complaint(Kind.CANNOT_SEND, "VI_1"))),
        "adverts-not-sent",
        A,
        "look: nft list ruleset on iam-a",
        explains=("split-brain",),
    )
    for number, what in (("A02", "the owner's VM was paused for nine seconds"), ("A06", "keepalived was starved")):
        yield Situation(
            number,
            what,
            "no findings",
            state(a=complaining(A, complaint(Kind.STARVED))),
            "keepalived-starved",
            A,
            "look: what else ran",
        )
    dead = UnitReported(NOW, A, "nginx", UnitReport("inactive", "dead"))
    weighed = VrrpReported(NOW, A, "VI_1", VrrpReport(VrrpState.MASTER, "json", 100, 40))
    stopped = journal((60.0, "nginx", JournalEventKind.STOPPED, "nginx", "Stopped nginx.service"))
    yield Situation(
        "A13",
        "nginx is dead, and the check's weight does not suffice to give the VIP away",
        "beside it check-blind: the check cannot tell a dead nginx",
        state(dead, weighed, a=node_look(A, journal=stopped)),
        "unit-down",
        A,
        "iamops start nginx iam-a",
        never=("check-blind",),
    )


def _moves() -> Iterator[Situation]:
    entering = [f"(VI_1) Entering {('MASTER', 'BACKUP')[n % 2]} STATE" for n in range(9)]
    back = [(300.0 - 5 * n, "keepalived", JournalEventKind.ENTERED, "VI_1", entering[n]) for n in range(9)]
    yield Situation(
        "A04",
        "something takes the VIP away from its owner, four times in 24 s",
        "VIP moved 6 times, with the first MASTER after boot and returns to the same node",
        view(a=node_look(A, journal=journal(*back))),
        "vip-flapping",
        None,
        "look: journalctl -u keepalived on iam-a, and what else",
        ("iam-a let go of VIP 10.0.4.99 and took it back 4 times", "removed by something else"),
    )
    odd = "(VI_1) ip address associated with VRID 51 not present"
    strange = (90.0, "keepalived", JournalEventKind.FOREIGN_ADVERT, "VI_1", odd)
    entered, ago = "(VI_1) Entering MASTER STATE", (80.0, 60.0, 40.0, 20.0)
    turns = [(each, "keepalived", JournalEventKind.ENTERED, "VI_1", entered) for each in ago]
    yield Situation(
        "A19b",
        "a third router with our router id and another VIP: the pair flaps",
        "both stand side by side, not linked",
        view(a=node_look(A, journal=journal(strange, *turns[::2])), b=node_look(B, journal=journal(*turns[1::2]))),
        "foreign-adverts",
        A,
        explains=("vip-flapping",),
    )
    boot = [
        (301.0, "keepalived", JournalEventKind.STARTED, "keepalived", "Started keepalived.service"),
        (300.0, "keepalived", JournalEventKind.ENTERED, "VI_1", "(VI_1) Entering BACKUP STATE"),
        (296.0, "keepalived", JournalEventKind.ENTERED, "VI_1", "(VI_1) Entering MASTER STATE"),
    ]
    two = [
        (s, "keepalived", JournalEventKind.ENTERED, "VI_1", "(VI_1) Entering MASTER STATE") for s in (100.0, 200.0)
    ]
    yield Situation(
        "A19",
        "the VIP moved twice after a boot",
        "moved 3 times: the boot was counted",
        view(a=node_look(A, journal=journal(*boot, two[0])), b=node_look(B, journal=journal(*boot[:2], two[1]))),
        never=("vip-flapping",),
    )


def _own_moves() -> Iterator[Situation]:
    began = OwnRun(NOW - 65, "switchover begins by colin from ops-1")
    own = replace(journal((60.0, "keepalived", JournalEventKind.STOPPED, "keepalived", "Stopped")), runs=(began,))
    yield Situation(
        "R21",
        "one's own switchover, looked at afterwards",
        "keepalived restarted",
        view(a=node_look(A, journal=own)),
        info="was restarted by iamops (switchover by colin from ops-1)",
    )
    entered = "(VI_1) Entering MASTER STATE"
    there = [(ago, "keepalived", JournalEventKind.ENTERED, "VI_1", entered) for ago in (280.0, 240.0)]
    back = [(ago, "keepalived", JournalEventKind.ENTERED, "VI_1", entered) for ago in (3000.0, 260.0, 220.0)]
    runs = tuple(OwnRun(NOW - at, f"drill seed{what} by colin from ops-1") for at, what in DRILL)
    drilled = replace(journal(*there), runs=runs)
    yield Situation(
        "R21b",
        "one's own drill moved the VIP four times, looked at afterwards",
        "the VIP moves again and again",
        view(a=node_look(A, journal=journal(*back)), b=node_look(B, journal=drilled)),
        info="moved 4 times in 10 minutes, 4 of them by iamops (drill seed by colin from ops-1)",
    )
    others = [(ago, "keepalived", JournalEventKind.ENTERED, "VI_1", entered) for ago in (150.0, 100.0)]
    more = replace(journal(*there, *others), runs=runs)
    later = journal(*back, (130.0, "keepalived", JournalEventKind.ENTERED, "VI_1", entered))
    yield Situation(
        "R21c",
        "after the drill it moved three times more, with no run under way",
        "the VIP moves again and again",
        view(a=node_look(A, journal=later), b=node_look(B, journal=more)),
        "vip-flapping",
        about=("moved 7 times", "4 of them by iamops"),
    )


def _known_before() -> Iterator[Situation]:
    """What was right before, so that it stays so."""
    dead = UnitReported(NOW, A, "keepalived", UnitReport("failed", "failed"))
    lost = VrrpReported(NOW, A, "VI_1", VrrpReport(VrrpState.INIT, "json"))
    yield Situation(
        "A09",
        "keepalived was killed on the owner, and its address stayed",
        RIGHT,
        state(dead, lost, *SPLIT),
        "unit-down",
        A,
        explains=("address-without-master", "split-brain"),
    )
    heard = (9.0, "keepalived", JournalEventKind.FOREIGN_ADVERT, "VI_1", "(VI_1) received an invalid passwd!")
    yield Situation(
        "A17",
        "a third router with our router id and another password",
        RIGHT,
        view(a=node_look(A, journal=journal(heard)), b=node_look(B, journal=journal(heard))),
        "foreign-adverts",
        None,
        "look: tcpdump -nn proto 112",
    )
    yield Situation(
        "A20",
        "a third host has the VIP's address",
        RIGHT,
        view(neighbours=Known({VIP: "5e:44:00:00:00:01"}, NOW)),
        "stale-arp",
        A,
        about=("an unknown machine (5e:44:00:00:00:01)",),
    )
