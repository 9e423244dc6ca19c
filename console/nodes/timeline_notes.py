"""What a timeline reads from a node: its journal from a time on, and which files changed. Changes nothing."""

from __future__ import annotations

from console.model.profile import Profile
from console.model.timestamps import moment
from console.nodes.transport import CommandResult, Transport
from console.parse.journal import JournalRecord, is_echo, journal_records
from console.parse.numbers import real
from console.parse.words import words, words_of

LINES_MAX = 2000
FILES_MAX = 200
FIELDS = "MESSAGE,UNIT,_SYSTEMD_UNIT,_SOURCE_REALTIME_TIMESTAMP"
# "Startup finished", systemd's words at the end of a boot (sd-messages.h): of a machine, and of a container.
BOOTED = ("MESSAGE_ID=b07a249cd024414a82dd00cd181378ff", "MESSAGE_ID=eed00a68ffd84e31882105fd973abdd1")
# Asking for dumps leaves three lines every 30 s: they would crowd out a day of what matters.
_JOURNAL = (
    "since=$1; lines=$2; shift 2; "
    f'journalctl --quiet --output=json --output-fields={FIELDS} "--since=@$since" "$@" '
    '| grep -avE "Sent signal SIG|Printing VRRP " | tail -n "$lines"'
)
CONFIG_DIRECTORIES = ("/etc/nginx", "/etc/keepalived")
# Backups and editors' leavings are no configuration.
_EDITED = (
    'since=$1; shift; find "$@" -type f ! -name "*~" ! -name ".*" -newermt "@$since" -printf "%T@ %p\\n" | sort -n'
)


class Untold(Exception):
    """A node cannot tell its part; says why."""


async def journal_since(
    transport: Transport, profile: Profile, since: float, *, timeout_s: float
) -> tuple[tuple[JournalRecord, ...], bool]:
    """keepalived's words, systemd's about the profile's units, boots; oldest first.

    `since` is by the node's clock. The flag is True where there were more than LINES_MAX, and the older ones are
    left out. Raises Untold, TransportError.
    """
    matches = [f"_SYSTEMD_UNIT={profile.keepalived.unit}.service"]
    for unit in profile.actionable_units_on(transport.node):
        matches += ["+", "_PID=1", f"UNIT={unit}.service"]
    matches += ["+", "_PID=1", *BOOTED]
    argv = ("sh", "-c", _JOURNAL, "journal", str(int(since)), str(LINES_MAX + 1), *matches)
    result = await transport.run(argv, timeout_s=timeout_s)
    lines = result.stdout.splitlines()
    if not lines and result.stderr.strip():
        raise Untold(_first(result))
    found = tuple(record for record in journal_records(lines[-LINES_MAX:]) if not is_echo(record.message))
    return found, len(lines) > LINES_MAX


async def edited_since(transport: Transport, since: float, *, timeout_s: float) -> tuple[tuple[float, str], ...]:
    """(when, path) of nginx's and keepalived's files changed since then, both by the node's clock.

    Raises Untold, TransportError.
    """
    argv = ("sh", "-c", _EDITED, "edited", f"{since:.3f}", *CONFIG_DIRECTORIES)
    result = await transport.run(argv, timeout_s=timeout_s)
    if not result.stdout and result.stderr.strip():
        raise Untold(_first(result))
    found = []
    for line in result.text.splitlines()[-FILES_MAX:]:
        at, _, path = line.partition(" ")
        edited_at = moment(real(at))
        if path and edited_at is not None:
            found.append((edited_at, words(path, 200)))
    return tuple(found)


def _first(result: CommandResult) -> str:
    return words_of(result.stderr.strip().splitlines()[0], 160)
