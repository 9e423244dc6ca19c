"""Asks keepalived for its own view of its VRRP instances: JSON dump, else data dump."""

from __future__ import annotations

from collections.abc import Mapping

from console.model.facts import VrrpReport
from console.model.live import LiveVrrp
from console.model.profile import Profile
from console.nodes.transport import CommandFailed, Transport
from console.parse.keepalived_dump import DumpUnreadable, data_dump, json_dump
from console.parse.live_config import live_config
from console.parse.words import words_of
from console.render import privileges

DUMP_TIMEOUT_S = 3.0
# $1: the dump's path; the rest: the signal's argv. Waits until the file has been written anew. Exit 3:
# the daemon does not run; 4: it wrote nothing; anything else is sudo's or systemctl's own word.
_ASK = (
    'path=$1; shift; before=$(stat -c %.Y -- "$path" 2>/dev/null); '
    'sudo -n "$@" || exit $?; tries=0; while [ $tries -lt 40 ]; do '
    'now=$(stat -c %.Y -- "$path" 2>/dev/null); '
    '[ -n "$now" ] && [ "$now" != "$before" ] && exit 0; sleep 0.025; tries=$((tries + 1)); done; exit 4'
)


class VrrpUnknown(Exception):
    """keepalived's view cannot be had. `final` False: the journal's last word still stands."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final


class VrrpWitness:
    """Keepalived on one node. Learns once per connection whether the build can dump JSON."""

    def __init__(self, transport: Transport, profile: Profile) -> None:
        self._transport = transport
        self._profile = profile
        self._speaks_json: bool | None = None

    async def ask(self) -> Mapping[str, VrrpReport]:
        """Reports by instance. Raises VrrpUnknown; LinkLost passes through."""
        try:
            await self._require_running()
            if await self._has_json():
                return await self._dump_json()
            return data_dump(await self._dump(privileges.ask_data_dump, privileges.DATA_DUMP))
        except CommandFailed as failure:
            raise VrrpUnknown(failure.reason, final=False) from failure

    async def config(self) -> Mapping[str, LiveVrrp]:
        """What the daemon is really running with. Raises VrrpUnknown; LinkLost passes through."""
        return live_config(await self.data_text())

    async def data_text(self) -> str:
        """The data dump, passwords included. Raises VrrpUnknown; LinkLost passes through."""
        try:
            await self._require_running()
            return await self._dump(privileges.ask_data_dump, privileges.DATA_DUMP)
        except CommandFailed as failure:
            raise VrrpUnknown(failure.reason, final=False) from failure

    async def _require_running(self) -> None:
        unit = f"{self._profile.keepalived.unit}.service"
        result = await self._transport.run(("systemctl", "is-active", unit), timeout_s=DUMP_TIMEOUT_S)
        state = words_of(result.stdout.strip(), 40)
        if state not in ("active", "reloading"):
            raise VrrpUnknown(f"keepalived is {state or 'not running'}", final=True)

    async def _has_json(self) -> bool:
        """An unhandled real-time signal kills the daemon, so the number is asked for, never assumed."""
        if self._speaks_json is None:
            argv = ("keepalived", "--signum=JSON")
            result = await self._transport.run(argv, timeout_s=DUMP_TIMEOUT_S)
            self._speaks_json = result.ok and result.text.strip() == str(privileges.JSON_SIGNAL)
        return self._speaks_json

    async def _dump_json(self) -> Mapping[str, VrrpReport]:
        """2.2.x overwrites the file in place, so a reader may see half of it: read again."""
        text = await self._dump(privileges.ask_json_dump, privileges.JSON_DUMP)
        try:
            return json_dump(text)
        except DumpUnreadable:
            try:
                return json_dump(await self._read(privileges.JSON_DUMP))
            except DumpUnreadable as error:
                raise VrrpUnknown(str(error), final=False) from error

    async def _dump(self, ask: privileges.AskDump, path: str) -> str:
        argv = ("sh", "-c", _ASK, "ask", path, *ask(self._profile))
        result = await self._transport.run(argv, timeout_s=DUMP_TIMEOUT_S)
        if not result.ok:
            said = words_of(result.stderr.strip(), 120) or f"exit {result.exit_status}"
            why = "keepalived wrote no dump (private /tmp?)" if result.exit_status == 4 else said
            raise VrrpUnknown(f"no dump: {why}", final=False)
        return await self._read(path)

    async def _read(self, path: str) -> str:
        argv = ("sudo", "-n", *privileges.read_dump(path))
        result = await self._transport.run(argv, timeout_s=DUMP_TIMEOUT_S)
        if not result.ok:
            said = words_of(result.stderr.strip(), 120)
            raise VrrpUnknown(f"cannot read {path}: {said}", final=False)
        return result.text
