"""Situations that operators met, as what was seen: what an earlier release said, and what must be said now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from iamops.judge.findings import Finding, NotEvaluated
from iamops.judge.triage.diagnose import diagnose
from iamops.model.config import DaemonCheck
from iamops.model.events import (
    AddressChanged,
    ClientProbed,
    DatastoreProbed,
    HostReported,
    HttpProbed,
    KeepalivedAsked,
    LinkChanged,
    Source,
    SourceLost,
    Target,
    UnitReported,
    VrrpReported,
)
from iamops.model.facts import (
    HostReport,
    Link,
    LinkState,
    ProbeOutcome,
    ProbeReport,
    Severity,
    UnitReport,
    VrrpReport,
    VrrpState,
)
from iamops.model.inspection import ComplaintKind as Kind
from iamops.model.inspection import Filesystem, JournalEventKind, NodeInspection, OwnRun
from iamops.model.observed import Known
from tests.profiles import pair
from tests.scenes import NOW, OK, VIP, fed, healthy
from tests.unit.judge.looks import MACS, A, B, journal, node_look, requests, traffic_look, view
from tests.unit.judge.samples import DOWN, complaint, state
from tests.unit.judge.situation import SPLIT, Elsewhere, Situation, asked, complaining, erring
from tests.unit.judge.situations_actions import table as actions_table
from tests.unit.judge.situations_commands import commands
from tests.unit.judge.situations_files import files
from tests.unit.judge.situations_services import services
from tests.unit.judge.situations_sources import sources

API, AUTHZ, PUMP = "iam-apiserver", "iam-authz-server", "iam-pump"
SILENT = ProbeReport(ProbeOutcome.TIMEOUT, detail="accepts, but no answer within 1.5 s", accepted=True)
UNANSWERED = ProbeReport(
    ProbeOutcome.TIMEOUT, detail="no answer within 1 s", accepted=True, host="iam.api.marmotedu.com"
)

DRILL = ((290.0, " begins"), (215.0, ": succeeded"))


def situations() -> tuple[Situation, ...]:
    return (
        *_backends(),
        *_vrrp(),
        *_nginx(),
        *_needs(),
        *_judged_with_care(),
        *_rest(),
        *_silent(),
        *_stays_right(),
        *files(),
        *sources(),
        *services(),
    )


def elsewhere() -> tuple[Elsewhere, ...]:
    return tuple(commands())


def _backends() -> Iterator[Situation]:
    hung = [*asked(B, API, SILENT), ClientProbed(NOW + 1, "VI_1", UNANSWERED)]
    yield Situation(
        "A49",
        "a backend hangs on the standby, and the client was sent to it",
        "every second answer: dark-outside, HAVIP or a firewall",
        state(*hung),
        "service-unhealthy",
        B,
        "iamops restart iam-apiserver iam-b",
        never=("dark-outside",),
        explains=("backend-silent", "client-dark"),
    )
    frozen = LinkChanged(NOW + 1, B, DOWN)
    peers = [HttpProbed(NOW + 1, B, A, Target.SERVICE, name, SILENT) for name in (API, AUTHZ, PUMP)]
    for number, what, more in (
        ("A50", "the standby is paused; every second request hangs", []),
        ("A01", "a paused node, and a client in the dark", [ClientProbed(NOW + 1, "VI_1", UNANSWERED)]),
    ):
        yield Situation(
            number,
            what,
            "a warning, exit 0" if number == "A50" else "9 of 10: dark-outside, is the VIP bound?",
            state(frozen, *peers, *more),
            "node-unreachable",
            B,
            never=("dark-outside",),
            explains=("backend-silent",),
        )


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


def _nginx() -> Iterator[Situation]:
    bad = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 502, "HTTP 502")
    domains = [HttpProbed(NOW, A, A, Target.DOMAIN, d, bad) for d in ("iam.api.marmotedu.com",)]
    dark = ClientProbed(NOW + 1, "VI_1", bad)
    yield Situation(
        "A53",
        "all backends were restarted, and nginx has given them up",
        "nginx asks other addresses than the services listen on; next: config diff",
        state(*domains, dark, a=erring(A, complaint(Kind.NO_LIVE_UPSTREAMS, unit="nginx"))),
        "no-live-upstreams",
        A,
        "iamops traffic",
        explains=("proxy-fails", "client-dark"),
        never=("dark-outside",),
    )
    yield Situation(
        "F18a",
        "a worker of nginx dies now and then",
        "no findings",
        state(b=erring(B, complaint(Kind.WORKER_DIED, "9", "nginx"))),
        "nginx-worker-died",
        B,
        "look: journalctl -k on iam-b",
    )


def _rest() -> Iterator[Situation]:
    failing = {int(NOW) - 20: requests(10, 10)}
    locked = node_look(B, services=(complaint(Kind.MARIADB_REFUSES, unit=API),))
    yield Situation(
        "A46",
        "a backup holds MariaDB's tables locked",
        "requests-failing; its cause was not named",
        view(b=locked, traffic={A: traffic_look(failing), B: traffic_look()}),
        "datastore-refuses-writes",
        None,
        "look: why mariadb on iam-a takes no writes",
        explains=("requests-failing",),
    )
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
    refused = ProbeReport(ProbeOutcome.HOST_NOT_ALLOWED, detail="Host '10.0.4.99' is not allowed to connect")
    yield Situation(
        "A21",
        "the VIP has become the source address, and MariaDB knows no such host",
        "datastore-host-not-allowed; next: the grants for iam-b, past the cause",
        state(DatastoreProbed(NOW, B, "mariadb", refused)),
        "datastore-host-not-allowed",
        B,
        "look: ip -4 route get",
        ("comes from VIP 10.0.4.99", "/32"),
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
    began = OwnRun(NOW - 65, "switchover begins by colin from ops-1")
    own = replace(journal((60.0, "keepalived", JournalEventKind.STOPPED, "keepalived", "Stopped")), runs=(began,))
    yield Situation(
        "R21",
        "one's own switchover, looked at afterwards",
        "keepalived restarted",
        view(a=node_look(A, journal=own)),
        info="was restarted by iamops (switchover by colin from ops-1)",
    )
    yield from _own_moves()


def _own_moves() -> Iterator[Situation]:
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


def _stays_right() -> Iterator[Situation]:
    """What was told right before, so that it stays so."""
    right = "right"
    yield Situation("A54", "a healthy pair", right, state())
    dead = UnitReported(NOW, A, "keepalived", UnitReport("failed", "failed"))
    lost = VrrpReported(NOW, A, "VI_1", VrrpReport(VrrpState.INIT, "json"))
    yield Situation(
        "A09",
        "keepalived was killed on the owner, and its address stayed",
        right,
        state(dead, lost, *SPLIT),
        "unit-down",
        A,
        explains=("address-without-master", "split-brain"),
    )
    heard = (9.0, "keepalived", JournalEventKind.FOREIGN_ADVERT, "VI_1", "(VI_1) received an invalid passwd!")
    yield Situation(
        "A17",
        "a third router with our router id and another password",
        right,
        view(a=node_look(A, journal=journal(heard)), b=node_look(B, journal=journal(heard))),
        "foreign-adverts",
        None,
        "look: tcpdump -nn proto 112",
    )
    yield Situation(
        "A20",
        "a third host has the VIP's address",
        right,
        view(neighbours=Known({VIP: "5e:44:00:00:00:01"}, NOW)),
        "stale-arp",
        A,
        about=("an unknown machine (5e:44:00:00:00:01)",),
    )
    taken = complaint(Kind.PORT_TAKEN, "0.0.0.0:80", "nginx")
    yield Situation(
        "A23",
        "another program has port 80, and nginx does not start",
        right,
        state(
            UnitReported(NOW, B, "nginx", UnitReport("failed", "failed")),
            VrrpReported(NOW, B, "VI_1", VrrpReport(VrrpState.FAULT, "json")),
            b=erring(B, taken),
        ),
        "unit-down",
        B,
        "look: journalctl -u nginx on iam-b",
        ("port taken 0.0.0.0:80",),
    )
    gone = DaemonCheck(
        B, "nginx", 1, 'nginx: [emerg] host not found in upstream "gone:8080" in /etc/nginx/nginx.conf:9'
    )
    yield Situation(
        "A26",
        "a name in an upstream does not resolve any more",
        right,
        view(b=node_look(B, checks=(gone,))),
        "nginx-config-invalid",
        B,
        about=("host not found in upstream",),
    )
    failing = {int(NOW) - 20: requests(10, 10)}
    away = ProbeReport(ProbeOutcome.TIMEOUT, detail="accepts, but no answer within 1.5 s", accepted=True)
    yield Situation(
        "A47",
        "MariaDB hangs, and real requests fail",
        right,
        view(
            fed(healthy(), [DatastoreProbed(NOW, node, "mariadb", away) for node in (A, B)]),
            traffic={A: traffic_look(failing), B: traffic_look()},
        ),
        "datastore-down",
        explains=("requests-failing",),
    )
    served = [HttpProbed(NOW + 1.5, B, A, Target.SERVICE, name, OK) for name in (API, AUTHZ, PUMP)]
    yield Situation(
        "A39",
        "SSH to the standby is cut, and its services answer its peer",
        right,
        state(LinkChanged(NOW + 1, B, DOWN), *served),
        "serving-unseen",
        B,
    )
    fault = VrrpReported(NOW, B, "VI_1", VrrpReport(VrrpState.FAULT, "json"))
    other, down = pair(nginx={"unit": "openresty"}), UnitReport("inactive", "dead")
    yield Situation(
        "B29",
        "nginx's unit is called openresty, and it is down on the standby",
        "unit-down does not explain the FAULT",
        view(fed(healthy(profile=other), [UnitReported(NOW, B, "openresty", down), fault])),
        "unit-down",
        B,
        "iamops start openresty iam-b",
        explains=("vrrp-fault",),
    )


def _judged_with_care() -> Iterator[Situation]:
    for number, offset, unsure in (("A37", 558.0, 585.0), ("A37b", 674.0, 942.0)):
        yield Situation(
            number,
            f"a clock {offset:.0f} ± {unsure:.0f} ms off, measured over a line that loses packets",
            "clock-skew: its clock is +0.6 s off ours",
            state(HostReported(NOW, A, HostReport(0.1, 20.0, 30.0, offset, unsure))),
            never=("clock-skew", "clocks-apart"),
        )
    half = {int(NOW) - 50: requests(40, 40, at_127_0_0_1__8080=(40, 0), at_10_0_4_21__8080=(40, 40))}
    yield Situation(
        "A41",
        "a backend gets its half of all requests and answers 500",
        "uneven-split: gets far less than its share; it answered 0",
        view(traffic={A: traffic_look(half), B: traffic_look()}),
        "requests-failing",
        step="iamops traffic",
        about=("40 of 80", "10.0.4.21:8080: 40 of 40"),
        never=("uneven-split",),
    )
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


def _needs() -> Iterator[Situation]:
    refused = ProbeReport(ProbeOutcome.REFUSED, detail="connection refused")
    failed = UnitReport("activating", "auto-restart")
    yield Situation(
        "R6",
        "the apiserver is down on one node, and the authz-server there gets no policies",
        "two roots that have nothing to do with each other",
        state(
            UnitReported(NOW, B, API, UnitReport("inactive", "dead")),
            *asked(B, API, refused),
            *asked(B, AUTHZ, refused),
        ),
        "unit-down",
        B,
        "iamops start iam-apiserver iam-b",
        explains=("service-unhealthy",),
        means=("iam-authz-server on iam-b stops deciding for new secrets",),
    )
    down = [DatastoreProbed(NOW, node, "redis", refused) for node in (A, B)]
    yield Situation(
        "R7",
        "Redis is down",
        "that it is down, and nothing of what it means",
        state(*down),
        "datastore-down",
        None,
        "look: redis on iam-a",
        means=("iam-pump on iam-a and iam-b is idle: no audit record is stored", "hears of no policy change"),
    )
    lost = UnitReport("activating", "auto-restart", 13, exits="exit 1, 13 times in 70 s", reason="port in use")
    yield Situation(
        "R4",
        "a service that cannot start: its port is taken",
        "is activating; next: journalctl, whose last lines are a stack trace",
        state(UnitReported(NOW, B, PUMP, lost)),
        "unit-down",
        B,
        "look: what iam-pump on iam-b says it lacks",
        ("does not start: exit 1, 13 times in 70 s", "port in use"),
    )
    gone = [DatastoreProbed(NOW, node, "mariadb", refused) for node in (A, B)]
    yield Situation(
        "R3",
        "MariaDB is down, and the apiserver that was restarted does not come up",
        "two roots; is activating",
        state(*gone, UnitReported(NOW, B, API, failed), *asked(B, API, refused)),
        "datastore-down",
        None,
        "look: mariadb on iam-a",
        explains=("unit-down",),
        means=("iam-apiserver on iam-a and iam-b answers 5xx and does not start again",),
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


def page() -> str:
    """docs/situations.md."""
    rows = [_row(each) for each in situations()] + [_told(each) for each in elsewhere()]
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in sorted(rows, key=_by_number)) + actions_table()


HEAD = """\
# Situations

What operators met on pairs of their own, and what `iamops triage` says: the first cause and its next step. Where
another command tells of it, what that says. Made from `tests/unit/judge/situations.py` and its siblings, where
each is judged again with every change. The numbers are those of the collection in which they were gathered.

| id | situation | said before | first cause now | next step |
|---|---|---|---|---|
"""


def _by_number(row: tuple[str, ...]) -> tuple[str, int, str]:
    """R3 before R16."""
    number = "".join(each for each in row[0] if each.isdigit())
    return row[0][0], int(number), row[0]


def _row(each: Situation) -> tuple[str, ...]:
    diagnosis = diagnose(each.view, NOW + 2)
    loud = [one for one in diagnosis.findings if one.severity is not Severity.INFO]
    quiet = [f"info: {one.title}" for one in diagnosis.findings if each.info and each.info in one.title]
    said = [_first(one) for one in loud[:1]] or ["no findings"]
    blind = _unasked(each, diagnosis.blind)
    step = f"`{loud[0].next}`" if loud else ""
    return tuple(map(_cell, (each.id, each.what, each.before, "; ".join((*said, *quiet, *blind)), step)))


def _first(finding: Finding) -> str:
    """A rule of lint says in its evidence which file, which line, which word."""
    shown = f" ({finding.evidence[0].value})" if finding.code[:1].isupper() else ""
    return f"{finding.code}: {finding.title}{shown}"


def _unasked(each: Situation, blind: tuple[NotEvaluated, ...]) -> list[str]:
    """Each reason once, with the rules that were not asked for it."""
    wanted, reasons = dict(each.unasked), dict[str, list[str]]()
    for one in blind:
        if wanted.get(one.code, "\0") in one.because:
            reasons.setdefault(one.because, []).append(one.code)
    return [f"not asked {', '.join(codes)}: {why}" for why, codes in reasons.items()]


def _told(each: Elsewhere) -> tuple[str, ...]:
    said, step = each.says()
    return tuple(map(_cell, (each.id, each.what, each.before, said, step and f"`{step}`")))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
