"""The daemons' own complaints are read as what they are, and nothing a client wrote is."""

from __future__ import annotations

import json
import time

from iamops.model.inspection import ComplaintKind as Kind
from iamops.parse import complaints
from iamops.parse.complaints import ABOUTS_MAX, TIMES_MAX, Gathering, service_complaints
from iamops.parse.inspection import inspect_error_log, inspect_journal

HEAD = "2026/11/24 22:41:00 [error] 59#59: *17 "
STRANGER = "(VI_1) Master received advert from 10.0.4.66 with higher priority 200, ours 100"


def entry(message: str, **fields: str) -> bytes:
    return json.dumps({"MESSAGE": message, "__REALTIME_TIMESTAMP": "1000000", **fields}).encode()


def test_a_timer_that_was_hardly_late_is_no_complaint():
    for late in ("1.204211", "2.999999"):
        line = entry(f"A thread timer expired {late} seconds ago", _SYSTEMD_UNIT="keepalived.service")
        assert inspect_journal([line], None).complaints == ()


def test_a_client_who_writes_a_daemons_words_complains_of_nothing():
    for words in ("no live upstreams while connecting to upstream", "worker process 1 exited on signal 9"):
        line = f'{HEAD}open() "/srv/{words}" failed (2: No such file), request: "GET /{words} HTTP/1.1"'
        assert inspect_error_log([line.encode()], 0).complaints == ()
    (found,) = inspect_journal([entry(STRANGER + "\x1b[31m", _SYSTEMD_UNIT="keepalived.service")], 0).complaints
    assert "\x1b" not in found.text


def test_an_upstream_that_a_client_may_have_written_is_not_taken():
    timed_out = f"{HEAD}upstream timed out (110: Connection timed out) while reading response header from upstream"
    for client in (
        ', client: 10.0.4.9, request: "GET /, upstream: "http://10.0.4.20:8080/x HTTP/1.1"',
        ', client: 10.0.4.9, request: "GET / HTTP/1.1", upstream: "http://unix:/run/x.sock:/"',
    ):
        mine = ', upstream: "http://10.0.4.21:8080/", host: "x, upstream: "http://1.2.3.4:80/""'
        (found,) = inspect_error_log([f"{timed_out}{client}{mine}".encode()], 0).complaints
        assert (found.kind, found.about) == (Kind.UPSTREAM_TIMED_OUT, "")


def test_a_flood_of_complaints_is_bounded_and_linear():
    gathering, began = Gathering(complaints.KEEPALIVED_ROWS), time.process_time()
    for n in range(5000):
        gathering.take(
            float(n),
            "keepalived",
            f"(VI_1) Master received advert from 10.0.{n // 250}.{n % 250} with higher priority",
        )
        gathering.take(float(n), "keepalived", "(" * 2000 + "VI_1) Master received advert from " + "9" * 2000)
    assert len(gathering.complaints) == ABOUTS_MAX
    assert gathering.complaints[-1].about == "10.0.19.249", "the newest is what is kept"
    gathering.take(1.0, "keepalived", "(VI_1): send advert error 1 (Operation not permitted)")
    assert gathering.complaints[-1].kind is Kind.CANNOT_SEND, "a flood of one kind hides no other"
    lines = [f"{HEAD}no live upstreams while connecting to upstream".encode()] * (TIMES_MAX + 500)
    (found,) = inspect_error_log(lines, 0).complaints
    assert len(found.times) == TIMES_MAX
    assert time.process_time() - began < 5


def test_every_row_says_what_it_means():
    for row in (
        *complaints.KEEPALIVED_ROWS,
        *complaints.NGINX_ROWS,
        *complaints.SYSTEMD_ROWS,
        *complaints.DATASTORE_ROWS,
    ):
        assert row.means, row.kind


def test_refused_writes_are_read_from_errors_of_services_and_from_no_request():
    said = {
        "ERROR\tuser.go:8\tError 1290 (HY000): The MariaDB server is running with the --read-only option": (
            Kind.MARIADB_REFUSES,
            "read-only",
        ),
        "ERROR\tuser.go:8\tError 1205 (HY000): Lock wait timeout exceeded; try restarting transaction": (
            Kind.MARIADB_REFUSES,
            "",
        ),
        "ERROR\tauth.go:8\tREADONLY You can't write against a read only replica.": (
            Kind.REDIS_REFUSES,
            "READONLY",
        ),
        "ERROR\tauth.go:8\tOOM command not allowed when used memory > 'maxmemory'.": (Kind.REDIS_REFUSES, "OOM"),
        "ERROR\tpump.go:8\t(NotWritablePrimary) not primary": (Kind.MONGODB_REFUSES, "NotWritablePrimary"),
    }
    for text, expected in said.items():
        line = entry(f"2026-11-30 00:10:37.000\t{text}", _SYSTEMD_UNIT="iam-apiserver.service")
        (found,) = service_complaints([line])
        assert (found.kind, found.about) == expected, text
        request = f"2026-11-30 00:10:37.000\tINFO\tx.go:1\t200 - GET /{text}"
        asked = entry(request, _SYSTEMD_UNIT="a.service")
        assert service_complaints([asked]) == ()
