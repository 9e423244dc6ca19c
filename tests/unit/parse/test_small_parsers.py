"""systemctl show, host facts, sections of a script, datastore answers."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from iamops.model.facts import ProbeOutcome, UnitReport
from iamops.parse import answers, host
from iamops.parse.host import script, sections
from iamops.parse.systemd import unit_reports

CAPTURES = Path(__file__).parents[2] / "fixtures"


def test_units_as_systemd_reports_them():
    reports = unit_reports((CAPTURES / "systemd" / "show.txt").read_text())
    assert reports["nginx"] == UnitReport("active", "running", restarts=0, main_pid=41)
    assert reports["nosuch"].active == "not-found"
    assert not reports["nosuch"].running


def test_host_facts():
    assert host.load1("0.52 0.58 0.59 1/467 12345\n") == 0.52
    assert host.memory_used_pct("MemTotal: 1000 kB\nMemAvailable: 250 kB\n") == 75.0
    df = "Filesystem 1024-blocks Used Available Capacity Mounted on\noverlay 264 22 80 23% /\n"
    assert host.disk_used_pct(df) == 23.0
    assert host.epoch_s("1795442293.405\n") == 1795442293.405


@pytest.mark.parametrize("text", ["", "garbage", "MemTotal: x kB", "\x00"])
def test_facts_that_cannot_be_read_are_none(text):
    assert host.load1(text) is None
    assert host.memory_used_pct(text) is None
    assert host.disk_used_pct(text) is None
    assert host.epoch_s(text) is None


def test_a_script_of_sections_runs_and_is_cut_apart_again():
    argv = script({"one": ("printf", "a\nb"), "none": ("true",), "bad": ("sh", "-c", "echo no >&2; exit 3")})
    parts = sections(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    assert (parts["one"].text, parts["one"].ok) == ("a\nb", True)
    assert (parts["none"].text, parts["none"].ok) == ("", True)
    assert (parts["bad"].text, parts["bad"].exit_status) == ("no\n", 3)


def test_a_section_that_was_cut_off_is_left_out():
    assert sections("\n==iamops begin one==\nhalf of it") == {}


def mariadb_error(code: int, text: bytes) -> bytes:
    return b"\xff" + struct.pack("<H", code) + text


def test_mariadb_greets_or_says_which_host_it_does_not_want():
    hello = answers.mariadb_greeting(b"\x0a5.5.5-10.11.14-MariaDB\x00rest")
    assert (hello.outcome, hello.detail) == (ProbeOutcome.OK, "5.5.5-10.11.14-MariaDB")
    denied = answers.mariadb_greeting(mariadb_error(1130, b"Host '10.0.4.21' is not allowed"))
    assert denied.outcome is ProbeOutcome.HOST_NOT_ALLOWED
    full = answers.mariadb_greeting(mariadb_error(1040, b"#08004Too many connections"))
    assert full.outcome is ProbeOutcome.TOO_MANY_CONNECTIONS
    assert "Too many connections" in full.detail
    assert answers.mariadb_greeting(b"SSH-2.0-x").outcome is ProbeOutcome.BAD_ANSWER


def test_redis_that_cannot_save_refuses_writes_and_says_so_to_a_ping():
    misconf = answers.redis_answer(b"-MISCONF Redis is configured to save RDB snapshots, but ...\r\n")
    assert misconf.outcome is ProbeOutcome.WRITE_ERRORS
    assert misconf.detail.startswith("MISCONF Redis is configured")
    full = answers.redis_answer(b"-ERR max number of clients reached\r\n")
    assert full.outcome is ProbeOutcome.TOO_MANY_CONNECTIONS


def test_redis_that_asks_for_a_password_is_alive():
    assert answers.redis_answer(b"+PONG\r\n").outcome is ProbeOutcome.OK
    assert answers.redis_answer(b"-NOAUTH Authentication required.\r\n").outcome is ProbeOutcome.OK
    assert answers.redis_answer(b"-DENIED protected mode\r\n").outcome is ProbeOutcome.HOST_NOT_ALLOWED
    assert answers.redis_answer(b"").outcome is ProbeOutcome.BAD_ANSWER


def test_mongodbs_hello_is_one_well_formed_message():
    message = answers.mongodb_hello()
    size, _, _, opcode = struct.unpack_from("<iiii", message)
    assert (size, opcode) == (len(message), 2013)
    assert struct.unpack_from("<i", message, 21)[0] == len(message) - 21


def test_mongodbs_answer_is_judged_by_ok():
    head = struct.pack("<iiii", 0, 1, 1, 2013) + b"\x00" * 5
    assert answers.mongodb_answer(head + b"\x01ok\x00" + struct.pack("<d", 1.0)).outcome is ProbeOutcome.OK
    refused = answers.mongodb_answer(head + b"\x01ok\x00" + struct.pack("<d", 0.0))
    assert refused.outcome is ProbeOutcome.BAD_ANSWER
    assert answers.mongodb_answer(b"HTTP/1.0 400").outcome is ProbeOutcome.BAD_ANSWER


@pytest.mark.parametrize(
    ("restart", "span", "delay_s"),
    [
        ("always", "5s", 5.0),
        ("on-failure", "100ms", 0.1),
        ("on-failure", "1min 30s", 90.0),
        ("always", "infinity", 0.0),
        ("no", "100ms", None),
    ],
)
def test_a_restart_delay_is_that_of_a_unit_that_is_restarted(restart: str, span: str, delay_s: float | None):
    text = f"Id=x.service\nLoadState=loaded\nActiveState=active\nRestart={restart}\nRestartUSec={span}\n"
    assert unit_reports(text)["x"].restart_delay_s == delay_s
