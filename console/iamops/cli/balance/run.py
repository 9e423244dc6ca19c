"""Carries out `iamops balance`: marks the access logs, sends, and reads every log that may tell."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from iamops.cli.output import print_lines
from iamops.model.exit_code import ExitCode
from iamops.model.profile import Profile, Service
from iamops.model.safe_text import safe
from iamops.model.traffic import AccessGain, AccessMark, Share
from iamops.nodes.logs.split import access_gain, access_mark, new_token, send, shares
from iamops.nodes.probes.http import Door, HttpQuestion, probe_http
from iamops.nodes.transport import Transport, TransportError
from iamops.report.balance import Tested, balance_document, exit_code, telling_format
from iamops.report.text import json_text
from iamops.session.connections import attempts

# The balance document as lines of plain text: what JSON says is what is shown. Pure.

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


# A server writes its line after the answer has gone out: what is not there yet is looked for again.
LOOKS = 4
BETWEEN_LOOKS_S = 0.25
Transports = Mapping[str, Transport | None]


def show_balance(profile: Profile, count: int, *, as_json: bool) -> int:
    """Tests, prints, and returns the exit code."""
    if not profile.domains:
        print(f"iamops: no service of profile {profile.name} has a domain: nothing to send", file=sys.stderr)
        return ExitCode.USAGE
    return asyncio.run(_balance(profile, count, as_json=as_json))


async def _balance(profile: Profile, count: int, *, as_json: bool) -> int:
    async with attempts(profile) as made:
        failures = {node: each for node, each in made.items() if isinstance(each, TransportError)}
        if len(failures) == len(made):
            raise next(iter(failures.values()))
        transports = {node: None if isinstance(each, TransportError) else each for node, each in made.items()}
        for failure in failures.values():
            print(f"iamops: {failure}\nnext: {failure.next_step}", file=sys.stderr)
        tests = await tested(profile, count, transports)
    unreachable = {node: failure.reason for node, failure in failures.items()}
    document = balance_document(profile, count, tests, unreachable)
    if as_json:
        print(json_text(document))
    else:
        print_lines(balance_lines(document))
    return exit_code(document)


async def tested(profile: Profile, count: int, transports: Transports) -> dict[str, Tested]:
    """Every published domain, one after the other. A node that is None is not connected."""
    marks = await _marks(profile, transports)
    found: dict[str, Tested] = {}
    for service in profile.services.values():
        if service.domain:
            found[service.domain] = await _domain(profile, service, count, transports, marks)
    return found


async def _domain(
    profile: Profile, service: Service, count: int, transports: Transports, marks: Mapping[str, AccessMark]
) -> Tested:
    token = new_token()
    reports = await send(profile, service, count, token)
    answered = sum(report.ok for report in reports)
    by_service = await shares(profile, service, token, transports)
    by_nginx = await _gains(profile, token, transports, marks)
    for _ in range(LOOKS - 1):
        if not (_short_share(by_service, answered) or _short_gain(by_nginx, answered)):
            break
        await asyncio.sleep(BETWEEN_LOOKS_S)
        by_service = await shares(profile, service, token, transports)
        by_nginx = await _gains(profile, token, transports, marks)
    return Tested(
        service, reports, by_service, by_nginx, await _unanswering(profile, service, by_service, transports)
    )


async def _unanswering(
    profile: Profile, service: Service, found: Mapping[str, Share], transports: Transports
) -> dict[str, str]:
    """Backends that had none while others' lines might excuse it, and that do not answer when they are asked."""
    silent: dict[str, str] = {}
    for name, share in found.items():
        transport = transports[name]
        if share.requests != 0 or transport is None or not any(each.others for each in found.values()):
            continue
        question = HttpQuestion(f"{profile.nodes[name].address}:{service.port}", service.health)
        for peer, asking in transports.items():
            host = profile.nodes[name].address if peer != name else "127.0.0.1"
            if asking is None:
                continue
            report = await probe_http(asking, Door(host, service.port), question, time.monotonic)
            if report is not None and not report.ok:
                silent[name] = f"does not answer {peer} ({report.outcome})"
    return silent


def _short_share(found: Mapping[str, Share], answered: int) -> bool:
    """Whether a line may still be on its way; what cannot be read will not be read better later."""
    known = [share.requests for share in found.values() if share.requests is not None]
    return len(known) == len(found) and sum(known) < answered


def _short_gain(found: Mapping[str, AccessGain], answered: int) -> bool:
    known = [len(gain.lines) for gain in found.values() if gain.lines is not None]
    return bool(known) and len(known) == len(found) and sum(known) < answered


async def _marks(profile: Profile, transports: Transports) -> dict[str, AccessMark]:
    """No marks where the format could not tell anything anyway: then nothing is read."""
    if telling_format(profile)[0] is None:
        return {}
    log = profile.logs.access
    made = await asyncio.gather(*(access_mark(each, log) for each in transports.values()))
    return dict(zip(transports, made, strict=True))


async def _gains(
    profile: Profile, token: str, transports: Transports, marks: Mapping[str, AccessMark]
) -> dict[str, AccessGain]:
    log = profile.logs.access
    read = await asyncio.gather(*(access_gain(transports[node], log, marks[node], token) for node in marks))
    return dict(zip(marks, read, strict=True))
