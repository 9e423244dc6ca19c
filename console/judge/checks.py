"""keepalived's checks on a node, as it tells and as its files say: how long they take, which are known. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from console.judge.sources import Sources
from console.judge.unloaded import NGINX_CONF, Seen, current_units
from console.model.profile import Profile
from console.parse.directives import Directive
from console.parse.nginx_conf import servers
from console.parse.nginx_itself import answers_itself
from console.parse.nginx_proxy import server_names
from console.parse.vrrp_rest import COMMAND, check_key, rest_on_disk

# No expression and no wildcard, which may mean any host.
_PLAIN = re.compile(r"[\w-]|$")


def decides_s(seen: Seen) -> float | None:
    """From a change that makes a check fail to the FAULT, at most, by the slowest check. None: not told."""
    told = [_decides_s(check) for check in _checks(seen)]
    known = [each for each in told if each is not None]
    return max(known) if known and len(known) == len(told) else None


def known_checks(seen: Seen, path: str, script: str) -> tuple[tuple[str, ...], ...]:
    """Commands that ask what keepalived asks: where it runs only the file at `path`, and that is `script`."""
    commands = [rest.get(COMMAND) for name, rest in seen.rest.items() if name.startswith(check_key(""))]
    file = seen.tree.files.get(path)
    if seen.running is None or file is None or file.content != script:
        return ()
    found = [command for command in commands if isinstance(command, tuple) and command[0] == path]
    if len(found) != len(commands):
        return ()
    return tuple(dict.fromkeys(("bash", "-c", script, *command) for command in found))


def failed_by(seen: Seen, profile: Profile, host: str) -> tuple[str, ...]:
    """Where nginx would load files by which it does not answer the known check, which asks `host` for a 204."""
    reading = seen.tree.nginx
    if profile.nginx.unit in current_units(seen, profile) or host in answers_itself(reading, profile.nginx.port):
        return ()
    every = servers(reading)
    named = [server for server in every if host in server_names(server)]
    if not named and (
        Sources.of(seen.tree.conf, NGINX_CONF, reading).unread
        or any(not _PLAIN.match(name) for server in every for name in server_names(server))
    ):
        return ()
    default = [each for each in every if any("default_server" in listen.args for listen in each.all("listen"))]
    if any(_gives(server, "204") for server in named or default or every[:1]):
        return ()
    return (f"keepalived's check asks nginx for {host}, which would not be answered with 204",)


def _gives(block: Directive, status: str) -> bool:
    return any(
        (each.name == "return" and each.arg == status) or _gives(each, status) for each in block.block or ()
    )


def _checks(seen: Seen) -> Iterator[Mapping[str, object]]:
    for rest in (seen.rest, rest_on_disk(seen.tree.keepalived)):
        yield from (values for name, values in rest.items() if name.startswith(check_key("")))


def _decides_s(check: Mapping[str, object]) -> float | None:
    interval, fall = check.get("interval"), check.get("fall")
    if not isinstance(interval, int) or not isinstance(fall, int):
        return None
    timeout = check.get("timeout")
    # A check without a timeout has its interval as one.
    return float(fall * interval + (timeout if isinstance(timeout, int) else interval))
