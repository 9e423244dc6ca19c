"""When an access-log line was written and how loud it is, whatever a client writes into it."""

from __future__ import annotations

import pytest

from iamops.accesslog.format import named_format
from iamops.accesslog.line import access_line
from iamops.model.facts import Severity
from tests.unit.parse.test_log_hostile import FORMS, requests

ISO = '$remote_addr $remote_user $time_iso8601 "$request" $status'
LOUD = {"404": Severity.WARNING, "502": Severity.CRITICAL}
AT = 1_795_542_389.0
EARLIEST, LATEST = 1_795_500_000, 1_795_600_000


@pytest.mark.parametrize("name", FORMS)
def test_no_clients_text_dates_or_colours_a_line(name: str):
    form = FORMS[name]
    for request in requests(name):
        at, severity = access_line(form, request.line)
        assert severity is LOUD.get(request.known["status"], Severity.INFO)
        assert (at is None) is (form.time_format is None)
        assert at is None or EARLIEST < at < LATEST


def test_each_clock_is_read():
    assert access_line(named_format("[$time_local] $status"), b"[24/Nov/2026:17:46:29 +0000] 200")[0] == AT
    assert access_line(named_format("$time_iso8601 $status"), b"2026-11-24T18:46:29+01:00 200")[0] == AT
    assert access_line(named_format("$msec $status"), b"1795542389.250 200")[0] == AT + 0.25
    assert access_line(named_format("$msec $status"), b"x 200")[0] is None


def test_of_two_times_nginxs_own_counts():
    line = b'10.0.4.1 2020-01-01T00:00:00+00:00 2026-11-24T17:46:29+00:00 "GET / HTTP/1.1" 200'
    assert access_line(named_format(ISO), line)[0] == AT


def test_a_line_in_another_format_is_read_as_any_log():
    assert access_line(named_format("main"), b'[24/Nov/2026:17:46:29 +0000] "GET / HTTP/1.1" 200')[0] == AT
