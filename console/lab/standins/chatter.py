"""What the real services say beside answering: debug lines with statements, and the middleware that dumps all.

Every name, password and key here is invented.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Sequence

LEVELS = {"DEBUG": 35, "INFO": 34, "ERROR": 31, "FATAL": 31}
PASSWORD, KEY = "Invented-Passw0rd", "inventedsecretkey0123456789abcdef"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpbnZlbnRlZCI6dHJ1ZX0.aW52ZW50ZWQ"  # noqa: S105 - of nobody
# Headers that a browser and a proxy send: most of the flood.
_HEADERS = (
    "Accept: application/json, text/plain, */*",
    "Accept-Encoding: gzip, deflate",
    "Accept-Language: en-GB,en;q=0.5",
    "Cache-Control: no-cache",
    "Connection: keep-alive",
    "Content-Type: application/json",
    "Dnt: 1",
    "Origin: https://iam.example.invalid",
    "Pragma: no-cache",
    "Referer: https://iam.example.invalid/console",
    "Sec-Fetch-Dest: empty",
    "Sec-Fetch-Mode: cors",
    "Sec-Fetch-Site: same-site",
    "X-Forwarded-Proto: http",
    "X-Real-Ip: 192.0.2.7",
    "X-Request-Id: 00000000-0000-4000-8000-000000000000",
)


def say(level: str, name: str, place: str, text: str) -> None:
    """A line as the real services write it, to the file and to stdout: its level is in colour in both."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    line = f"{stamp}.000\t\x1b[{LEVELS[level]}m{level}\x1b[0m\t{name}\t{place}\t{text}"
    for handler in logging.root.handlers:
        handler.acquire()
        try:
            if isinstance(handler, logging.StreamHandler):
                handler.stream.write(line + "\n")
                handler.flush()
        finally:
            handler.release()
    print(line, flush=True)


def debug(name: str, client: str, method: str, path: str, status: int, took_ms: float) -> None:
    """Four records for one request, one of them over several lines, the last the request line itself."""
    say("DEBUG", name, "cache/cache.go:71", 'cache miss, asking the store\t{"kind":"secret"}')
    statement = "SELECT * FROM `secret`\n  WHERE name = 'colin'\n  ORDER BY id LIMIT 1"
    say("DEBUG", name, "mysql/secret.go:52", f'{statement}\t{{"rows":1}}')
    insert = (
        "INSERT INTO `secret` (`username`, `secretID`, `secretKey`, `expires`) "  # noqa: S608 - a line of a log
        f"VALUES ('colin', 'inventedid', '{KEY}', 0)"
    )
    say("DEBUG", name, "mysql/secret.go:81", insert)
    say("INFO", name, "middleware/logger.go:135", f'{status} - [{client}] "{took_ms:.3f}ms {method} {path}"')


def dump(client: str, method: str, path: str, status: int, body: bytes) -> None:
    """Everything of one request and its answer, on stdout: what the dump middleware of the template does."""
    lines = [*_request(client, method, path), "", *_answer(status, body)]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _request(client: str, method: str, path: str) -> Iterator[str]:
    yield f"Request: [{client}] (stand-in of the iamops lab; every value is invented)"
    yield f"{method} {path} HTTP/1.1"
    yield f"Authorization: Bearer {TOKEN}"
    yield from _HEADERS
    yield from _json(("username", "colin"), ("password", PASSWORD), ("newPassword", f"{PASSWORD}-2"))


def _answer(status: int, body: bytes) -> Iterator[str]:
    yield f"Response: {status}"
    yield f"Set-Cookie: token={TOKEN}"
    yield from _HEADERS
    yield from _json(("secretID", "inventedid"), ("secretKey", KEY), ("token", TOKEN), ("hash", "$2a$10$invented"))
    yield body.decode("utf-8", "replace")


def _json(*pairs: tuple[str, str]) -> Sequence[str]:
    return ["{", *(f'    "{key}": "{value}",' for key, value in pairs), '    "invented": true', "}"]
