"""What nginx complains of in its error log (ngx_http_upstream.c, ngx_process.c, ngx_connection.c).

What stands behind `, client: ` may be a client's: of that only the upstream is taken, and only where one is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from console.model.look import Complaint
from console.model.look import ComplaintKind as Kind
from console.parse.complaints.table import Gathering, row
from console.parse.log_time import logged_at

# 2024/03/05 14:07:09 [error] 4711#4711: *12 connect() failed (111: Connection refused) while ...
_HEAD = r"^\S{1,20} \S{1,20} \[[a-z]{1,8}\] [0-9]{1,10}#[0-9]{1,10}: (?:\*[0-9]{1,19} )?"
_UPSTREAM = re.compile(r', upstream: "(?:(?:https?|grpcs?)://)?(?P<about>[^/"]{0,80})')
ROWS = (
    row(
        Kind.NO_LIVE_UPSTREAMS,
        _HEAD + "no live upstreams while connecting to upstream",
        "nginx has given up every backend for a while (max_fails, fail_timeout), and answers 502 by itself",
        _UPSTREAM,
    ),
    row(
        Kind.UPSTREAM_TIMED_OUT,
        _HEAD + r"upstream timed out \(110: [^)]{1,40}\) while (?:connecting to|reading|sending|SSL)",
        "nginx waited for the backend until its time limit: clients waited with it",
        _UPSTREAM,
    ),
    row(
        Kind.UPSTREAM_REFUSED,
        _HEAD + r"connect\(\) failed \([0-9]{1,3}: [^)]{1,40}\) while connecting to upstream",
        "the backend took no connection: nginx goes on to the next one",
        _UPSTREAM,
    ),
    row(
        Kind.UPSTREAM_CLOSED,
        _HEAD + r"(?:upstream prematurely closed connection|recv\(\) failed \(104: [^)]{1,40}\)) while reading",
        "the backend hung up in the middle of an answer: it crashed or was restarted",
        _UPSTREAM,
    ),
    row(
        Kind.HOST_NOT_FOUND,
        _HEAD + r'(?:host not found in upstream "(?P<about>[^"]{1,80})|\S{1,80} could not be resolved)',
        "a name in an upstream does not resolve: nginx would not start or reload",
    ),
    row(
        Kind.WORKER_DIED,
        _HEAD + r"worker process [0-9]{1,10} exited on signal (?P<about>[0-9]{1,3})",
        "a worker died, and its connections with it",
    ),
    row(
        Kind.OPEN_FILES,
        _HEAD + r".{0,60}\(24: Too many open files\)",
        "nginx has no file descriptors left (worker_rlimit_nofile, LimitNOFILE): connections are refused",
    ),
    row(
        Kind.PORT_TAKEN,
        _HEAD + r"bind\(\) to (?P<about>\S{1,60}) failed \(98: ",
        "another program has the port: nginx cannot start",
    ),
)


def nginx_complaints(lines: Iterable[bytes], zone_s: int) -> tuple[Complaint, ...]:
    """From complete lines of an error log, oldest first. A line without a time is no line of nginx's."""
    gathering = Gathering(ROWS)
    for raw in lines:
        at = logged_at(raw, zone_s)
        if at is not None:
            gathering.take(at, "nginx", raw.decode("utf-8", "replace"))
    return gathering.complaints
