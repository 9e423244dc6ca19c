"""Connecting, and every way in which it can fail, each with the node, the reason and the next step."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import socket
import subprocess
from pathlib import Path

import asyncssh
import pytest

from console.nodes import ssh_errors
from console.nodes.ssh import Limits, SshConnector
from console.nodes.ssh_errors import Place
from console.nodes.ssh_hostkeys import HostKey, entry_name
from console.nodes.transport import (
    AuthFailed,
    ConnectRefused,
    ConnectTimeout,
    ForwardingForbidden,
    HandshakeFailed,
    HostKeyChanged,
    HostKeyUnknown,
    SshConfigInvalid,
    TransportError,
    Unreachable,
)
from tests.unit.nodes.conftest import HOST_KEY, Operator, StartNode, public, reached_at
from tests.unit.nodes.sockets import closed_port, dark_port, silent_port

OTHER_KEY = asyncssh.generate_private_key("ssh-ed25519")
ECDSA_KEY = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
PLACE = Place("iam-a", "10.0.4.20", 22, "iamops")


async def failure_of(connector: SshConnector) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await connector.connect()
    return caught.value


async def works(connector: SshConnector) -> None:
    transport = await connector.connect()
    assert (await transport.run(["true"], timeout_s=5)).ok
    await transport.close()


# --- host keys ---


async def test_an_unknown_host_key_is_refused_with_its_fingerprint(
    start_node: StartNode, operator: Operator
) -> None:
    node = await start_node()
    operator.has_key()

    failure = await failure_of(operator.connector(node.port))

    assert isinstance(failure, HostKeyUnknown)
    assert f"ssh-ed25519 {HOST_KEY.get_fingerprint()}" in failure.reason
    assert failure.next_step == "iamops trust iam-a"
    assert node.logins == []


async def test_a_changed_host_key_shows_both_keys_and_where_the_old_one_stands(
    start_node: StartNode, operator: Operator
) -> None:
    node = await start_node()
    operator.has_key()
    operator.knows("# a comment", f"{entry_name('127.0.0.1', node.port)} {public(OTHER_KEY)}")

    failure = await failure_of(operator.connector(node.port))

    assert isinstance(failure, HostKeyChanged)
    assert OTHER_KEY.get_fingerprint() in failure.reason
    assert HOST_KEY.get_fingerprint() in failure.reason
    assert f"{operator.known_hosts}:2" in failure.reason
    assert "in the middle" in failure.reason
    assert f"ssh-keygen -R '[127.0.0.1]:{node.port}' -f {operator.known_hosts}" in failure.next_step
    assert "iamops trust iam-a" in failure.next_step


async def test_a_host_key_of_another_type_is_a_changed_key(start_node: StartNode, operator: Operator) -> None:
    node = await start_node(host_key=ECDSA_KEY)
    operator.has_key()
    operator.knows(f"{entry_name('127.0.0.1', node.port)} {public(HOST_KEY)}")

    failure = await failure_of(operator.connector(node.port))

    assert isinstance(failure, HostKeyChanged)
    assert "ecdsa-sha2-nistp256" in failure.reason


async def test_a_revoked_host_key_is_never_accepted(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()
    operator.knows(node.known_hosts_line, f"@revoked * {public(HOST_KEY)}")

    failure = await failure_of(operator.connector(node.port))

    assert isinstance(failure, HostKeyChanged)
    assert "@revoked" in failure.reason


async def test_a_host_certificate_of_a_known_authority_is_accepted(
    start_node: StartNode, operator: Operator
) -> None:
    certificate = OTHER_KEY.generate_host_certificate(HOST_KEY, "iam-a", principals=["127.0.0.1"])
    node = await start_node(host_certificate=certificate)
    operator.has_key()
    operator.knows(f"@cert-authority [127.0.0.1]:* {public(OTHER_KEY)}")

    await works(operator.connector(node.port))


async def test_a_host_certificate_for_another_machine_is_refused(
    start_node: StartNode, operator: Operator
) -> None:
    certificate = OTHER_KEY.generate_host_certificate(HOST_KEY, "iam-b", principals=["iam-b"])
    node = await start_node(host_certificate=certificate)
    operator.has_key()
    operator.knows(f"@cert-authority [127.0.0.1]:* {public(OTHER_KEY)}")

    failure = await failure_of(operator.connector(node.port))

    assert isinstance(failure, HostKeyUnknown)
    assert "host certificate is not accepted" in failure.reason


async def test_strict_checking_cannot_be_configured_away(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()
    operator.has_config("Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile none\n")

    assert isinstance(await failure_of(operator.connector(node.port)), HostKeyUnknown)


async def test_the_profiles_known_hosts_file_stands_alone(
    start_node: StartNode, operator: Operator, tmp_path: Path
) -> None:
    node = await start_node()
    operator.has_key()
    operator.knows(node.known_hosts_line)

    failure = await failure_of(operator.connector(node.port, known_hosts=str(tmp_path / "empty")))

    assert isinstance(failure, HostKeyUnknown)


# --- the way there ---


async def test_a_closed_port_is_refused(operator: Operator) -> None:
    with closed_port() as port:
        failure = await failure_of(operator.connector(port))

    assert isinstance(failure, ConnectRefused)
    assert f"127.0.0.1 port {port}" in failure.reason


async def test_a_dark_machine_is_given_up_within_the_connect_limit(operator: Operator) -> None:
    with dark_port() as port:
        failure = await failure_of(operator.connector(port))

    assert isinstance(failure, ConnectTimeout)
    assert "no answer from 127.0.0.1" in failure.reason
    assert "within 0.3 s" in failure.reason


async def test_a_hanging_sshd_is_given_up_within_the_login_limit(operator: Operator) -> None:
    with silent_port() as port:
        failure = await failure_of(operator.connector(port))

    assert isinstance(failure, ConnectTimeout)
    assert "accepts, but no login within 0.5 s" in failure.reason


async def test_something_that_is_not_ssh_is_named_as_such(operator: Operator) -> None:
    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"\x1b[31m\n" * 2000)
        writer.close()

    server = await asyncio.start_server(http, "127.0.0.1", 0)
    failure = await failure_of(operator.connector(server.sockets[0].getsockname()[1]))
    server.close()
    await server.wait_closed()

    assert isinstance(failure, HandshakeFailed)
    assert "\x1b" not in failure.reason


async def test_a_server_that_hangs_up_is_a_failed_handshake(operator: Operator) -> None:
    async def busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(busy, "127.0.0.1", 0)
    failure = await failure_of(operator.connector(server.sockets[0].getsockname()[1]))
    server.close()
    await server.wait_closed()

    assert isinstance(failure, HandshakeFailed)
    assert "closed the connection during login" in failure.reason


async def test_without_its_namespace_the_lab_is_not_up(operator: Operator) -> None:
    profile = reached_at(22).model_copy(update={"network_namespace": "iamops-no-such-lab"})

    failure = await failure_of(SshConnector(profile, profile.nodes["iam-a"]))

    assert isinstance(failure, Unreachable)
    assert (failure.reason, failure.next_step) == ("the lab is not up", "iamops lab up")


@pytest.mark.parametrize(
    ("error", "reason", "next_step"),
    [
        (socket.gaierror(-2, "Name or service not known"), "cannot be resolved", "ssh.host in the profile"),
        (OSError(113, "No route to host"), "No route to host", "ip route get 10.0.4.20"),
        (OSError(101, "Network is unreachable"), "Network is unreachable", "ip route get 10.0.4.20"),
    ],
)
def test_no_way_to_a_host_says_what_the_kernel_said(error: OSError, reason: str, next_step: str) -> None:
    failure = ssh_errors.dial_failed(PLACE, error)

    assert isinstance(failure, Unreachable)
    assert reason in failure.reason
    assert next_step in failure.next_step


# --- logging in ---


async def test_a_refused_login_says_who_and_which_keys(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)
    wrong = operator.has_key(OTHER_KEY)
    locked = operator.ssh / "id_rsa"
    locked.write_bytes(OTHER_KEY.export_private_key("pkcs8-pem", passphrase="secret"))

    failure = await failure_of(operator.connector(node.port))

    assert isinstance(failure, AuthFailed)
    assert f"login as iamops was refused; offered {wrong}" in failure.reason
    assert f"{locked} needs its passphrase: ssh-add" in failure.reason
    assert f"ssh -p {node.port} iamops@127.0.0.1" in failure.next_step


async def test_without_any_key_that_is_what_is_said(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)

    failure = await failure_of(operator.connector(node.port))

    assert isinstance(failure, AuthFailed)
    assert "there was no key to offer" in failure.reason


async def test_a_key_the_profile_names_but_nobody_has(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)
    operator.has_key()

    failure = await failure_of(operator.connector(node.port, key="/nowhere/id_ed25519"))

    assert isinstance(failure, AuthFailed)
    assert "/nowhere/id_ed25519 does not exist" in failure.reason


async def test_only_the_key_of_the_profile_is_offered(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)
    operator.has_key()
    wrong = operator.has_key(OTHER_KEY, "other")

    failure = await failure_of(operator.connector(node.port, key=str(wrong)))

    assert f"offered {wrong}" in failure.reason
    assert "id_ed25519" not in failure.reason


@pytest.mark.skipif(not shutil.which("ssh-agent"), reason="needs OpenSSH's agent")
async def test_the_agents_keys_are_offered(start_node: StartNode, operator: Operator, tmp_path: Path) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)
    key = operator.has_key()
    key.chmod(0o600)
    agent = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(agent)], stdout=subprocess.PIPE)  # noqa: ASYNC220
    assert process.stdout
    process.stdout.readline()
    try:
        subprocess.run(["ssh-add", "-q", str(key)], env={"SSH_AUTH_SOCK": str(agent)}, check=True)  # noqa: ASYNC221
        key.unlink()
        await works(operator.connector(node.port, files=dataclasses.replace(operator.files, agent=str(agent))))
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


async def test_a_dead_agent_is_mentioned_and_not_in_the_way(
    start_node: StartNode, operator: Operator, tmp_path: Path
) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)
    files = dataclasses.replace(operator.files, agent=str(tmp_path / "no-agent"))

    failure = await failure_of(operator.connector(node.port, files=files))

    assert "the agent does not answer" in failure.reason


# --- the user's OpenSSH configuration ---


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

    assert node.commands[0].endswith("exec true")


# --- jump hosts ---


async def test_a_jump_host_is_used(start_node: StartNode, operator: Operator) -> None:
    bastion, node = await start_node(), await start_node()
    operator.has_key()
    operator.knows(bastion.known_hosts_line, node.known_hosts_line)
    operator.has_config(f"Host bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n  User jumper\n")

    await works(operator.connector(node.port, jump="bastion"))

    assert bastion.forwards == [("127.0.0.1", node.port)]
    assert (bastion.logins, node.logins) == (["jumper"], ["iamops"])


async def test_jump_hosts_of_the_configuration_are_chained(start_node: StartNode, operator: Operator) -> None:
    outer, inner, node = await start_node(), await start_node(), await start_node()
    operator.has_key()
    operator.knows(*(each.known_hosts_line for each in (outer, inner, node)))
    operator.has_config(
        f"Host outer\n  HostName 127.0.0.1\n  Port {outer.port}\n"
        "Host inner\n  HostName 127.0.0.1\n"
        f"Host *\n  ProxyJump ops@outer,inner:{inner.port}\n  User default\n"
    )

    # `Host *` names the jump hosts themselves too; their own ProxyJump must not lead in a circle.
    await works(operator.connector(node.port))

    assert outer.forwards == [("127.0.0.1", inner.port)]
    assert inner.forwards == [("127.0.0.1", node.port)]
    assert (outer.logins, inner.logins) == (["ops"], ["default"])


async def test_closing_the_connection_closes_its_jump_host(start_node: StartNode, operator: Operator) -> None:
    bastion, node = await start_node(), await start_node()
    operator.has_key()
    operator.knows(bastion.known_hosts_line, node.known_hosts_line)
    operator.has_config(f"Host bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n")
    transport = await operator.connector(node.port, jump="bastion").connect()

    await transport.close()

    await asyncio.wait_for(bastion.connections[0].wait_closed(), 5)


async def test_losing_the_jump_host_loses_the_link(start_node: StartNode, operator: Operator) -> None:
    bastion, node = await start_node(), await start_node()
    operator.has_key()
    operator.knows(bastion.known_hosts_line, node.known_hosts_line)
    operator.has_config(f"Host bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n")
    transport = await operator.connector(node.port, jump="bastion").connect()

    bastion.connections[0].abort()

    assert await asyncio.wait_for(transport.wait_closed(), 5) is not None
    await transport.close()


async def test_an_unknown_jump_host_is_told_from_an_unknown_node(
    start_node: StartNode, operator: Operator
) -> None:
    bastion, node = await start_node(), await start_node()
    operator.has_key()
    operator.knows(node.known_hosts_line)
    operator.has_config(f"Host bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n")

    failure = await failure_of(operator.connector(node.port, jump="bastion"))

    assert isinstance(failure, HostKeyUnknown)
    assert failure.reason.startswith("jump host bastion: ")
    assert "ssh -p" in failure.next_step


async def test_a_node_that_the_jump_host_cannot_reach(start_node: StartNode, operator: Operator) -> None:
    bastion = await start_node()
    operator.has_key()
    operator.knows(bastion.known_hosts_line)
    operator.has_config(f"Host bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n")

    with closed_port() as port:
        failure = await failure_of(operator.connector(port, jump="bastion"))

    assert isinstance(failure, ConnectRefused)
    await asyncio.wait_for(bastion.connections[0].wait_closed(), 5)


async def test_a_jump_host_that_does_not_forward(start_node: StartNode, operator: Operator) -> None:
    bastion = await start_node(forwarding=False)
    operator.has_key()
    operator.knows(bastion.known_hosts_line)
    operator.has_config(f"Host bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n")

    failure = await failure_of(operator.connector(22, jump="bastion"))

    assert isinstance(failure, ForwardingForbidden)
    assert "jump host bastion does not allow forwarding" in failure.reason


async def test_jump_hosts_in_a_circle_are_a_configuration_error(operator: Operator) -> None:
    operator.has_config("Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n")

    failure = await failure_of(operator.connector(22, jump="a"))

    assert isinstance(failure, SshConfigInvalid)
    assert "circle" in failure.reason


# --- looking at a key, and cleaning up ---


async def test_looking_at_a_host_key_needs_no_login(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()

    shown = await operator.connector(node.port).look()

    assert HostKey.of(shown.key) == HostKey("ssh-ed25519", HOST_KEY.get_fingerprint())
    assert node.logins == []


async def test_cancelling_a_connection_attempt_leaves_no_task(operator: Operator) -> None:
    with silent_port() as port:
        attempt = asyncio.ensure_future(operator.connector(port, limits=Limits()).connect())
        await asyncio.sleep(0.05)  # anywhere inside the attempt will do
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)

    assert asyncio.all_tasks() == {asyncio.current_task()}
