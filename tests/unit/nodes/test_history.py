"""What a node remembers: its notify log, its versions, and the anchors in its journal."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from iamops.model.journal import anchor_of, noted
from iamops.nodes.history import (
    OWN_MAX,
    OWN_ONLY,
    JournalRead,
    LogMark,
    NotifyLine,
    anchors_argv,
    anchors_of,
    notify_lines,
    notify_mark,
    versions,
)
from iamops.nodes.transport import CommandTimeout, LinkLost, OutputTooLong, TransportError
from tests.support.answering_node import AskedNode
from tests.support.profiles import pair
from tests.support.transport import Run, ScriptedTransport

PROFILE = pair()

LOG = "+0000\n[2026-11-24 11:32:00] notify_master\nrubbish\n[2026-11-24 11:32:03] notify_stop\n"


async def test_the_lines_behind_the_mark_with_the_nodes_own_time_zone():
    node = AskedNode(stat="90", tail=LOG.replace("+0000", "+0800"))
    assert await notify_mark(node, PROFILE) == LogMark(90)
    lines, reason = await notify_lines(node, PROFILE, LogMark(40))
    assert lines == (NotifyLine(1795491120.0, "MASTER"), NotifyLine(1795491123.0, "STOP"))
    assert reason == ""
    assert node.asked[-1].endswith("/var/log/keepalived.log +41")


async def test_a_rotated_log_is_read_from_its_beginning():
    node = AskedNode(stat="10", tail=LOG)
    await notify_lines(node, PROFILE, LogMark(4000))
    assert node.asked[-1].endswith(" +1")


async def test_what_cannot_be_read_has_its_reason_and_no_lines():
    assert await notify_mark(AskedNode(stat=1), PROFILE) == LogMark(None, "no such file")
    assert await notify_lines(AskedNode(), PROFILE, LogMark(None, "not connected")) == (None, "not connected")
    lines, reason = await notify_lines(AskedNode(stat="5", tail=1), PROFILE, LogMark(5))
    assert (lines, reason) == (None, "no such file")
    silent = CommandTimeout("iam-a", ("tail",), 5.0)
    lines, reason = await notify_lines(AskedNode(stat="5", tail=silent), PROFILE, LogMark(5))
    assert lines is None
    assert reason


async def test_versions_are_what_the_programs_say():
    node = AskedNode(nginx="nginx version: nginx/1.22.1", keepalived="Keepalived v2.2.7 (01/16,2022)")
    assert await versions(node) == {"keepalived": "2.2.7", "nginx": "1.22.1"}
    assert await versions(AskedNode(sh="not found")) == {"keepalived": None, "nginx": None}


LEDGER, PLACE = "1" * 16, "3" * 12

READ = anchors_argv(LEDGER, (PLACE,))

ALL = b"left out 0 0\n"

HINT = b"Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm'"


def journal(*numbers: int) -> bytes:
    said = [noted("cafe", anchor_of("1" * 64, n, f"{n:064x}", "3" * 12), "x by a@b from local") for n in numbers]
    return b"".join(json.dumps({"MESSAGE": each, "_UID": "1000"}).encode() + b"\n" for each in said)


async def asked(**changes: object) -> JournalRead:
    node = ScriptedTransport("iam-a", Run(READ, **changes))  # type: ignore[arg-type]
    found = await anchors_of(node, LEDGER, (PLACE,))
    node.verify()
    return found


async def test_anchors_are_read_oldest_first_and_other_lines_are_left_out():
    found = await asked(
        stdout=journal(3) + b'{"MESSAGE":"pushed ledger= of nobody"}\nrubbish\n' + journal(7) + ALL
    )
    assert [line.anchor.n for line in found.lines] == [3, 7]
    assert (found.unreadable, found.notes) == ("", ())


async def test_a_journal_without_a_line_was_read_all_the_same():
    assert await asked(stdout=ALL) == JournalRead()


async def test_a_login_user_who_sees_only_his_own_lines_is_told():
    assert (await asked(stdout=journal(3) + ALL, stderr=HINT)).notes == (OWN_ONLY,)
    assert (await asked(stdout=ALL, stderr=HINT)).unreadable == OWN_ONLY


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        (
            b"No journal files were opened due to insufficient permissions.\n",
            "No journal files were opened due to",
        ),
        (b"sh: 1: journalctl: not found\n", "journalctl: not found"),
        (b"\x1b[2Junrecognized option\nmore\n", "\\x1b[2Junrecognized option"),
    ],
)
async def test_why_a_journal_cannot_be_read_is_said_harmlessly(stderr: bytes, said: str):
    assert said in (await asked(stdout=ALL, stderr=stderr)).unreadable


@pytest.mark.parametrize(
    "error",
    [
        CommandTimeout("iam-a", "no answer within 30 s", "look"),
        LinkLost("iam-a", "the link was lost", "look"),
        OutputTooLong("iam-a", "sh wrote more than expected", "look"),
    ],
)
async def test_a_node_that_fails_is_unread_and_never_raises(error: TransportError):
    assert await asked(error=error) == JournalRead(unreadable=error.reason)


async def test_what_was_left_out_is_told():
    assert (await asked(stdout=journal(1) + b"left out 3 0\n")).notes == (
        "its oldest 3 lines of this ledger were not read",
    )
    assert (await asked(stdout=journal(1) + b"left out 0 7\n")).notes == (
        "7 lines of other ledgers were not read",
    )
    assert (await asked(stdout=journal(1))).notes == ("not all of its lines could be read",)


async def test_the_journal_is_read_as_the_login_user():
    assert not any("sudo" in word for word in READ)


def entry(ledger: str, n: int, *, place: str = PLACE, spaced: bool = False, text: str = "x by a@b from c") -> str:
    said = noted("cafe", anchor_of(ledger * 64, n, f"{n:064x}", place), text)
    return json.dumps(
        {"__CURSOR": "s=1", "MESSAGE": said, "_UID": "1000"}, separators=None if spaced else (",", ":")
    )


@dataclass
class Journal:
    """What a stand-in for journalctl prints; `called` is how it was called."""

    directory: Path

    async def read(self, *lines: str, stderr: str = "") -> JournalRead:
        (self.directory / "entries").write_text("".join(f"{line}\n" for line in lines))
        script = self.directory / "journalctl"
        script.write_text(
            f'#!/bin/sh\necho "$@" >{self.directory}/called\ncat {self.directory}/entries\necho "{stderr}" >&2\n'
        )
        script.chmod(0o755)
        done = await asyncio.to_thread(subprocess.run, READ, capture_output=True, check=True)
        return await asked(stdout=done.stdout, stderr=done.stderr)

    @property
    def called(self) -> str:
        return (self.directory / "called").read_text()


@pytest.fixture
def journal_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Journal(tmp_path)


def numbers(said: JournalRead) -> list[tuple[str, int]]:
    return [(line.anchor.ledger[0], line.anchor.n) for line in said.lines]


async def test_only_anchors_leave_the_node(journal_here: Journal):
    pushed = '{"MESSAGE":"iamops-config: kept ledger=nothing"}'
    old = json.dumps({"MESSAGE": "run=cafe restart begins by a@b from c reason=' ledger=1 n=2'"})
    said = await journal_here.read(
        pushed, entry("1", 3), old, entry("1", 7, spaced=True), entry("2", 4, place="5" * 12)
    )
    assert numbers(said) == [("1", 3), ("1", 7), ("2", 4)]
    assert said.notes == ()
    assert "--output=json" in journal_here.called
    assert "SYSLOG_IDENTIFIER=iamops" in journal_here.called


async def test_another_ledger_in_the_same_file_counts_as_ours(journal_here: Journal):
    others = [entry("2", n, place="5" * 12) for n in range(1, 700)]
    said = await journal_here.read(entry("9", 4), *others)
    assert numbers(said)[0] == ("9", 4)
    assert said.notes == ("199 lines of other ledgers were not read",)


async def test_a_flood_does_not_crowd_out_what_speaks_against_its_author(journal_here: Journal):
    """Repeated true lines, also with other words and places, and lines of other ledgers."""
    again = [entry("1", 1, place=f"{n:012x}", text=f"{n} by eve@x from y") for n in range(12000)]
    others = [entry("2", n, place="5" * 12) for n in range(1, 3000)]
    said = await journal_here.read(entry("1", 1), entry("1", 900), *again, *others)
    assert numbers(said)[:2] == [("1", 1), ("1", 900)]
    assert len(said.lines) == 502


async def test_of_very_many_lines_the_newest_are_read_and_that_is_told(journal_here: Journal):
    hint = HINT.decode().splitlines()[0]
    said = await journal_here.read(*(entry("1", n) for n in range(1, OWN_MAX + 101)), stderr=hint)
    assert numbers(said)[0] == ("1", 101)
    assert len(said.lines) == OWN_MAX
    assert said.notes == (OWN_ONLY, "its oldest 100 lines of this ledger were not read")
