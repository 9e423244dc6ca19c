"""Carries out `iamops balance`: marks the access logs, sends, and reads every log that may tell."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping

from iamops.cli.output import CliError, print_lines
from iamops.model.profile import Profile, Service
from iamops.model.text import safe
from iamops.model.traffic import AccessGain, AccessMark, Share
from iamops.nodes.logs.split import access_gain, access_mark, new_token, send, shares
from iamops.nodes.probes.http import Endpoint, HttpRequest, probe_http
from iamops.nodes.transport import Transport, TransportError
from iamops.report.balance import BalanceTest, balance_document, exit_code, telling_format
from iamops.report.text import Json, json_text
from iamops.session.connections import connection_attempts

# A server writes its line after it has sent the answer: what is not there yet is read again.
READS = 4
BETWEEN_READS_S = 0.25
Transports = Mapping[str, Transport | None]


def show_balance(profile: Profile, count: int, *, as_json: bool) -> int:
    if not profile.domains:
        raise CliError(f"no service of profile {profile.name} has a domain: nothing to send")
    return asyncio.run(_balance(profile, count, as_json=as_json))


async def _balance(profile: Profile, count: int, *, as_json: bool) -> int:
    async with connection_attempts(profile) as made:
        failures = {node: link for node, link in made.items() if isinstance(link, TransportError)}
        if len(failures) == len(made):
            raise next(iter(failures.values()))
        transports = {node: None if isinstance(link, TransportError) else link for node, link in made.items()}
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


async def tested(profile: Profile, count: int, transports: Transports) -> dict[str, BalanceTest]:
    """Every published domain, one after the other. A node that is None is not connected."""
    marks: Mapping[str, AccessMark] = {}
    if telling_format(profile)[0] is not None:  # else the log could not tell anything, and is not read
        log = profile.logs.access
        made = await asyncio.gather(*(access_mark(transport, log) for transport in transports.values()))
        marks = dict(zip(transports, made, strict=True))
    return {
        service.domain: await _test(profile, service, count, transports, marks)
        for service in profile.services.values()
        if service.domain
    }


async def _test(
    profile: Profile, service: Service, count: int, transports: Transports, marks: Mapping[str, AccessMark]
) -> BalanceTest:
    token, log = new_token(), profile.logs.access
    reports = await send(profile, service, count, token)
    answered = sum(report.ok for report in reports)
    for number in range(READS):
        if number:
            await asyncio.sleep(BETWEEN_READS_S)
        by_service = await shares(profile, service, token, transports)
        read = await asyncio.gather(*(access_gain(transports[node], log, marks[node], token) for node in marks))
        by_nginx: dict[str, AccessGain] = dict(zip(marks, read, strict=True))
        in_services = [share.requests for share in by_service.values()]
        in_nginx = [None if gain.lines is None else len(gain.lines) for gain in by_nginx.values()]
        if not (_incomplete(in_services, answered) or _incomplete(in_nginx, answered)):
            break
    silent = await _unanswering(profile, service, by_service, transports)
    return BalanceTest(service, reports, by_service, by_nginx, silent)


def _incomplete(counts: list[int | None], answered: int) -> bool:
    """Whether a line may still be on its way; a log that cannot be read will not be read better later."""
    known = [count for count in counts if count is not None]
    return bool(counts) and len(known) == len(counts) and sum(known) < answered


async def _unanswering(
    profile: Profile, service: Service, found: Mapping[str, Share], transports: Transports
) -> dict[str, str]:
    """Backends that had none while others' lines might excuse it, and that do not answer when they are asked."""
    silent: dict[str, str] = {}
    for name, share in found.items():
        if share.requests != 0 or transports[name] is None or not any(other.others for other in found.values()):
            continue
        question = HttpRequest(f"{profile.nodes[name].address}:{service.port}", service.health)
        for peer, transport in transports.items():
            host = profile.nodes[name].address if peer != name else "127.0.0.1"
            if transport is None:
                continue
            report = await probe_http(transport, Endpoint(host, service.port), question, time.monotonic)
            if report is not None and not report.ok:
                silent[name] = f"does not answer {peer} ({report.outcome})"
    return silent


def balance_lines(document: Json) -> list[str]:
    """One block per domain: what JSON says is what is shown. What nodes wrote in it is harmless."""
    lines: list[str] = []
    for domain, result in document["domains"].items():
        lines += ["", f"{domain} ({result['service']})"]
        lines += [f"  {title:16} {text}" for title, text in _rows(result)]
    return [safe(line) for line in lines[1:]]


def _rows(result: Json) -> Iterator[tuple[str, str]]:
    failures = ", ".join(f"{count} x {reason}" for reason, count in result["failures"].items())
    yield "sent", f"{result['sent']}, failed {result['failed']}{f' ({failures})' if failures else ''}"
    counts = ", ".join(f"{name} {'?' if count is None else count}" for name, count in result["backends"].items())
    yield "services' logs", counts or "no backend takes requests"
    if result["by_nginx"] is None:
        yield "nginx's log", f"not known: {result['by_nginx_unknown']}"
    else:
        names = {endpoint: f"{name} ({endpoint})" for name, endpoint in result["endpoints"].items()}
        names |= {name: name for name in result["endpoints"]}
        parts = [f"{names.get(where, where)} {count}" for where, count in sorted(result["by_nginx"].items())]
        vain = [f"{names.get(where, where)} {count} x" for where, count in result["by_nginx_in_vain"].items()]
        yield "nginx's log", ", ".join(parts) + (f" (before, in vain: {', '.join(vain)})" if vain else "")
    for name, count in result["drained"].items():
        unknown = "; whether it got any is not known" if count is None else ""
        yield "drained", f"{name}: takes no requests{f', and yet got {count}' if count else unknown}"
    for name, reason in result["unread"].items():
        yield "not read", f"{name}: {reason}"
    yield "verdict", result["verdict"]
    if result["by_nginx_differs"]:
        yield "disagreement", result["by_nginx_differs"]
