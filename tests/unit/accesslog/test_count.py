"""Lines counted here: what each format tells, and tables that stay small."""

from __future__ import annotations

from iamops.accesslog import awk as log_awk
from iamops.accesslog.count import Columns, CountQuery, counted
from iamops.accesslog.filter import where
from iamops.accesslog.format import named_format
from iamops.accesslog.values import LIST_MAX
from tests.support.access_logs import GOOD, by_awk


def test_everything_about_a_good_line():
    counts = counted(CountQuery(named_format("iamops")), [GOOD])
    slot = "24/Nov/2026:17:46+0000"
    upstream = "10.0.4.20:8080, 10.0.4.21:8080"
    assert counts.shapes == {f"{slot}\t200\tGET\tiam.api\t{upstream}\t502, 200": 1}
    assert counts.sent == {slot: 612}
    assert counts.paths == {f"{slot}\t200\t/v1/users/:id/keys/:id": 1}
    assert counts.clients == {f"{slot}\t10.0.4.1": 1}
    assert counts.times == {f"{slot}\t132": 1}
    assert counts.answers == {f"{slot}\t{upstream}\t0.001, 0.131": 1}


def test_main_tells_less_and_nothing_is_guessed():
    main = GOOD.partition(b" host=")[0]
    counts = counted(CountQuery(named_format("main")), [main])
    assert [key.split("\t")[2:] for key in counts.shapes] == [["GET", "", "", ""]]
    assert not counts.times
    assert not counts.answers


def test_many_different_paths_keep_the_table_small_and_every_request_in_it():
    line = GOOD.replace(b"/v1/users/17/keys/4?x=1", b"/p/%s")
    log = b"".join(line.replace(b"%s", b"x%dx" % number) + b"\n" for number in range(60_000))
    counts = by_awk(CountQuery(named_format("iamops"), Columns.TIME | Columns.PATHS), log)
    assert counts.paths.total() == counts.total == 60_000
    assert len(counts.paths) <= 20_001


def test_many_different_hosts_and_methods_keep_the_table_small_and_every_request_in_it():
    log = b"".join(
        GOOD.replace(b"GET", b"X%d" % number).replace(b"iam.api", b"h%d" % number) + b"\n"
        for number in range(50_000)
    )
    counts = by_awk(CountQuery(named_format("iamops"), Columns.SHAPE), log)
    assert counts.total == 50_000
    assert len(counts.shapes) <= log_awk.TABLE_MAX + 1
    assert {key.split("\t")[4] for key in counts.shapes} == {"10.0.4.20:8080, 10.0.4.21:8080"}


def test_who_says_that_he_is_a_probe_is_counted_like_anyone():
    line = b'10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET / HTTP/1.1" 502 612 "-" "iamops-probe/9" "-"'
    counts = counted(
        CountQuery(named_format("main")), [line, line.replace(b"iamops-probe/9", b"x iamops-probe/9")]
    )
    assert (counts.total, counts.probes) == (2, 1)
    without = CountQuery(named_format("main"), where=where("agent!~^iamops-probe/"))
    assert (counted(without, [line]).total, counted(without, [line]).left_out) == (0, 1)


def test_every_attempt_of_a_long_list_is_counted_and_a_longer_one_is_cut():
    form = named_format('"$request" $status $upstream_addr')
    asked = ", ".join(f"[2001:db8:0:1::{number}]:8080" for number in range(20))
    long = f'"GET /{"x" * 600} HTTP/1.1" 200 '.encode()
    lines = [long + asked.encode(), long + b"a" * 2 * LIST_MAX]
    counts = counted(CountQuery(form), lines)
    assert {key.split("\t")[4] for key in counts.shapes} == {asked, "a" * LIST_MAX}
    assert by_awk(CountQuery(form), b"".join(line + b"\n" for line in lines)) == counts
