"""Which commands tell something about a node that a bundle should hold. No I/O."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from console.model.profile import Profile
from console.render import privileges

# The newest: with --since beside it, some versions of journalctl give the oldest.
JOURNAL_LINES = 20_000
# Stands in an argv for the number of bytes that may be read.
LIMIT = "LIMIT_BYTES"


@dataclass(frozen=True, slots=True)
class Ask:
    """One command whose output is a file of the bundle.

    `keeps_end`: of too much output the end counts. `says_no`: a failing command's output is wanted too.
    `most_records`: it was asked for no more, so with as many there may be older ones; 0 where it was not bounded.
    """

    name: str
    argv: tuple[str, ...]
    keeps_end: bool = False
    says_no: bool = False
    most_records: int = 0

    def argv_for(self, limit_bytes: int) -> tuple[str, ...]:
        return tuple(str(limit_bytes) if word == LIMIT else word for word in self.argv)

    @property
    def source(self) -> str:
        return shlex.join(self.argv)


def asks_of(profile: Profile, node: str) -> tuple[Ask, ...]:
    """In the order in which they stand in the archive."""
    return (
        *_versions(),
        *_host(),
        *_network(),
        *_units(profile, node),
        *_journals(profile, node),
        *_logs(profile, node),
    )


def _versions() -> Iterator[Ask]:
    yield Ask("versions/keepalived.txt", ("keepalived", "--version"))
    yield Ask("versions/nginx.txt", ("nginx", "-V"))
    yield Ask("versions/kernel.txt", ("uname", "-a"))
    yield Ask("versions/os-release.txt", ("cat", "/etc/os-release"))
    yield Ask("versions/systemd.txt", ("systemctl", "--version"))


def _host() -> Iterator[Ask]:
    yield Ask("host/uptime.txt", ("uptime",))
    yield Ask("host/date.txt", ("date", "--iso-8601=ns"))
    yield Ask("host/df.txt", ("df", "-h"), says_no=True)
    yield Ask("host/df-inodes.txt", ("df", "-i"), says_no=True)
    yield Ask("host/meminfo.txt", ("cat", "/proc/loadavg", "/proc/meminfo"))
    # Names only: arguments of processes are where passwords are typed.
    yield Ask("host/processes.txt", ("ps", "-eo", "pid,ppid,user,etimes,stat,pcpu,pmem,comm"))


def _network() -> Iterator[Ask]:
    yield Ask("network/addresses.txt", ("ip", "-d", "addr", "show"))
    yield Ask("network/links.txt", ("ip", "-s", "link", "show"))
    yield Ask("network/neighbours.txt", ("ip", "neigh", "show"))
    yield Ask("network/routes.txt", ("ip", "route", "show", "table", "all"))
    yield Ask("network/listening.txt", ("ss", "-ltn"))
    yield Ask("network/sockets.txt", ("ss", "-s"))


def _units(profile: Profile, node: str) -> Iterator[Ask]:
    services = tuple(f"{unit}.service" for unit in profile.actionable_units_on(node))
    yield Ask("units/properties.txt", ("systemctl", "show", "--no-pager", "--", *services))
    yield Ask("units/files.txt", ("systemctl", "cat", "--no-pager", "--", *services), says_no=True)
    yield Ask("units/failed.txt", ("systemctl", "list-units", "--failed", "--no-pager", "--plain"))
    yield Ask("units/timers.txt", ("systemctl", "list-timers", "--all", "--no-pager"))
    check = ("sudo", "-n", *privileges.check_nginx_config())
    yield Ask("units/nginx-check.txt", check, says_no=True)


def _journals(profile: Profile, node: str) -> Iterator[Ask]:
    """What the units said, and what everything said: a reason often stands in the line of a neighbour."""
    for unit in profile.actionable_units_on(node):
        yield Ask(
            f"journal/{unit}.log",
            (*_journal(), f"--unit={unit}.service"),
            keeps_end=True,
            most_records=JOURNAL_LINES,
        )
    yield Ask("journal/all.log", _journal(), keeps_end=True, most_records=JOURNAL_LINES)


def _journal() -> tuple[str, ...]:
    return (
        "journalctl",
        "--no-pager",
        "--quiet",
        "--output=short-iso-precise",
        f"--lines={JOURNAL_LINES}",
    )


def _logs(profile: Profile, node: str) -> Iterator[Ask]:
    yield _log("logs/access.log", profile.logs.access)
    yield _log("logs/error.log", profile.logs.error)
    yield _log("logs/notify.log", profile.logs.notify)
    for service in profile.services.values():
        if service.runs_on(node):
            yield _log(f"logs/{service.name}.log", service.log_path)


def _log(name: str, path: str) -> Ask:
    """`tail` would read a fifo for ever: its deadline ends it."""
    return Ask(name, ("tail", "-c", LIMIT, "--", path), keeps_end=True)
