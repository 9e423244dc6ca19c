"""What a node's journal tells of ledgers, and what is said where it cannot."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from console.model.anchor import anchor_of, noted
from console.nodes import anchor_lines
from console.nodes.anchor_lines import LINES_MAX, OWN_ONLY, READ, JournalSaid, anchors_of
from console.nodes.fake import Run, ScriptedTransport
from console.nodes.transport import CommandTimeout, LinkLost, OutputTooLong, TransportError

HINT = b"Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm'"


def journal(*numbers: int) -> bytes:
    said = [noted("cafe", anchor_of("1" * 64, n, f"{n:064x}", "3" * 12), "x by a@b from local") for n in numbers]
    return b"".join(json.dumps({"MESSAGE": each, "_UID": "1000"}).encode() + b"\n" for each in said)


async def asked(**changes: object) -> JournalSaid:
    node = ScriptedTransport("iam-a", Run(READ, **changes))  # type: ignore[arg-type]
    found = await anchors_of(node)
    node.verify()
    return found


async def test_anchors_are_read_oldest_first_and_other_lines_are_left_out():
    found = await asked(stdout=journal(3) + b'{"MESSAGE":"pushed ledger= of nobody"}\nrubbish\n' + journal(7))
    assert [line.anchor.n for line in found.lines] == [3, 7]
    assert (found.unread, found.notes) == ("", ())


async def test_a_journal_without_a_line_was_read_all_the_same():
    assert await asked(stdout=b"") == JournalSaid()


async def test_a_login_user_who_sees_only_his_own_lines_is_told():
    assert (await asked(stdout=journal(3), stderr=HINT)).notes == (OWN_ONLY,)
    assert (await asked(stdout=b"", stderr=HINT)).unread == OWN_ONLY


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
    assert said in (await asked(stdout=b"", stderr=stderr)).unread


@pytest.mark.parametrize(
    "error",
    [
        CommandTimeout("iam-a", "no answer within 30 s", "look"),
        LinkLost("iam-a", "the link was lost", "look"),
        OutputTooLong("iam-a", "sh wrote more than expected", "look"),
    ],
)
async def test_a_node_that_fails_is_unread_and_never_raises(error: TransportError):
    assert await asked(error=error) == JournalSaid(unread=error.reason)


async def test_of_a_flood_the_newest_lines_are_read_and_that_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(anchor_lines, "LINES_MAX", 5)
    found = await asked(stdout=journal(*range(1, 8)))
    assert [line.anchor.n for line in found.lines] == [3, 4, 5, 6, 7]
    assert found.notes == ("only its newest 5 lines were read",)
    monkeypatch.setattr(anchor_lines, "BYTES_MAX", 100)
    assert (await asked(stdout=journal(1)[-100:])).notes == ("only its newest 0 lines were read",)


async def test_the_node_is_asked_for_no_more_than_an_answer_may_hold():
    assert READ[-2:] == ("8001", "6291456")
    assert not any("sudo" in word for word in READ)


def stand_in(directory: Path, *lines: str) -> None:
    """A journalctl that prints what it is given, and remembers how it was called."""
    script = directory / "journalctl"
    script.write_text("\n".join(["#!/bin/sh", f'echo "$@" >{directory}/called', *lines, ""]))
    script.chmod(0o755)


async def test_the_nodes_own_shell_filters_and_bounds_what_the_journal_says(tmp_path: Path, monkeypatch):
    ours = noted("cafe", anchor_of("1" * 64, 7, "2" * 64, "3" * 12), "x by a@b from local")
    line = json.dumps({"MESSAGE": ours, "_UID": "1000"})
    stand_in(
        tmp_path,
        "echo 'Hint: You are currently not seeing messages from other users and the system.' >&2",
        f"i=0; while [ $i -lt 9000 ]; do echo '{line}'; i=$((i + 1)); done",
        """echo '{"MESSAGE":"iamops-config: kept"}'""",
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    done = await asyncio.to_thread(subprocess.run, READ, capture_output=True, check=True)
    found = await asked(stdout=done.stdout, stderr=done.stderr)
    assert len(found.lines) == LINES_MAX
    assert found.notes == (OWN_ONLY, f"only its newest {LINES_MAX} lines were read")
    called = (tmp_path / "called").read_text()
    assert "--output=json" in called
    assert "SYSLOG_IDENTIFIER=iamops" in called
