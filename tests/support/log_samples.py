"""The two commands that read a node's logs, as a script expects them, and lines for them to bring."""

from __future__ import annotations

from datetime import UTC, datetime

from iamops.nodes.logs.tail import FILES, JOURNAL_FIELDS
from tests.support.profiles import pair
from tests.support.transport import Run

ACCESS, ERROR = pair().logs.access, pair().logs.error
TAIL = ("sh", "-c", FILES, "100", ACCESS, ERROR)
JOURNAL = (
    "journalctl",
    "--follow",
    "--lines=100",
    "--output=json",
    f"--output-fields={JOURNAL_FIELDS}",
    *(f"--unit={unit}.service" for unit in pair().units_on("iam-a")),
)
ZONE = Run(("date", "+%z"), b"+0100\n", always=True)
AT = datetime(2026, 11, 24, 17, 46, 29, tzinfo=UTC).timestamp()
NOW = AT + 10
OF_ACCESS, OF_ERROR = f"==> {ACCESS} <==".encode(), f"==> {ERROR} <==".encode()
REQUEST = b'10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET /%d HTTP/1.1" 200 612 "-" "curl" "-"'
FAILURE = b"2026/11/24 18:46:30 [error] 1#1: *1 connect() failed"
