"""The balance document as lines of plain text: what JSON says is what is shown. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from console.parse.safe_text import safe

Json = Mapping[str, Any]


def balance_lines(document: Json) -> list[str]:
    """One block per domain. What nodes wrote in it is harmless."""
    lines = [line for domain, said in document["domains"].items() for line in (*_block(domain, said), "")]
    return [safe(line) for line in lines[:-1]]


def _block(domain: str, said: Json) -> Iterator[str]:
    yield f"{domain} ({said['service']})"
    yield from (f"  {title:16} {text}" for title, text in _rows(said))


def _rows(said: Json) -> Iterator[tuple[str, str]]:
    yield "sent", f"{said['sent']}, failed {said['failed']}{_failures(said)}"
    yield "services' logs", _counted(said["backends"]) or "no backend takes requests"
    if said["by_nginx"] is None:
        yield "nginx's log", f"not known: {said['by_nginx_unknown']}"
    else:
        yield "nginx's log", _by_nginx(said)
    for name, count in said["drained"].items():
        yield "drained", f"{name}: takes no requests{_astray(count)}"
    for name, reason in said["unread"].items():
        yield "not read", f"{name}: {reason}"
    yield "verdict", said["verdict"]
    if said["by_nginx_differs"]:
        yield "disagreement", said["by_nginx_differs"]


def _failures(said: Json) -> str:
    how = ", ".join(f"{count} x {reason}" for reason, count in said["failures"].items())
    return f" ({how})" if how else ""


def _counted(counts: Mapping[str, int | None]) -> str:
    return ", ".join(f"{name} {'?' if count is None else count}" for name, count in counts.items())


def _by_nginx(said: Json) -> str:
    names = {where: name for name, where in said["endpoints"].items()}
    parts = [f"{_named(where, names)} {count}" for where, count in sorted(said["by_nginx"].items())]
    vain = [f"{_named(where, names)} {count} x" for where, count in said["by_nginx_in_vain"].items()]
    return ", ".join(parts) + (f" (before, in vain: {', '.join(vain)})" if vain else "")


def _named(where: str, names: Mapping[str, str]) -> str:
    name = names.get(where, where)
    return where if name == where else f"{name} ({where})"


def _astray(count: int | None) -> str:
    if count is None:
        return "; whether it got any is not known"
    return f", and yet got {count}" if count else ""
