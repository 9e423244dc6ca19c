"""keepalived's checks on a node, as it tells and as its files say: how long they take, which are known. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from console.judge.unloaded import Seen
from console.parse.vrrp_rest import COMMAND, check_key, rest_on_disk


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
