"""Asks keepalived for its own view of its VRRP instances: JSON dump, else data dump."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from iamops.model.facts import VrrpReport
from iamops.model.profile import Profile
from iamops.model.running import LiveVrrp
from iamops.nodes.transport import CommandFailed, Transport
from iamops.parse.keepalived.dump import DumpUnreadable, data_dump, json_dump, live_config
from iamops.redact.clean import clean_bytes
from iamops.render import privileges

DUMP_TIMEOUT_S = 3.0
# More than the dump of a hundred instances; the transport takes no more in one answer.
DUMP_MOST = 4 * 1024 * 1024
# A daemon on a busy machine may take its time once; a hung one takes it twice.
TRIES, TRIES_AGAIN = 40, 120
# $1: the dump's path; $2: how big it may be; $3: how often to look; the rest: the signal's argv. Waits until the
# file has been written anew. Exit 4: the daemon wrote nothing; 5: the file there is not keepalived's, see stderr;
# 6: it takes no signal now; anything else is sudo's or systemctl's own exit status.
#
# The directory is everybody's. A file of root's own, with one name, in a directory where others can neither remove
# nor rename it, stays what it is until root reads it: no link to another file, no fifo that would hold root up.
# keepalived is not made to write either where something else lies.
_ASK = r"""path=$1 most=$2 looks=$3; shift 3
no() { echo "$path $1" >&2; exit 5; }
sound() {
    case $(stat -L -c %u:%A -- "${path%/*}") in
        0:d????-??-? | 0:d????????[tT]) ;;
        *) no "lies where others than root can replace it: chmod +t ${path%/*}, and give it to root" ;;
    esac
    about=$(stat -c '%u %h %f %s' -- "$path" 2>/dev/null) || return 0
    case $about in
        "0 1 8"???\ *) [ "${about##* }" -le "$most" ] || no "has ${about##* } bytes, more than $most" ;;
        "0 "*" 8"???\ *) no "has several names, so it may be another file: remove it" ;;
        *" 8"???\ *) no "was put there by another user (uid ${about%% *}): remove it" ;;
        *) no "is no regular file, so keepalived has not written it: remove it" ;;
    esac
}
# A process that has just been started takes no signal yet: this one would end it, and with it the start. And
# systemctl sends it to whatever is the unit's process by then: while one is going, that may be the next one.
ready() {
    signal=0 unit=
    for word in "$@"; do
        case $word in --signal=SIGUSR1) signal=10 ;; --signal=*) signal=${word#*=} ;; *.service) unit=$word ;; esac
    done
    doing=$(systemctl show --property=MainPID,ActiveState -- "$unit" 2>/dev/null)
    case $doing in *ActiveState=active* | *ActiveState=reloading*) ;; *) return 1 ;; esac
    pid=${doing#*MainPID=} pid=${pid%%[!0-9]*}
    [ "${pid:-0}" -gt 0 ] || return 1
    for each in $pid $(cat "/proc/$pid/task/$pid/children" 2>/dev/null); do
        taken=
        for mask in $(sed -n -e 's/^SigBlk:[[:space:]]//p' -e 's/^SigCgt:[[:space:]]//p' "/proc/$each/status"); do
            # The lower forty bits: more may be too much for the shell.
            [ $((0x${mask#??????} >> (signal - 1) & 1)) -eq 0 ] && taken=${taken:-no} || taken=yes
        done
        [ "$taken" != no ] || return 1
    done 2>/dev/null
}
sound
ready "$@" || exit 6
before=$(stat -c %.Y -- "$path" 2>/dev/null)
sudo -n "$@" || exit $?
tries=0
while [ $tries -lt "$looks" ]; do
    now=$(stat -c %.Y -- "$path" 2>/dev/null)
    if [ -n "$now" ] && [ "$now" != "$before" ]; then sound; exit 0; fi
    sleep 0.025
    tries=$((tries + 1))
done
exit 4"""
_NOT_KEEPALIVEDS, _UNANSWERED, _NOT_READY = 5, 4, 6
# $1: the unit. The state of its daemon and that one's children, in the words of proc(5): `T (stopped)`.
_DOING = r"""systemctl show --property=PrivateTmp,MainPID -- "$1"
pid=$(systemctl show --property=MainPID --value -- "$1")
for each in $pid $(cat "/proc/$pid/task/$pid/children" 2>/dev/null); do
    sed -n "s/^State:[[:space:]]*/State=$each /p" "/proc/$each/status" 2>/dev/null
done
:"""
_STOPPED = re.compile(r"^State=(?P<pid>[0-9]{1,10}) (?P<state>[Tt] \([a-z ]{1,20}\))", re.MULTILINE)


class VrrpUnknown(Exception):
    """keepalived's view is unknown. `final` False: the last state in its journal still holds.

    `silence`: how it shows that the daemon runs and could answer, and does not.
    """

    def __init__(self, reason: str, *, final: bool, silence: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final
        self.silence = silence


class NotWritten(VrrpUnknown):
    """The daemon was asked for its dump, and wrote none in the time it had."""

    def __init__(self) -> None:
        super().__init__("no dump: keepalived wrote no dump (private /tmp?)", final=False)


@dataclass(slots=True)
class VrrpWitness:
    """Keepalived on one node. Learns once per connection whether the build can dump JSON."""

    transport: Transport
    profile: Profile
    _speaks_json: bool | None = None

    async def ask(self) -> Mapping[str, VrrpReport]:
        """Reports by instance. Raises VrrpUnknown; LinkLost passes through."""
        try:
            await self._require_running()
            try:
                return await self._reports(TRIES)
            except NotWritten:
                return await self._asked_again()
        except CommandFailed as failure:
            raise VrrpUnknown(failure.reason, final=False) from failure

    async def _reports(self, tries: int) -> Mapping[str, VrrpReport]:
        if self._speaks_json is None:
            # An unhandled real-time signal kills the daemon, so the number is asked for, never assumed.
            argv = ("keepalived", "--signum=JSON")
            result = await self.transport.run(argv, timeout_s=DUMP_TIMEOUT_S)
            self._speaks_json = result.ok and result.text.strip() == str(privileges.JSON_SIGNAL)
        if not self._speaks_json:
            return data_dump(await self._dump(privileges.ask_data_dump, privileges.DATA_DUMP, tries))
        text = await self._dump(privileges.ask_json_dump, privileges.JSON_DUMP, tries)
        with contextlib.suppress(DumpUnreadable):
            return json_dump(text)
        # 2.2.x overwrites the file in place, so a reader may see half of it: read again.
        try:
            return json_dump(await self._read(privileges.JSON_DUMP))
        except DumpUnreadable as error:
            raise VrrpUnknown(str(error), final=False) from error

    async def _asked_again(self) -> Mapping[str, VrrpReport]:
        """A daemon that writes where we cannot look is not silent; one whose process is stopped is."""
        argv = ("sh", "-c", _DOING, "doing", f"{self.profile.keepalived.unit}.service")
        doing = (await self.transport.run(argv, timeout_s=DUMP_TIMEOUT_S)).text
        if "PrivateTmp=yes" in doing.splitlines():
            raise NotWritten
        stopped = _STOPPED.search(doing)
        if stopped is None:
            try:
                return await self._reports(TRIES_AGAIN)
            except NotWritten:
                silence = f"asked twice for its dump, it wrote none within {TRIES_AGAIN / 40:.0f} s"
        else:
            silence = f"its process {stopped['pid']} is in state {stopped['state']}"
        raise VrrpUnknown(f"no dump: {silence}", final=False, silence=silence)

    async def config(self) -> Mapping[str, LiveVrrp]:
        """What the daemon really runs with. Raises VrrpUnknown; LinkLost passes through."""
        return live_config(await self.data_text())

    async def data_text(self) -> str:
        """The data dump, passwords included. Raises VrrpUnknown; LinkLost passes through."""
        try:
            await self._require_running()
            return await self._dump(privileges.ask_data_dump, privileges.DATA_DUMP)
        except CommandFailed as failure:
            raise VrrpUnknown(failure.reason, final=False) from failure

    async def _require_running(self) -> None:
        unit = f"{self.profile.keepalived.unit}.service"
        result = await self.transport.run(("systemctl", "is-active", unit), timeout_s=DUMP_TIMEOUT_S)
        state = clean_bytes(result.stdout.strip(), 40)
        if state not in ("active", "reloading"):
            raise VrrpUnknown(f"keepalived is {state or 'not running'}", final=True)

    async def _dump(self, ask: privileges.AskDump, path: str, tries: int = TRIES) -> str:
        argv = ("sh", "-c", _ASK, "ask", path, str(DUMP_MOST), str(tries), *ask(self.profile))
        result = await self.transport.run(argv, timeout_s=DUMP_TIMEOUT_S + tries / 40)
        if result.exit_status == _NOT_KEEPALIVEDS:
            raise VrrpUnknown(clean_bytes(result.stderr.strip(), 200), final=False)
        if result.exit_status == _NOT_READY:
            raise VrrpUnknown("keepalived is being started or stopped", final=True)
        if result.exit_status == _UNANSWERED:
            raise NotWritten
        if not result.ok:
            reason = clean_bytes(result.stderr.strip(), 120) or f"exit {result.exit_status}"
            raise VrrpUnknown(f"no dump: {reason}", final=False)
        return await self._read(path)

    async def _read(self, path: str) -> str:
        argv = ("sudo", "-n", *privileges.read_dump(path))
        result = await self.transport.run(argv, timeout_s=DUMP_TIMEOUT_S)
        if not result.ok:
            raise VrrpUnknown(f"cannot read {path}: {clean_bytes(result.stderr.strip(), 120)}", final=False)
        return result.text
