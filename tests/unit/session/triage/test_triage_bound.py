"""The time that was promised: what is known early is not waited for, and what hangs is given up."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from iamops.session.triage.triage import CLOSING_S, examine, observation_s
from tests.support.loopback import loopback


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def hung_sshd() -> Iterator[int]:
    """Takes connections at every loopback address and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with socket.create_server(("127.0.0.2", port)):
            yield port


def test_closing_and_printing_have_their_part_of_the_time():
    assert observation_s(10.0) == 10.0 - CLOSING_S
    assert observation_s(2.0) == pytest.approx(1.2)


async def test_nodes_that_refuse_are_not_waited_for():
    found = await examine(loopback(), timeout_s=60)
    assert set(found.not_inspected) == {"iam-a", "iam-b"}
    assert {node.link.kind for node in found.state.nodes.values()} == {"refused"}
    assert found.took_s < observation_s(60) / 10


async def test_nodes_that_hang_are_given_up_and_said_to_be_silent(hung_sshd: int):
    found = await examine(loopback(ssh_port=hung_sshd), timeout_s=0.5)
    assert set(found.not_inspected) == {"iam-a", "iam-b"}
    assert {node.link.kind for node in found.state.nodes.values()} == {"timeout"}
    assert all("SSH has not answered within 0." in reason for reason in found.not_inspected.values())


async def test_time_that_was_spent_before_is_not_there_any_more(hung_sshd: int):
    found = await examine(loopback(ssh_port=hung_sshd), timeout_s=60, spent_s=59)
    assert 59 <= found.took_s < 60 + CLOSING_S


async def test_what_printing_needs_is_loaded_while_the_nodes_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "iamops.cli.triage.forms", raising=False)
    await examine(loopback(), timeout_s=60, also=["iamops.cli.triage.forms"])
    assert "iamops.cli.triage.forms" in sys.modules
