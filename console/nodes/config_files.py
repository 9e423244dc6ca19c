"""A node's configuration files over SSH, read through the node's own script. Changes nothing."""

from __future__ import annotations

from dataclasses import replace

from console.model.config import ConfTree
from console.model.profile import Profile
from console.nodes.transport import CommandFailed, Transport
from console.parse.config_archive import ArchiveUnreadable, PushRecord, conf_tree, push_records
from console.parse.safe_text import safe_bytes
from console.render import privileges

READ_TIMEOUT_S = 10.0
DIRECTORIES = ("/etc/nginx", "/etc/keepalived")
# A link is followed: a configuration is often one. A file that changes meanwhile is taken as it is.
READABLE = (
    'find -L "$@" -xdev -type f -name "*.conf" -readable -size -512k -print0 2>/dev/null | sort -z '
    "| head -z -n 300 "
    "| tar -C / --null --no-recursion --dereference --ignore-failed-read -T - -cf - 2>/dev/null"
)
# Monotonic times of systemd against /proc/uptime; nginx may also be reloaded without systemd: its workers tell.
LOADED = (
    'echo "now $(date +%s.%N) $(cut -d" " -f1 /proc/uptime)"; '
    'for unit in "$@"; do systemctl show -p Id -p ActiveState -p MainPID -p StateChangeTimestampMonotonic '
    '"$unit.service" | tr "\\n" " "; '
    'pid=$(systemctl show -p MainPID --value "$unit.service"); '
    'echo "youngest=$(ps --ppid "${pid:-0}" -o etimes= | sort -n | head -n 1 | tr -d " ")"; done'
)


class ConfigUnreadable(Exception):
    """A node's files cannot be read; says why and what would help."""


async def read_tree(transport: Transport, profile: Profile) -> ConfTree:
    """Every managed file, and when the daemons last read theirs. Raises ConfigUnreadable, LinkLost."""
    tree = await read_files(transport)
    return replace(tree, loaded_at=await read_loaded(transport, profile))


async def read_files(transport: Transport) -> ConfTree:
    """Every managed file. Raises ConfigUnreadable, LinkLost."""
    raw = await _ask(transport, "read")
    try:
        return conf_tree(transport.node, raw)
    except ArchiveUnreadable as error:
        raise ConfigUnreadable(f"{transport.node}: {error}") from None


async def read_readable(transport: Transport) -> ConfTree:
    """The files of both daemons that the login user may read by himself. Raises ConfigUnreadable, LinkLost."""
    argv = ("sh", "-c", READABLE, "readable", *DIRECTORIES)
    try:
        result = await transport.run(argv, timeout_s=READ_TIMEOUT_S)
        return conf_tree(transport.node, result.stdout)
    except CommandFailed as failure:
        raise ConfigUnreadable(f"{transport.node}: {failure.reason}") from None
    except ArchiveUnreadable as error:
        raise ConfigUnreadable(f"{transport.node}: {error}") from None


async def read_backup(transport: Transport, push: str) -> ConfTree:
    """The managed files as they were before a push. Raises ConfigUnreadable, LinkLost."""
    try:
        return conf_tree(transport.node, await _ask(transport, "fetch", f"{push}\n".encode()))
    except ArchiveUnreadable as error:
        raise ConfigUnreadable(f"{transport.node}: {error}") from None


async def read_pushes(transport: Transport) -> tuple[PushRecord, ...]:
    """The pushes this node remembers. Raises ConfigUnreadable, LinkLost."""
    return push_records((await _ask(transport, "history")).decode("utf-8", "replace"))


async def _ask(transport: Transport, verb: str, stdin: bytes = b"") -> bytes:
    argv = ("sudo", "-n", *privileges.config(verb))
    try:
        result = await transport.run(argv, timeout_s=READ_TIMEOUT_S, stdin=stdin)
    except CommandFailed as failure:
        raise ConfigUnreadable(f"{transport.node}: {failure.reason}") from None
    if result.ok:
        return result.stdout
    said = safe_bytes(result.stderr.strip(), 200) or f"exit {result.exit_status}"
    if said.startswith("sudo:"):
        said += f" (install {privileges.CONFIG_SCRIPT} and the sudoers file: `iamops config render --to DIR`)"
    raise ConfigUnreadable(f"{transport.node}: {said}")


async def read_loaded(transport: Transport, profile: Profile) -> dict[str, float]:
    """When the daemons last read their files; nothing where that is not told. Raises LinkLost."""
    units = (profile.nginx.unit, profile.keepalived.unit)
    try:
        result = await transport.run(("sh", "-c", LOADED, "loaded", *units), timeout_s=READ_TIMEOUT_S)
    except CommandFailed:
        return {}
    return loaded_times(result.text)


def loaded_times(text: str) -> dict[str, float]:
    """unit -> when it last read its files, epoch seconds of the node. A unit that does not run is left out."""
    first, _, rest = text.partition("\n")
    words = first.split()
    if len(words) != 3 or words[0] != "now":
        return {}
    now, uptime = float(words[1]), float(words[2])
    found: dict[str, float] = {}
    for line in rest.splitlines():
        told = dict(word.partition("=")[::2] for word in line.split())
        if told.get("ActiveState") != "active" or not told.get("StateChangeTimestampMonotonic", "").isdigit():
            continue
        at = now - uptime + int(told["StateChangeTimestampMonotonic"]) / 1e6
        if told["Id"].startswith("nginx") and told.get("youngest", "").isdigit():
            at = max(at, now - int(told["youngest"]))
        found[told["Id"].removesuffix(".service")] = at
    return found
