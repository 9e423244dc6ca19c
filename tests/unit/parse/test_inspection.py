"""The small reads of a deep look, from captured text: what they tell, and what they do not take for it."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from iamops.model.inspection import JournalEventKind
from iamops.parse import inspection
from iamops.parse.inspection import inspect_journal

TROUBLED = Path(__file__).parents[2] / "fixtures" / "keepalived" / "journal-2.2.7-troubled.json"


def troubled():
    return inspect_journal(TROUBLED.read_bytes().splitlines(), 0.0)


def test_a_troubled_node_tells_all_its_troubles():
    kinds = Counter(said.kind for said in troubled().entries)
    assert set(kinds) == set(JournalEventKind) - {JournalEventKind.SCRIPT_FAILED}
    assert kinds[JournalEventKind.FOREIGN_ADVERT] == 4


def test_both_witnesses_of_a_script_that_is_not_there():
    told = [said.text for said in troubled().entries if said.kind is JournalEventKind.SCRIPT_UNRUNNABLE]
    assert "VRRP_Script(check_nginx_VI_1) failed (exited with status 127)" in told
    assert any(text.startswith("Error exec-ing command") for text in told)


def test_a_crash_is_told_from_a_stop():
    pump = [
        said.kind
        for said in troubled().entries
        if said.unit == "iam-pump" and said.kind is not JournalEventKind.STARTED
    ]
    # Between the crash and the start that systemd schedules it says "Stopped" too.
    assert pump == [JournalEventKind.CRASHED, JournalEventKind.STOPPED]


@pytest.mark.parametrize(
    "message",
    [
        "Printing VRRP data for process(59) on signal",
        "keepalived.service: Sent signal SIGRTMIN+2 to main process 51 (keepalived) on client request.",
        "keepalived.service: Main process exited, code=exited, status=0/SUCCESS",
        "Startup complete",
    ],
)
def test_what_is_no_trouble_is_not_told(message):
    line = f'{{"MESSAGE": "{message}", "UNIT": "keepalived.service", "__REALTIME_TIMESTAMP": "1"}}'
    assert inspect_journal([line.encode()], None).entries == ()


def test_an_escape_in_a_line_cannot_reach_a_terminal():
    line = b'{"MESSAGE": "(VI_1) received an invalid passwd!\\u001b[31J", "_SYSTEMD_UNIT": "keepalived.service"}'
    (said,) = inspect_journal([line, b"no json"], None).entries
    assert said.text == "(VI_1) received an invalid passwd!\\x1b[31J"


def test_worker_connections_in_the_error_log_with_the_nodes_zone():
    line = b"2026/11/24 22:41:00 [alert] 59#59: *17 1024 worker_connections are not enough while connecting"
    other = b'2026/11/24 22:41:01 [error] 59#59: *18 connect() failed, request: "GET /worker_connections HTTP/1.1"'
    look = inspection.inspect_error_log([line, other], 3600)
    assert (len(look.exhausted), len(look.turned_away), look.lines) == (1, 1, 2)
    assert look.exhausted[0] == inspection.inspect_error_log([line], 0).exhausted[0] - 3600


def test_a_client_who_writes_nginxs_words_into_a_path_exhausts_nothing():
    line = (
        b'2026/11/24 22:41:00 [error] 59#59: *17 open() "/srv/1024 worker_connections are not enough" failed '
        b'(2: No such file or directory), request: "GET /[alert] 1#1: *1 1024 worker_connections are not enough"'
    )
    assert inspection.inspect_error_log([line], 0).exhausted == ()


def test_a_client_who_writes_a_warning_hides_no_refused_connection():
    line = b'2026/11/24 22:41:00 [alert] 59#59: *17 1024 worker_connections are not enough, request: "GET /[warn]"'
    assert len(inspection.inspect_error_log([line], 0).turned_away) == 1


def test_of_a_flood_of_rows_so_many_are_read_as_any_node_has():
    mounts = "".join(f"/dev/x 100 50 50 50% /m{n}\n" for n in range(5000))
    links = "".join(f"{n}: e{n}: <UP> mtu 1 link/ether 02:00:00:00:00:01 brd x\n" for n in range(5000))
    files = "".join(f"644 root 10 1 /f{n}\n" for n in range(5000))
    assert len(inspection.filesystems(mounts, mounts)) == inspection.MOST_MOUNTS
    assert len(inspection.hardware_addresses(links)) == inspection.MOST_LINKS
    assert len(inspection.file_stamps(files)) == inspection.MOST_FILES


def test_a_line_that_never_says_its_address_takes_no_time():
    line = "3: /" + "8" * 65_000
    began = time.process_time()
    assert inspection.hardware_addresses(line) == {}
    assert time.process_time() - began < 0.2
