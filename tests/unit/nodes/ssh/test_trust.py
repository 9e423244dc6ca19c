"""Trusting a host key: what is offered, what is written, and what is refused."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import asyncssh
import pytest

from iamops.nodes.ssh.host_keys import KeyTrust, known
from iamops.nodes.ssh.trust import CannotTrust, HostKeyOffer, accept, fetch_offer
from iamops.nodes.transport import ConnectRefused
from tests.support.sockets import closed_port
from tests.support.ssh_node import HOST_KEY, Operator, SshNode, StartNode, public, reached_at

OTHER_KEY = asyncssh.generate_private_key("ssh-ed25519")


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
    operator.knows(f"[127.0.0.1]:{node.port} {public(OTHER_KEY)}")
    before = operator.known_hosts.read_text()

    offer = await offered(node, operator)
    with pytest.raises(CannotTrust, match="--replace"):
        accept(offer)

    assert [key.fingerprint for key in offer.filed] == [OTHER_KEY.get_fingerprint()]
    assert operator.known_hosts.read_text() == before


async def test_replacing_takes_only_this_hosts_old_keys_away(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    here = f"[127.0.0.1]:{node.port}"
    operator.knows(
        "# mine",
        f"other {public(OTHER_KEY)}",
        f"{here} {public(OTHER_KEY)}",
        f"friend,{here},[127.0.0.1]:1 {public(OTHER_KEY)}",
        f"@cert-authority {here} {public(OTHER_KEY)}",
    )

    accept(await offered(node, operator), replace=True)

    assert operator.known_hosts.read_text().splitlines() == [
        "# mine",
        f"other {public(OTHER_KEY)}",
        f"friend,[127.0.0.1]:1 {public(OTHER_KEY)}",
        f"@cert-authority {here} {public(OTHER_KEY)}",
        f"{here} {public(HOST_KEY)}",
    ]
    assert list(operator.ssh.iterdir()) == [operator.known_hosts]


async def test_replacing_keeps_a_symbolic_link(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    real = operator.home / "dotfiles"
    real.write_text(f"[127.0.0.1]:{node.port} {public(OTHER_KEY)}\n")
    operator.known_hosts.symlink_to(real)

    accept(await offered(node, operator), replace=True)

    assert operator.known_hosts.is_symlink()
    assert trusted(real, node)


async def test_an_old_key_in_a_file_that_is_not_ours_is_named(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    shared = operator.home / "shared"
    shared.write_text(f"[127.0.0.1]:{node.port} {public(OTHER_KEY)}\n")
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
