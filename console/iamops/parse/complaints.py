"""A daemon's own complaints as rows of a table, and lines gathered by them. Pure; linear in the text.

A pattern is anchored at the daemon's own words: what a client may have written stands behind them. What the
complaint is about stands in its group `about`, or in that of `place`, which may match anywhere in the line; where
it matches twice, a client may have written one of them, and nothing is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from iamops.accesslog.line import logged_at
from iamops.model.inspection import ComplaintKind as Kind
from iamops.model.inspection import DaemonComplaint
from iamops.parse.journal import journal_records
from iamops.parse.systemd import is_error
from iamops.redact.clean import clean_text

TEXT_MAX, ABOUT_MAX = 240, 80
# The times of one complaint that are kept, the newest; a rule asks for minutes.
TIMES_MAX = 1000
# Complaints of one kind about different things, the newest: a flood of new names hides no other kind.
ABOUTS_MAX = 100


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """One complaint: how it is known, and what it means for an operator."""

    kind: Kind
    pattern: re.Pattern[str]
    means: str
    place: re.Pattern[str] | None = None

    def about(self, match: re.Match[str], text: str) -> str:
        named = match.groupdict().get("about") or ""
        if not named and self.place is not None:
            places = [found["about"] for found in islice(self.place.finditer(text), 2)]
            named = places[0] if len(places) == 1 else ""
        return clean_text(named, ABOUT_MAX)


def row(kind: Kind, pattern: str, means: str, place: re.Pattern[str] | None = None) -> ComplaintRow:
    return ComplaintRow(kind, re.compile(pattern), means, place)


@dataclass(slots=True)
class Gathering:
    """Complaints of one source as its lines come, oldest first."""

    rows: tuple[ComplaintRow, ...]
    found: dict[Kind, dict[tuple[str, str], DaemonComplaint]] = field(default_factory=dict)

    def take(self, at: float, unit: str, text: str) -> bool:
        for row in self.rows:
            match = row.pattern.search(text)
            if match is None:
                continue
            # The newest comes last, and the oldest of its kind goes.
            kept, key = self.found.setdefault(row.kind, {}), (clean_text(unit, ABOUT_MAX), row.about(match, text))
            before = kept.pop(key, None)
            times = (*(() if before is None else before.times[1 - TIMES_MAX :]), at)
            kept[key] = DaemonComplaint(row.kind, *key, times, clean_text(text, TEXT_MAX), row.means)
            if len(kept) > ABOUTS_MAX:
                del kept[next(iter(kept))]
            return True
        return False

    @property
    def complaints(self) -> tuple[DaemonComplaint, ...]:
        return tuple(complaint for kept in self.found.values() for complaint in kept.values())


# What nginx complains of in its error log (ngx_http_upstream.c, ngx_process.c, ngx_connection.c).
#
# What stands behind `, client: ` may be a client's: of that only the upstream is taken, where one is named.

# 2024/03/05 14:07:09 [error] 4711#4711: *12 connect() failed (111: Connection refused) while ...
_HEAD = r"^\S{1,20} \S{1,20} \[[a-z]{1,8}\] [0-9]{1,10}#[0-9]{1,10}: (?:\*[0-9]{1,19} )?"
_UPSTREAM = re.compile(r', upstream: "(?:(?:https?|grpcs?)://)?(?P<about>[^/"]{0,80})')
NGINX_ROWS = (
    row(Kind.NO_LIVE_UPSTREAMS, _HEAD + "no live upstreams while connecting to upstream",
        "nginx has given up every backend for a while (max_fails, fail_timeout), and answers 502 by itself",
        _UPSTREAM),
    row(Kind.UPSTREAM_TIMED_OUT,
        _HEAD + r"upstream timed out \(110: [^)]{1,40}\) while (?:connecting to|reading|sending|SSL)",
        "nginx waited for the backend until its time limit: clients waited with it", _UPSTREAM),
    row(Kind.UPSTREAM_REFUSED,
        _HEAD + r"connect\(\) failed \([0-9]{1,3}: [^)]{1,40}\) while connecting to upstream",
        "the backend took no connection: nginx goes on to the next one", _UPSTREAM),
    row(Kind.UPSTREAM_CLOSED,
        _HEAD + r"(?:upstream prematurely closed connection|recv\(\) failed \(104: [^)]{1,40}\)) while reading",
        "the backend hung up in the middle of an answer: it crashed or was restarted", _UPSTREAM),
    row(Kind.HOST_NOT_FOUND,
        _HEAD + r'(?:host not found in upstream "(?P<about>[^"]{1,80})|\S{1,80} could not be resolved)',
        "a name in an upstream does not resolve: nginx would not start or reload"),
    row(Kind.WORKER_DIED, _HEAD + r"worker process [0-9]{1,10} exited on signal (?P<about>[0-9]{1,3})",
        "a worker died, and its connections with it"),
    row(Kind.OPEN_FILES, _HEAD + r".{0,60}\(24: Too many open files\)",
        "nginx has no file descriptors left (worker_rlimit_nofile, LimitNOFILE): connections are refused"),
    row(Kind.PORT_TAKEN, _HEAD + r"bind\(\) to (?P<about>\S{1,60}) failed \(98: ",
        "another program has the port: nginx cannot start"),
)  # fmt: skip


def nginx_complaints(lines: Iterable[bytes], zone_s: int) -> tuple[DaemonComplaint, ...]:
    """From complete lines of an error log, oldest first. A line without a time is no line of nginx's."""
    gathering = Gathering(NGINX_ROWS)
    for raw in lines:
        at = logged_at(raw, zone_s)
        if at is not None:
            gathering.take(at, "nginx", raw.decode("utf-8", "replace"))
    return gathering.complaints


# What keepalived complains of, in the words of 2.x (vrrp.c, keepalived_netlink.c, scheduler.c, vrrp_parser.c).

KEEPALIVED_ROWS = (
    row(Kind.HIGHER_PRIORITY, r"^\([^)]{1,64}\) Master received advert from (?P<about>[0-9a-fA-F.:]{2,45}) "
        r"with (?:higher|same) priority",
        "this node gave the VIP up to whoever sent it"),
    row(Kind.LOWER_PRIORITY, r"^\([^)]{1,64}\) [Rr]eceived (?:advert|lower priority \([0-9]{1,3}\) advert) from "
        r"(?P<about>[0-9a-fA-F.:]{2,45})",
        "a second master sends adverts: it does not hear this one's"),
    # Less than three adverts late takes nothing from anybody.
    row(Kind.STARVED, r"^A thread timer expired (?:[3-9]|[1-9][0-9]{1,8})\.[0-9]{1,9} seconds ago",
        "keepalived was not given time to run: its adverts were late, and the peer may have taken over meanwhile"),
    row(Kind.CANNOT_SEND,
        r"^\((?P<about>[^)]{1,64})\):? (?:send advert error|[Cc]an'?t send advert|Cant send advert)",
        "its adverts do not leave the node: the peer takes over, and both have the VIP"),
    row(Kind.ADDRESS_REMOVED, r"^Netlink reflector reports IP (?P<about>[0-9a-fA-F.:]{2,45}) removed from",
        "something else than keepalived takes the VIP away: networkd, NetworkManager, a script or a person"),
    row(Kind.SCRIPT_DISABLED,
        r"^(?:Disabling track script (?P<about>\S{1,80})|WARNING - (?:default user|script user) '?\S{1,80}'? for"
        r"|WARNING - script '[^']{1,200}' is not executable|Unable to access script `[^`]{1,200}`)",
        "the check is not run: a dead nginx is not seen"),
    row(Kind.LINK_LOST, r"^(?:Netlink reports|Interface) (?P<about>\S{1,15}) (?:down|deleted)",
        "the interface went: keepalived gave the VIP up"),
)  # fmt: skip


# What services complain of their datastores, in the words of the servers (MariaDB, Redis, MongoDB).
#
# A service writes requests into the same log: only lines count that are errors by their own level, and only
# sentences that no path can hold.

DATASTORE_ROWS = (
    row(Kind.MARIADB_REFUSES,
        r"(?:Error 1290\b[^\n]{0,40}|running with the )--(?P<about>read-only|innodb-read-only|super-read-only)"
        r"|(?:Error 1036\b|Table '[^']{1,80}' is read only)",
        "MariaDB is read-only: nothing can be created or changed"),
    row(Kind.MARIADB_REFUSES, r"Error 1205\b|Lock wait timeout exceeded; try restarting transaction",
        "MariaDB's rows or tables are locked by somebody else (a backup, LOCK TABLES): writes wait and fail"),
    row(Kind.REDIS_REFUSES, r"(?P<about>READONLY) You can't write against a read only (?:replica|slave)",
        "Redis is a replica: it takes no writes"),
    row(Kind.REDIS_REFUSES, r"(?P<about>MISCONF) Redis is configured to save RDB snapshots",
        "Redis cannot save to its disk, and refuses writes until it can"),
    row(Kind.REDIS_REFUSES, r"(?P<about>OOM) command not allowed when used memory > 'maxmemory'",
        "Redis has used up its maxmemory, and refuses writes"),
    row(Kind.MONGODB_REFUSES, r"\((?P<about>NotWritablePrimary|NotPrimaryNoSecondaryOk|NotMaster)\)"
        r"|not (?:master|primary) and (?:slave|secondary)Ok",
        "MongoDB is not primary: it takes no writes"),
)  # fmt: skip


def service_complaints(lines: Iterable[bytes]) -> tuple[DaemonComplaint, ...]:
    """From `journalctl --output=json` lines of services, oldest first."""
    gathering = Gathering(DATASTORE_ROWS)
    for record in journal_records(lines):
        if not record.by_systemd and is_error(record.message):
            gathering.take(record.at, record.unit, record.message)
    return gathering.complaints


# What systemd complains of about a unit (service.c, unit.c).

SYSTEMD_ROWS = (
    row(Kind.START_LIMIT, r": Start request repeated too quickly|: Failed with result 'start-limit-hit'",
        "it fell over so often that systemd starts it no more"),
    row(Kind.OUT_OF_MEMORY,
        r": A process of this unit has been killed by the OOM killer|: Failed with result 'oom-kill'",
        "the node had no memory left, and the kernel killed it"),
    row(Kind.STOP_TIMED_OUT, r": State 'stop-sigterm' timed out",
        "it did not end when it was stopped, and was killed"),
)  # fmt: skip
