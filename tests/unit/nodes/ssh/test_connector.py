"""Connecting, and every way in which it can fail, each with the node, the reason and the next step."""

from __future__ import annotations

import asyncio

from iamops.nodes.ssh.connector import SshConnector, SshLimits
from iamops.nodes.ssh.host_keys import entry_name
from iamops.nodes.transport import ConnectTimeout, HandshakeFailed, SshConfigInvalid, Unreachable
from tests.support.connecting import failure_of, works
from tests.support.sockets import dark_port, silent_port
from tests.support.ssh_node import HOST_KEY, QUICK, Operator, StartNode, public, reached_at


async def test_nothing_is_taken_compressed_whatever_a_node_or_the_operators_file_asks(
    start_node: StartNode, operator: Operator
) -> None:
    """A packet of some kilobytes could fill the memory of this machine."""
    operator.has_key()
    bomb = await start_node(compression_algs=["zlib@openssh.com", "zlib"])
    operator.knows(bomb.known_hosts_line)
    operator.has_config("Compression yes\n")

    assert isinstance(await failure_of(operator.connector(bomb.port)), HandshakeFailed)


async def test_a_dark_machine_is_given_up_within_the_connect_limit(operator: Operator) -> None:
    with dark_port() as port:
        failure = await failure_of(operator.connector(port, limits=QUICK))

    assert isinstance(failure, ConnectTimeout)
    assert "no answer from 127.0.0.1" in failure.reason
    assert "within 0.3 s" in failure.reason


async def test_a_hanging_sshd_is_given_up_within_the_login_limit(operator: Operator) -> None:
    with silent_port() as port:
        failure = await failure_of(operator.connector(port, limits=QUICK))

    assert isinstance(failure, ConnectTimeout)
    assert "accepts, but no login within 0.5 s" in failure.reason


async def test_without_its_namespace_the_lab_is_not_up(operator: Operator) -> None:
    profile = reached_at(22).model_copy(update={"network_namespace": "iamops-no-such-lab"})

    failure = await failure_of(SshConnector(profile, profile.nodes["iam-a"]))

    assert isinstance(failure, Unreachable)
    assert (failure.reason, failure.next_step) == ("the lab is not up", "iamops lab up")


async def test_an_alias_of_the_users_configuration_is_followed(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    key = operator.has_key(name="work")
    known_hosts = operator.ssh / "hosts of work"
    known_hosts.write_text(node.known_hosts_line)
    operator.has_config(
        f"Host prod-a\n  HostName 127.0.0.1\n  Port {node.port}\n  User alice\n"
        f"  IdentityFile {key}\n  UserKnownHostsFile '{known_hosts}'\n"
    )

    await works(operator.connector(None, host="prod-a", user=None))

    assert node.logins == ["alice"]


async def test_ssh_may_go_by_ipv6_to_a_node_whose_own_address_is_ipv4(
    start_node: StartNode, operator: Operator
) -> None:
    """By the profile's ssh.host, or by HostName of the user's configuration for the node's address."""
    node = await start_node(at="::1")
    operator.has_key()
    operator.knows(f"{entry_name('::1', node.port)} {public(HOST_KEY)}")
    await works(operator.connector(node.port, host="::1"))
    operator.has_config("Host 127.0.0.1\n  HostName ::1\n")
    await works(operator.connector(node.port))


async def test_the_profile_wins_over_the_configuration(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()
    operator.knows(node.known_hosts_line)
    operator.has_config("Host *\n  Port 1\n  User mallory\n")

    await works(operator.connector(node.port))

    assert node.logins == ["iamops"]


async def test_a_host_key_alias_is_what_the_key_is_filed_under(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()
    operator.knows(f"{entry_name('the-node', node.port)} {public(HOST_KEY)}")
    operator.has_config("Host *\n  HostKeyAlias the-node\n")

    await works(operator.connector(node.port))


async def test_a_broken_configuration_is_named_with_its_line(operator: Operator) -> None:
    operator.has_config("Host *\n  Port many\n")

    failure = await failure_of(operator.connector(None))

    assert isinstance(failure, SshConfigInvalid)
    assert "config line 2" in failure.reason


async def test_options_for_terminals_and_commands_do_not_reach_our_sessions(
    start_node: StartNode, operator: Operator
) -> None:
    node = await start_node()
    operator.has_key()
    operator.knows(node.known_hosts_line)
    operator.has_config("Host *\n  RequestTTY force\n  RemoteCommand echo no\n  ForwardAgent yes\n  SetEnv A=b\n")

    await works(operator.connector(node.port))

    assert node.commands[0].endswith(" true")


async def test_cancelling_a_connection_attempt_leaves_no_task(operator: Operator) -> None:
    with silent_port() as port:
        attempt = asyncio.ensure_future(operator.connector(port, limits=SshLimits()).connect())
        await asyncio.sleep(0.05)  # anywhere inside the attempt will do
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)

    assert asyncio.all_tasks() == {asyncio.current_task()}
