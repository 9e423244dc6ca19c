"""Formats made at random with lines of requests that are known, and what is to be counted of them.

The totals are added up from the requests, not from their lines. `python -m tests.support.made_formats 500 200`
tries 500 formats with 200 lines each, in Python and in every awk that is here.
"""

from __future__ import annotations

import random
import string
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

from iamops.accesslog.count import CountQuery, counted
from iamops.accesslog.filter import where
from iamops.accesslog.format import Escape, FormatError, LogField, LogFormat, named_format
from iamops.redact.clean import without_secrets
from tests.support.access_logs import AWKS, by_awk
from tests.support.format_specimens import totals
from tests.support.hostile_requests import TRICKS, VARIABLE, clients_text, escaped, true_values

LISTS = ("upstream_addr", "upstream_status", "upstream_response_time", "upstream_connect_time")
PLAIN = (
    *("remote_addr", "body_bytes_sent", "request_time", "server_name", "request_method", "server_protocol"),
    *("request_id", "msec", "time_iso8601", "request_length", "upstream_cache_status"),
)
TEXTS = ("request", "host", "http_user_agent", "http_x", "request_uri", "http_host")
BETWEEN = (" ", " ", " ", " | ", "|", ",", ";", " - ", "  ", " x=", "\t", " [", "] ", ") (", "")
PEERS = ("198.51.100.11:80", "198.51.100.12:8080", "[2001:db8::13]:80", "unix:/run/app_1.sock", "shop")
TOKEN = frozenset(f"{string.ascii_letters}{string.digits}!#$%&'*+-.^_`|~")
LONG = 600


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """`known`: variable -> value, empty where nginx has none. `attempts`: (peer, status, time), "-" for none."""

    known: dict[str, str]
    attempts: tuple[tuple[str, str, str], ...]


def made_format(rng: random.Random) -> str:
    """Lists everywhere; clients' texts mostly in quotes."""
    names = [*rng.sample(LISTS, rng.randrange(1, 5)), *rng.sample(PLAIN, rng.randrange(5))]
    names += [*rng.sample(TEXTS, rng.randrange(4)), "status"]
    rng.shuffle(names)
    json = rng.random() < 0.25
    body = rng.choice(("", "", "[", "x=", "- "))
    for at, name in enumerate(names):
        if json:
            bare = name in PLAIN and rng.random() < 0.3
            body += f'{"," if at else "{"}"k{at}":{"" if bare else chr(34)}${{{name}}}{"" if bare else chr(34)}'
            continue
        quoted = (name in TEXTS and rng.random() < 0.8) or rng.random() < 0.15
        body += f'"${name}"' if quoted else f"[${name}]" if rng.random() < 0.15 else f"${{{name}}}"
        body += rng.choice(BETWEEN) if at + 1 < len(names) else rng.choice(("", "", " ", "]", " s"))
    return f"escape=json {body}}}" if json else body


def made_request(form: LogFormat, rng: random.Random) -> KnownRequest:
    known = true_values(rng)
    attempts: list[tuple[str, str, str]] = []
    between: list[str] = []
    for at in range(rng.choice((0, 1, 1, 1, 2, 2, 3))):
        between += [rng.choice((", ", ", ", ", ", " : "))] if at else []
        took = rng.choice((f"0.{rng.randrange(1000):03}", f"{rng.randrange(1, 90)}.{rng.randrange(1000):03}", "-"))
        attempts.append((rng.choice(PEERS), rng.choice(("200", "200", "404", "500", "502", "504", "-")), took))
    for at, name in enumerate(LISTS):
        words = [attempt[min(at, 2)] for attempt in attempts]
        known[name] = "".join(map("".join, zip(["", *between], words, strict=True))) if words else ""
    known["status"] = rng.choice(("200", "200", "301", "404", "499", "502", "009"))
    for name in VARIABLE.findall(form.text):
        if name not in known:
            known[name] = rng.choice(TRICKS) if rng.random() < 0.8 else clients_text(form, rng)
    odd = known.get("host", "").replace("/", "").lower()
    known["host"] = rng.choice(("shop.example", "www.example.net", "", odd))
    if rng.random() < 0.7:
        known["request"] = f"{rng.choice(('GET', 'POST', 'M-SEARCH'))} /{rng.choice('abc')} HTTP/1.1"
    return KnownRequest(known, tuple(attempts))


def written_line(form: LogFormat, request: KnownRequest) -> bytes:
    body = form.text.removeprefix("escape=json ")
    line, at = b"", 0
    for match in VARIABLE.finditer(body):
        nothing = b"" if form.escape is Escape.JSON else b"-"
        line += body[at : match.start()].encode() + (escaped(request.known[match[1]], form.escape) or nothing)
        at = match.end()
    return line + body[at:].encode()


def reference(form: LogFormat, requests: list[KnownRequest]) -> dict[str, Any]:
    """What `totals` is to give of a format's fields, from the requests themselves."""
    found: dict[str, Any] = {name: Counter[str]() for name in ("status", "method", "host", "client")}
    backends: dict[str, list[int]] = {}
    found |= {"bytes": 0, "latencies": 0, "unparsed": 0}
    nothing = "" if form.escape is Escape.JSON else "-"
    for request in requests:
        known, status = request.known, request.known["status"]
        found["status"][status] += 1
        if LogField.METHOD in form.fields:
            found["method"][known["request_method"]] += 1
        elif LogField.REQUEST in form.fields:
            method, blank, _ = known["request"].partition(" ")
            found["method"][method if blank and method and TOKEN.issuperset(method) else "(invalid)"] += 1
        if LogField.HOST in form.fields:
            found["host"][without_secrets(known[form.fields[LogField.HOST]] or nothing)] += 1
        if LogField.CLIENT in form.fields:
            found["client"][known["remote_addr"]] += 1
        found["bytes"] += int(known["body_bytes_sent"]) if LogField.BYTES in form.fields else 0
        found["latencies"] += LogField.REQUEST_TIME in form.fields
        for at, (peer, answer, took) in enumerate(request.attempts if LogField.UPSTREAM in form.fields else ()):
            asked = backends.setdefault(peer, [0, 0, 0])
            gone = status == "499" and answer == "-" and at == len(request.attempts) - 1
            failed = (answer == "-" and not gone) or answer.startswith("5")
            asked[0] += 1
            asked[1] += failed and LogField.UPSTREAM_STATUS in form.fields
            asked[2] += took != "-" and LogField.UPSTREAM_TIME in form.fields
    return found | {"backend": {name: "/".join(map(str, numbers)) for name, numbers in backends.items()}}


@dataclass(slots=True)
class Tried:
    """`lists`: formats whose lists are counted; `refused`: formats that are refused."""

    formats: int = 0
    lines: int = 0
    lists: int = 0
    refused: int = 0


def tried(seed: str, formats: int, lines: int) -> Tried:
    """Compares what is counted of random formats with the reference, and Python with every awk."""
    rng, done = random.Random(seed), Tried()
    while done.formats < formats:
        text = made_format(rng)
        try:
            form = named_format(text)
        except FormatError:
            done.refused += 1
            continue
        requests, log = [], b""
        while len(requests) < lines:
            request = made_request(form, rng)
            line = written_line(form, request)
            if len(line) <= LONG:  # a longer one's names are cut
                requests.append(request)
                log += line + b"\n"
        query = CountQuery(form)
        here = counted(query, log.split(b"\n")[:-1])
        found, wanted = totals(query, here), reference(form, requests)
        wrong = {name: (found[name], right) for name, right in wanted.items() if found[name] != right}
        assert not wrong, (text, wrong)
        for awk in AWKS:
            for each in (query, CountQuery(form, where=where("status>=300"))):
                assert by_awk(each, log, awk) == counted(each, log.split(b"\n")[:-1]), (text, awk)
        done.formats += 1
        done.lines += len(requests)
        done.lists += LogField.UPSTREAM in form.fields
    return done


if __name__ == "__main__":
    print(tried("made", *map(int, sys.argv[1:3])))
