"""Requests of clients who know the log's format, and the lines that nginx writes of them.

Escaping is that of ngx_http_log_module. Hosts and paths are those of nginx before 1.21.1, which lets blanks pass.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from iamops.accesslog.format import Escape, LogFormat

VARIABLE = re.compile(r"\$\{?(\w+)\}?", re.ASCII)
TRICKS = (
    "-",
    "",
    "x [01/Jan/2020:00:00:00 +0000] y",
    "x [01/Jan/2020:00:00:00 +0000] ",
    "[01/Jan/2020:00:00:00 +0000]",
    '" 500 0 "-" "-" "-"',
    '\\" 500 \\',
    '","status":500,"at":"2020-01-01T00:00:00+00:00","x":"',
    "upstream=10.9.9.9:80 upstream_status=500",
    "x host=evil upstream=10.9.9.9:80 upstream_status=500 request_time=9.999 upstream_time=9.9 request_id=0",
    ", 10.9.9.9:80",
    " : 10.9.9.9:80",
    "10.9.9.9:80,",
    ": 502",
    "iamops-probe/9",
    "500",
    " 500 9",
    "2020-01-01T00:00:00+00:00",
    "a b  c",
    "\x01\x02\n\x7f",
    "é\\x22\\u0022",
    "|500|",
    "\\",
)


@dataclass(frozen=True, slots=True)
class Written:
    """A line, and what nginx knew: variable -> its value as a text."""

    line: bytes
    known: dict[str, str]


def _some(rng: random.Random, *choices: str) -> str:
    return rng.choice(choices)


def _list(rng: random.Random, one: Callable[[], str]) -> str:
    found = one()
    for _ in range(rng.choice((0, 0, 1, 2))):
        found += rng.choice((", ", ", ", " : ")) + one()
    return found


def true_values(rng: random.Random) -> dict[str, str]:
    """What nginx fills in by itself."""

    def number() -> str:
        return f"{rng.randrange(3)}.{rng.randrange(1000):03}"

    at = f"{rng.randrange(10, 24)}:{rng.randrange(10, 60)}:{rng.randrange(10, 60)}"
    zone = rng.choice(("+00:00", "-03:30"))
    peer = ("10.0.4.20:8080", "[fd00::21]:8080", "unix:/run/iam_api.sock", "iam-api")
    return {
        "status": _some(rng, "200", "404", "502", "000"),
        "time_local": f"24/Nov/2026:{at} {zone.replace(':', '')}",
        "time_iso8601": f"2026-11-24T{at}{zone}",
        "msec": f"1795542509.{rng.randrange(1000):03}",
        "remote_addr": _some(rng, "10.0.4.1", "fd00::1", "unix:"),
        "remote_port": str(rng.randrange(1024, 65536)),
        "server_name": _some(rng, "iam.api", "_", "*.iam"),
        "server_port": "80",
        "server_protocol": "HTTP/1.1",
        "scheme": "http",
        "pipe": ".",
        "request_method": _some(rng, "GET", "POST", "X-ODD", "-"),
        "request_length": str(rng.randrange(9999)),
        "body_bytes_sent": str(rng.randrange(9999)),
        "bytes_sent": str(rng.randrange(9999)),
        "request_time": number(),
        "request_id": f"{rng.randrange(1 << 64):032x}",
        "upstream_addr": rng.choice(("-", _list(rng, lambda: rng.choice(peer)))),
        "upstream_status": rng.choice(("-", _list(rng, lambda: _some(rng, "200", "502", "-")))),
        "upstream_response_time": rng.choice(("-", _list(rng, number))),
        "upstream_response_length": rng.choice(("-", _list(rng, lambda: str(rng.randrange(99))))),
        "upstream_cache_status": _some(rng, "-", "HIT", "MISS"),
        "proxy_upstream_name": _some(rng, "iam-iam-api-80", ""),
        "proxy_alternative_upstream_name": "",
    }


def filled(text: str, values: dict[str, str]) -> str:
    return VARIABLE.sub(lambda match: values.get(match[1], "x"), text)


def clients_text(form: LogFormat, rng: random.Random) -> str:
    """A trick, a line of the log, the end of one, or some of all that."""
    body = form.text.removeprefix("escape=json ")
    pieces = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        line = filled(body, true_values(rng) | dict.fromkeys(("remote_user", "host", "request"), "y"))
        cut = rng.randrange(len(line))
        pieces.append(rng.choice((rng.choice(TRICKS), rng.choice(TRICKS), line, line[cut:], line[:cut])))
    return "".join(pieces)


def escaped(text: str, escape: Escape) -> bytes:
    if escape is Escape.JSON:
        short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
        return "".join(short.get(c, f"\\u{ord(c):04X}" if c < " " else c) for c in text).encode()
    return b"".join(b"%c" % b if 32 <= b < 127 and b not in b'"\\' else b"\\x%02X" % b for b in text.encode())


def written(form: LogFormat, rng: random.Random) -> Written:
    """A request of such a client."""
    known = true_values(rng)
    for name in VARIABLE.findall(form.text):
        if name not in known:
            known[name] = clients_text(form, rng)
    host = re.sub(r"[/\x00]", "", known.get("host", "")).lower()
    if "host" in known:
        known["host"] = host
    if "request" in known and rng.random() < 0.5:
        known["request"] = f"{known['request_method']} /{known['request']} HTTP/1.1"
    body = form.text.removeprefix("escape=json ")
    line, at = b"", 0
    for match in VARIABLE.finditer(body):
        value = known[match[1]]
        line += body[at : match.start()].encode()
        line += escaped(value, form.escape) if value or match[1].startswith("proxy_") else b"-"
        known[match[1]] = value if value or match[1].startswith("proxy_") else "-"
        at = match.end()
    return Written(line + body[at:].encode(), known)
