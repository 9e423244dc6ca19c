"""What services complain of their datastores, in the words of the servers (MariaDB, Redis, MongoDB).

A service writes requests into the same log: only lines that are errors by their own level are looked at, and only
sentences that no path can hold.
"""

from __future__ import annotations

from collections.abc import Iterable

from console.model.look import Complaint
from console.model.look import ComplaintKind as Kind
from console.parse.complaints.table import Gathering, row
from console.parse.journal import journal_records
from console.parse.start_reason import is_error

ROWS = (
    row(
        Kind.MARIADB_REFUSES,
        r"(?:Error 1290\b[^\n]{0,40}|running with the )--(?P<about>read-only|innodb-read-only|super-read-only)"
        r"|(?:Error 1036\b|Table '[^']{1,80}' is read only)",
        "MariaDB is read-only: nothing can be created or changed",
    ),
    row(
        Kind.MARIADB_REFUSES,
        r"Error 1205\b|Lock wait timeout exceeded; try restarting transaction",
        "MariaDB's rows or tables are locked by somebody else (a backup, LOCK TABLES): writes wait and fail",
    ),
    row(
        Kind.REDIS_REFUSES,
        r"(?P<about>READONLY) You can't write against a read only (?:replica|slave)",
        "Redis is a replica: it takes no writes",
    ),
    row(
        Kind.REDIS_REFUSES,
        r"(?P<about>MISCONF) Redis is configured to save RDB snapshots",
        "Redis cannot save to its disk, and refuses writes until it can",
    ),
    row(
        Kind.REDIS_REFUSES,
        r"(?P<about>OOM) command not allowed when used memory > 'maxmemory'",
        "Redis has used up its maxmemory, and refuses writes",
    ),
    row(
        Kind.MONGODB_REFUSES,
        r"\((?P<about>NotWritablePrimary|NotPrimaryNoSecondaryOk|NotMaster)\)"
        r"|not (?:master|primary) and (?:slave|secondary)Ok",
        "MongoDB is not primary: it takes no writes",
    ),
)


def service_complaints(lines: Iterable[bytes]) -> tuple[Complaint, ...]:
    """From `journalctl --output=json` lines of services, oldest first."""
    gathering = Gathering(ROWS)
    for record in journal_records(lines):
        if not record.by_systemd and is_error(record.message):
            gathering.take(record.at, record.unit, record.message)
    return gathering.complaints
