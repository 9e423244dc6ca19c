"""Trusting a host key: what is offered, what is written, and what is refused."""

from __future__ import annotations

import argparse
import asyncio
import io
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest

from iamops.cli import trust as command
from iamops.nodes.ssh import settings
from iamops.nodes.ssh.host_keys import KeyTrust, known
from iamops.nodes.ssh.trust import CannotTrust, HostKeyOffer, accept, fetch_offer
from iamops.nodes.transport import ConnectRefused
from tests.support.sockets import closed_port
from tests.support.ssh_node import HOST_KEY, Operator, SshNode, StartNode, public, reached_at

OTHER = asyncssh.generate_private_key("ssh-ed25519")


async def offered(node: SshNode, operator: Operator, **ssh: str) -> HostKeyOffer:
    profile = reached_at(node.port, **ssh)
    return await fetch_offer(profile, profile.nodes["iam-a"], files=operator.files)


def trusted(file: Path, node: SshNode) -> bool:
    return known([file], "127.0.0.1", node.port).standing(HOST_KEY.convert_to_public()) is KeyTrust.TRUSTED


async def test_a_new_key_is_offered_and_then_works(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()

    offer = await offered(node, operator)
    accept(offer)

    assert offer.trust is KeyTrust.UNKNOWN
    assert offer.presented.fingerprint == HOST_KEY.get_fingerprint()
    transport = await operator.connector(node.port).connect()
    await transport.close()


async def test_the_file_is_made_private_with_its_directory(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    file = operator.home / "new" / "dir" / "known_hosts"

    accept(await offered(node, operator, known_hosts=str(file)))

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("before", ["", "a-host ssh-ed25519 AAAA\n", "# no newline at the end"])
async def test_nothing_in_the_file_is_lost(start_node: StartNode, operator: Operator, before: str) -> None:
    node = await start_node()
    operator.known_hosts.write_text(before)

    accept(await offered(node, operator))

    text = operator.known_hosts.read_text()
    assert text.startswith(before)
    assert trusted(operator.known_hosts, node)
    assert text.endswith(f"{public(HOST_KEY)}\n")


async def test_openssh_reads_what_was_written(start_node: StartNode, operator: Operator) -> None:
    if not shutil.which("ssh-keygen"):
        pytest.skip("needs OpenSSH")
    node = await start_node()
    accept(await offered(node, operator))

    found = subprocess.run(  # noqa: ASYNC221 - nothing else runs meanwhile
        ["ssh-keygen", "-lF", f"[127.0.0.1]:{node.port}", "-f", str(operator.known_hosts)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert HOST_KEY.get_fingerprint() in found.stdout


async def test_a_trusted_key_is_not_written_twice(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)
    before = operator.known_hosts.read_text()

    offer = await offered(node, operator)
    accept(offer)

    assert offer.trust is KeyTrust.TRUSTED
    assert operator.known_hosts.read_text() == before


async def test_a_changed_key_needs_more_than_a_yes(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.knows(f"[127.0.0.1]:{node.port} {public(OTHER)}")
    before = operator.known_hosts.read_text()

    offer = await offered(node, operator)
    with pytest.raises(CannotTrust, match="--replace"):
        accept(offer)

    assert [key.fingerprint for key in offer.filed] == [OTHER.get_fingerprint()]
    assert operator.known_hosts.read_text() == before


async def test_replacing_takes_only_this_hosts_old_keys_away(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    here = f"[127.0.0.1]:{node.port}"
    operator.knows(
        "# mine",
        f"other {public(OTHER)}",
        f"{here} {public(OTHER)}",
        f"friend,{here},[127.0.0.1]:1 {public(OTHER)}",
        f"@cert-authority {here} {public(OTHER)}",
    )

    accept(await offered(node, operator), replace=True)

    assert operator.known_hosts.read_text().splitlines() == [
        "# mine",
        f"other {public(OTHER)}",
        f"friend,[127.0.0.1]:1 {public(OTHER)}",
        f"@cert-authority {here} {public(OTHER)}",
        f"{here} {public(HOST_KEY)}",
    ]
    assert list(operator.ssh.iterdir()) == [operator.known_hosts]


async def test_replacing_keeps_a_symbolic_link(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    real = operator.home / "dotfiles"
    real.write_text(f"[127.0.0.1]:{node.port} {public(OTHER)}\n")
    operator.known_hosts.symlink_to(real)

    accept(await offered(node, operator), replace=True)

    assert operator.known_hosts.is_symlink()
    assert trusted(real, node)


async def test_an_old_key_in_a_file_that_is_not_ours_is_named(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    shared = operator.home / "shared"
    shared.write_text(f"[127.0.0.1]:{node.port} {public(OTHER)}\n")
    operator.has_config(f"Host *\n  GlobalKnownHostsFile {shared}\n")

    with pytest.raises(CannotTrust, match=f"{shared}:1"):
        accept(await offered(node, operator), replace=True)


async def test_a_revoked_key_is_never_trusted(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.knows(f"@revoked * {public(HOST_KEY)}")

    with pytest.raises(CannotTrust, match="revoked"):
        accept(await offered(node, operator), replace=True)


async def test_a_node_that_cannot_be_reached_says_why(operator: Operator) -> None:
    with closed_port() as port:
        profile = reached_at(port)
        with pytest.raises(ConnectRefused):
            await fetch_offer(profile, profile.nodes["iam-a"], files=operator.files)


# --- the command ---

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

    assert await trust(node.port, "--yes", "--fingerprint", OTHER.get_fingerprint()) == 3
    assert not operator.known_hosts.exists()


async def test_a_key_on_file_is_reported_as_trusted(
    start_node: StartNode, operator: Operator, trust: Trust, capsys: pytest.CaptureFixture[str]
) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)

    assert await trust(node.port) == 0
    assert "already trusted" in capsys.readouterr().out
    assert await trust(node.port, "--fingerprint", OTHER.get_fingerprint()) == 1


async def test_a_changed_key_shows_both_and_is_replaced_only_on_request(
    start_node: StartNode, operator: Operator, trust: Trust, capsys: pytest.CaptureFixture[str]
) -> None:
    node = await start_node()
    operator.knows(f"[127.0.0.1]:{node.port} {public(OTHER)}")

    assert await trust(node.port, "--yes") == 3
    err = capsys.readouterr().err
    assert HOST_KEY.get_fingerprint() in err
    assert OTHER.get_fingerprint() in err
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
