"""Load-balancing tests: requests through the VIP or one nginx, and which backend has them by the logs."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from iamops.accesslog.aggregate import NAME_MAX
from iamops.accesslog.count import values
from iamops.accesslog.format import Escape, FormatError, LogField, LogFormat, named_format
from iamops.accesslog.values import NOBODY, NOTHING, attempts
from iamops.model.facts import ProbeReport
from iamops.model.foreign import whole
from iamops.model.profile import Profile, Service
from iamops.model.traffic import AccessGain, AccessMark, Share
from iamops.nodes.netns import connect
from iamops.nodes.probes.client import ClientTarget, probe_once
from iamops.nodes.probes.http import Endpoint, HttpRequest, probe_http
from iamops.nodes.transport import CommandFailed, CommandResult, Transport, TransportError
from iamops.redact.clean import clean_bytes, clean_text

LOOK_TIMEOUT_S = 5.0
REQUEST_TIMEOUT_S = 2.0
# Requests that carry the token, and all others between the first and the last of them: a stranger's
# request takes a backend's turn too.
_COUNT = (
    "index($0, token) { n++; others += pending; pending = 0; next } "
    "n { pending++ } END { print n + 0, others + 0 }"
)


async def split(profile: Profile, count: int, transports: Mapping[str, Transport | None]) -> dict[str, Any]:
    """domain -> {service, sent, failed, backends, others, unread}, after `count` requests to each domain."""
    found: dict[str, Any] = {}
    for service in profile.services.values():
        if not service.domain:
            continue
        token = new_token()
        reports = await send(profile, service, count, token)
        by_node = await shares(profile, service, token, transports)
        found[service.domain] = {
            "service": service.name,
            "sent": count,
            "failed": sum(not report.ok for report in reports),
            "backends": {name: share.requests for name, share in by_node.items()},
            "others": sum(share.others for share in by_node.values()),
            "unread": {name: share.reason for name, share in by_node.items() if share.requests is None},
        }
    return found


def new_token() -> str:
    """Marks the requests of one test; nobody can guess it."""
    return f"iamops-{secrets.token_hex(6)}"


async def send(profile: Profile, service: Service, count: int, token: str) -> tuple[ProbeReport, ...]:
    """GETs of the health path, one after the other, each on a connection of its own.

    Each in a thread of its own too: a caller that is cancelled waits for one request and not for all of them.
    """
    path = _marked_path(service, token)
    target = ClientTarget("split", profile.instance.address, profile.nginx.port, service.domain or "", path)
    open_socket = partial(connect, namespace=profile.network_namespace)
    reports = [await asyncio.to_thread(probe_once, target, open_socket, REQUEST_TIMEOUT_S) for _ in range(count)]
    return tuple(reports)


def _marked_path(service: Service, token: str) -> str:
    return f"{service.health}{'&' if '?' in service.health else '?'}{token}"


async def shares(
    profile: Profile, service: Service, token: str, transports: Mapping[str, Transport | None]
) -> dict[str, Share]:
    """What the service's own log holds on each of its nodes."""
    nodes = [name for name in profile.nodes if service.runs_on(name)]
    found = await asyncio.gather(*(_share(transports[name], service, token) for name in nodes))
    return dict(zip(nodes, found, strict=True))


async def _share(transport: Transport | None, service: Service, token: str) -> Share:
    argv = ("awk", "-v", f"token={token}", _COUNT, service.log_path)
    result = await _run(transport, argv, LOOK_TIMEOUT_S)
    if isinstance(result, str):
        return Share(None, reason=result)
    match [whole(word) for word in result.text.split()]:
        case [int(requests), int(others)] if result.ok:
            return Share(requests, others)
    return Share(None, reason=_complaint(result, service.log_path))


async def _run(transport: Transport | None, argv: tuple[str, ...], timeout_s: float) -> CommandResult | str:
    """The result, or why there is none."""
    if transport is None:
        return "not connected"
    try:
        return await transport.run(argv, timeout_s=timeout_s)
    except TransportError as failure:
        return failure.reason


def _complaint(result: CommandResult, log: str) -> str:
    return clean_bytes(result.stderr.strip(), 160) or f"{log} cannot be read"


# The lines with a token that a node's access log gained since it was marked: only the new part is read.

MARK_TIMEOUT_S = 5.0
# At most what a busy node writes while a thousand requests are sent.
READ_TIMEOUT_S = 20.0
# $1 is the log, $2 its inode and $3 its size at the mark, $4 the token, $5 how many lines of others to keep.
# Another inode, or fewer bytes: the log was rotated, and all of it is new. A descriptor: what was looked at is
# what is read. Before each line stands `+` for the token's and `-` for one of others between these; `?`: there
# were more.
_GAIN = r"""
LC_ALL=C; export LC_ALL
exec 3<"$1" || exit 1
set -- "$1" "$2" "$3" "$4" "$5" $(stat -L -c '%i %s' /proc/self/fd/3)
from=0
if [ "$6" = "$2" ] && [ "$7" -ge "$3" ]; then from=$3; fi
tail -c "+$((from + 1))" <&3 | awk -v token="$4" -v most="$5" '
    index($0, token) {
        for (i = 1; i <= held; i++) print "-" between[i]
        print "+" $0; held = 0; begun = 1; next
    }
    begun && kept < most { between[++held] = $0; kept++; next }
    begun { more = 1 }
    END { if (more) print "?" }'
"""
# Requests of others between the first and the last of ours that are looked at.
MOST_BETWEEN = 20_000


async def access_mark(transport: Transport | None, log: str) -> AccessMark:
    """Where the log ends now."""
    result = await _run(transport, ("stat", "--dereference", "--format=%i %s", log), MARK_TIMEOUT_S)
    if isinstance(result, str):
        return AccessMark(reason=result)
    match [whole(word) for word in result.text.split()]:
        case [int(inode), int(size)] if result.ok:
            return AccessMark(inode, size)
    return AccessMark(reason=_complaint(result, log))


async def access_gain(transport: Transport | None, log: str, mark: AccessMark, token: str) -> AccessGain:
    """What stands behind the mark."""
    argv = ("sh", "-c", _GAIN, "gain", log, str(mark.inode), str(mark.size), token, str(MOST_BETWEEN))
    result = mark.reason or await _run(transport, argv, READ_TIMEOUT_S)
    if isinstance(result, str):
        return AccessGain(None, result)
    if not result.ok:
        return AccessGain(None, _complaint(result, log))
    lines = result.stdout.splitlines()
    own, others = (tuple(line[1:] for line in lines if line[:1] == sign) for sign in (b"+", b"-"))
    return AccessGain(own, between=None if b"?" in lines else others)


# Requests through the nginx of one node, and which backends answered them by its access log.

LOCALHOST = "127.0.0.1"
LOG_TAIL_BYTES = 512 * 1024
LOG_TIMEOUT_S = 3.0
# nginx writes a line when a request is over: a moment after its answer.
WRITTEN_AFTER_S = 0.05
_FOUND = 'tail -c "$2" -- "$1" | grep -F -- "$3"; exit 0'


async def through(transport: Transport, profile: Profile, service: Service, count: int) -> dict[str, Any]:
    """{sent, failed, complaint, backends: {endpoint: answers} | None, in_vain: {endpoint: requests}, nameless,
    unavailable}, after `count` requests one by one.

    `in_vain`: who was asked and gave no good answer, though another one may have. `nameless`: requests that failed
    and for which the log names nobody. `sent` 0: the node opens no connection for us, so nothing is known.
    Raises LinkLost.
    """
    token = new_token()
    question = HttpRequest(service.domain or "", _marked_path(service, token))
    door = Endpoint(LOCALHOST, profile.nginx.port)
    reports: list[ProbeReport] = []
    for _ in range(count):
        report = await probe_http(transport, door, question, time.monotonic)
        if report is None:
            return _answer([], None, "the node opens no connection for us")
        reports.append(report)
    try:
        form = named_format(profile.logs.format)
    except FormatError as error:
        return _answer(reports, None, str(error))
    if not form.has(LogField.UPSTREAM):
        return _answer(reports, None, form.unavailable(LogField.UPSTREAM))
    await asyncio.sleep(WRITTEN_AFTER_S)
    log = profile.logs.access
    argv = ("sh", "-c", _FOUND, "found", log, str(LOG_TAIL_BYTES), token)
    try:
        result = await transport.run(argv, timeout_s=LOG_TIMEOUT_S)
    except CommandFailed as failure:
        return _answer(reports, None, failure.reason)
    lines = [line.decode("utf-8", "replace") for line in result.stdout.splitlines()]
    if not lines:
        reason = clean_bytes(result.stderr.strip(), 120) or "it does not hold these requests"
        return _answer(reports, None, f"{log} on {transport.node}: {reason}")
    logged = [request for line in lines if (request := _logged_request(form, line)) is not None]
    if not logged:
        shown = clean_text(profile.logs.format, 60)
        return _answer(reports, None, f"{log} on {transport.node} is not in the format {shown}")
    return _answer(reports, logged, "")


@dataclass(frozen=True, slots=True)
class _LoggedRequest:
    """`asked`: every backend in order, the last one gave the answer; "-" where nginx names none."""

    good: bool
    asked: tuple[str, ...]

    @property
    def in_vain(self) -> set[str]:
        return set(self.asked[:-1] if self.good else self.asked) - {NOBODY}


def _logged_request(form: LogFormat, line: str) -> _LoggedRequest | None:
    """None: not in this format. By default nginx writes "-" for nothing: then an empty value is no answer."""
    variable = form.fields[LogField.UPSTREAM]
    found = values(form, line, {variable, "status"})
    if found is None or (form.escape is Escape.DEFAULT and not found[variable]):
        return None
    names = (name.strip() for name in attempts(found[variable]))
    asked = tuple(NOBODY if name in NOTHING else clean_text(name, NAME_MAX) for name in names)
    return _LoggedRequest(found["status"].startswith(("2", "3")), asked)


def _answer(reports: list[ProbeReport], logged: list[_LoggedRequest] | None, reason: str) -> dict[str, Any]:
    bad = [report for report in reports if not report.ok]
    named = sum(not request.good and request.asked[-1] != NOBODY for request in logged or ())
    return {
        "sent": len(reports),
        "failed": len(bad),
        "complaint": (bad[0].detail or str(bad[0].outcome)) if bad else "",
        "backends": None if logged is None else dict(Counter(r.asked[-1] for r in logged if r.good)),
        "in_vain": dict(Counter(name for request in logged or () for name in request.in_vain)),
        "nameless": max(0, len(bad) - named),
        "unavailable": reason,
    }
