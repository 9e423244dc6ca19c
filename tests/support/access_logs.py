"""Log formats and a good line, and a log counted by a node's awk for comparison."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

from iamops.accesslog.awk import awk_program, count_result
from iamops.accesslog.count import CountQuery, Counts

JSON = (
    'escape=json {"at":"$time_iso8601","status":$status,"host":"$host","request":"$request",'
    '"bytes":$bytes_sent,"agent":"$http_user_agent","from":"$remote_addr","took":$request_time,'
    '"upstream":"$upstream_addr","answers":"$upstream_status","upstream_took":"$upstream_response_time"}'
)
SPARE = "$msec|$status|$request_method|$request_uri|$server_name"
UNQUOTED = "$time_iso8601 [$remote_addr] $request_method $uri $status ${request_time}s"
FORMATS = {"main": "main", "iamops": "iamops", "json": JSON, "spare": SPARE, "unquoted": UNQUOTED}
AWKS = [[name] for name in ("mawk", "gawk", "original-awk") if shutil.which(name)]
AWKS += [["busybox", "awk"]] if shutil.which("busybox") else []


GOOD = (
    b'10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET /v1/users/17/keys/4?x=1 HTTP/1.1" 200 612 "-" "curl/8" "-" '
    b"host=iam.api upstream=10.0.4.20:8080, 10.0.4.21:8080 upstream_status=502, 200 request_time=0.132 "
    b"upstream_time=0.001, 0.131 request_id=ab"
)


def by_awk(recipe: CountQuery, log: bytes, awk: Sequence[str] = ("mawk",), anchored: int = 0) -> Counts:
    done = subprocess.run(
        [*awk, "-v", f"anchored={anchored}", awk_program(recipe)],
        input=log,
        capture_output=True,
        check=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    assert done.stderr == b""
    found = count_result(done.stdout.removesuffix(b"\n").split(b"\n"))
    assert found.anchor == (log.partition(b"\n")[0] if anchored else None)
    return found.counts
