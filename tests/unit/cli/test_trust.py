"""`iamops trust`: who vouches for a host key, and how."""

from __future__ import annotations

import argparse
import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest

from iamops.cli import trust as command
from iamops.nodes.ssh import settings
from iamops.nodes.ssh.host_keys import KeyTrust, known
from iamops.nodes.transport import ConnectRefused
from tests.support.sockets import closed_port
from tests.support.ssh_node import HOST_KEY, Operator, SshNode, StartNode, public, reached_at

OTHER_KEY = asyncssh.generate_private_key("ssh-ed25519")


def trusted(file: Path, node: SshNode) -> bool:
    return known([file], "127.0.0.1", node.port).standing(HOST_KEY.convert_to_public()) is KeyTrust.TRUSTED


Trust = Callable[..., "asyncio.Future[int]"]


@pytest.fixture
def trust(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Trust:
    """Runs `iamops trust` in a thread of its own, as it brings its own event loop."""
    monkeypatch.setattr(settings.UserFiles, "of_this_user", lambda: operator.files)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def run(port: int, *arguments: str, node: str = "iam-a") -> asyncio.Future[int]:
        parser = argparse.ArgumentParser()
        command.add_parser(parser.add_subparsers())
        args = parser.parse_args(["trust", node, *arguments])
        args.profile = None
        monkeypatch.setattr("iamops.session.profiles.load_profile", lambda _: reached_at(port))
        return asyncio.ensure_future(asyncio.to_thread(command.run, args))

    return run


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_without_anyone_to_ask_nothing_is_trusted(
    start_node: StartNode, operator: Operator, trust: Trust, capsys: pytest.CaptureFixture[str]
) -> None:
    node = await start_node()

    assert await trust(node.port) == 3

    out, err = capsys.readouterr()
    assert out == ""
    assert f"ssh-ed25519 {HOST_KEY.get_fingerprint()}" in err
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in err
    assert "nobody to ask" in err
    assert not operator.known_hosts.exists()


@pytest.mark.parametrize(("answer", "code"), [("yes\n", 0), ("YES\n", 0), ("y\n", 3), ("\n", 3), ("", 3)])
async def test_only_a_whole_yes_agrees(
    start_node: StartNode,
    trust: Trust,
    monkeypatch: pytest.MonkeyPatch,
    operator: Operator,
    answer: str,
    code: int,
) -> None:
    node = await start_node()
    monkeypatch.setattr("sys.stdin", Terminal(answer))

    assert await trust(node.port) == code
    assert trusted(operator.known_hosts, node) == (code == 0)


async def test_yes_and_the_right_fingerprint_are_enough(
    start_node: StartNode, operator: Operator, trust: Trust, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = await start_node(), await start_node()

    assert await trust(one.port, "--yes") == 0
    assert await trust(two.port, "--fingerprint", HOST_KEY.get_fingerprint()) == 0

    assert trusted(operator.known_hosts, one)
    assert trusted(operator.known_hosts, two)
    assert "iam-a: trusted: ssh-ed25519 SHA256:" in capsys.readouterr().out


async def test_a_wrong_fingerprint_is_refused_even_with_yes(
    start_node: StartNode, operator: Operator, trust: Trust
) -> None:
    node = await start_node()

    assert await trust(node.port, "--yes", "--fingerprint", OTHER_KEY.get_fingerprint()) == 3
    assert not operator.known_hosts.exists()


async def test_a_key_on_file_is_reported_as_trusted(
    start_node: StartNode, operator: Operator, trust: Trust, capsys: pytest.CaptureFixture[str]
) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)

    assert await trust(node.port) == 0
    assert "already trusted" in capsys.readouterr().out
    assert await trust(node.port, "--fingerprint", OTHER_KEY.get_fingerprint()) == 1


async def test_a_changed_key_shows_both_and_is_replaced_only_on_request(
    start_node: StartNode, operator: Operator, trust: Trust, capsys: pytest.CaptureFixture[str]
) -> None:
    node = await start_node()
    operator.knows(f"[127.0.0.1]:{node.port} {public(OTHER_KEY)}")

    assert await trust(node.port, "--yes") == 3
    err = capsys.readouterr().err
    assert HOST_KEY.get_fingerprint() in err
    assert OTHER_KEY.get_fingerprint() in err
    assert "--replace" in err

    assert await trust(node.port, "--replace") == 3  # it still has to be confirmed
    assert await trust(node.port, "--replace", "--yes") == 0
    assert trusted(operator.known_hosts, node)


async def test_an_unknown_node_is_a_usage_error(trust: Trust, capsys: pytest.CaptureFixture[str]) -> None:
    assert await trust(1, node="iam-z") == 2
    assert "its nodes: iam-a" in capsys.readouterr().err


async def test_an_unreachable_node_is_left_to_the_command_lines_own_words(trust: Trust) -> None:
    with closed_port() as port, pytest.raises(ConnectRefused):
        await trust(port, "--yes")
