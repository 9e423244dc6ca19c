"""A newer keepalived.conf beside all that its daemon tells. What is compared with nothing is named. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from console.parse.directives import Directive, Reading
from console.parse.running_vrrp import KEYWORDS, Settings
from console.parse.vrrp_rest import COMMAND, NUMBERS, TRACKED, VIP_AS, Rest, check_key

# How many settings are named: a whole file need not be.
NAMED = 24
WORDS: Mapping[str, tuple[str, ...]] = {
    **{word: (word,) for word in (*NUMBERS, "notify_backup", "notify_master", "notify_fault", "notify_stop")},
    "script": (COMMAND,),
    "track_script": (TRACKED,),
}


def other_rest(running: Rest, on_disk: Rest) -> Iterator[str]:
    """Settings that would become others."""
    for key in (each for each in on_disk if each in running):
        new, old = on_disk[key], running[key]
        for what in (each for each in new if each in old and new[each] != old[each]):
            yield f"{key}: {_changed(what, old[what], new[what])}"


def is_meant(reading: Reading, meant: Reading | None) -> bool:
    """Is it what the profile renders, word by word? The password aside: it is compared with what runs."""
    if meant is None or reading.mistakes or reading.includes:
        return False
    return _words(reading.directives) == _words(meant.directives)


def uncompared(
    reading: Reading,
    running: tuple[Mapping[str, Settings], Rest],
    on_disk: tuple[Mapping[str, Settings], Rest],
    newer: Collection[str],
    root: str,
) -> str:
    """What of the newer files is compared with nothing, with its lines: it may be another one now."""
    found = dict.fromkeys(
        f"{each.name} ({'line ' if each.file == root else f'{each.file}:'}{each.line})"
        for each in _uncompared(reading, running, on_disk)
        if each.file in newer
    )
    named = list(found)[:NAMED]
    if len(found) > NAMED:
        named.append(f"{len(found) - NAMED} more")
    return ", ".join((*named, "what may have been taken out"))


def _words(block: tuple[Directive, ...]) -> tuple[object, ...]:
    return tuple((each.name, each.name == "auth_pass" or each.args, _words(each.block or ())) for each in block)


def _uncompared(
    reading: Reading,
    running: tuple[Mapping[str, Settings], Rest],
    on_disk: tuple[Mapping[str, Settings], Rest],
) -> Iterator[Directive]:
    for block in reading.directives:
        inner = block.block or ()
        if block.name == "global_defs":
            yield from inner
        elif block.name == "vrrp_instance" or (block.name == "vrrp_script" and check_key(block.arg) in running[1]):
            key = block.arg if block.name == "vrrp_instance" else check_key(block.arg)
            told = _told(key, *running) & _told(key, *on_disk)
            yield from (each for each in inner if not _is_compared(each, told))
        else:
            yield block


def _told(key: str, settings: Mapping[str, Settings], rest: Rest) -> set[str]:
    own = settings.get(key)
    return {*(own.values if own is not None else ()), *rest.get(key, ())}


def _is_compared(directive: Directive, told: set[str]) -> bool:
    """Is all that it says compared?"""
    name = directive.name
    if name == "virtual_ipaddress":
        return VIP_AS in told
    if name == "unicast_peer" and any(each.args for each in directive.block or ()):
        return False
    needed = WORDS.get(name) or tuple(setting for setting, words in KEYWORDS.items() if name in words)
    return bool(needed) and told.issuperset(needed)


def _changed(what: str, old: object, new: object) -> str:
    if what == COMMAND:
        # Its arguments may be anything, passwords included.
        was, will = _program(old), _program(new)
        return f"{what} is {will} instead of {was}" if was != will else f"{what} gets other arguments"
    if what.startswith("notify_"):
        return f"{what} changes"
    return f"{what} {_shown(new)} instead of {_shown(old)}"


def _program(command: object) -> str:
    return str(command[0]) if isinstance(command, tuple) and command else "nothing"


def _shown(value: object) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)
