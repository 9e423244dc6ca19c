"""Which host keys and certificates are believed, and how a refusal is told."""

from __future__ import annotations

from pathlib import Path

from iamops.nodes.ssh.host_keys import HostKey, entry_name
from iamops.nodes.transport import HostKeyChanged, HostKeyUnknown
from tests.support.connecting import ECDSA_KEY, OTHER_KEY, failure_of, works
from tests.support.ssh_node import HOST_KEY, Operator, StartNode, public

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


# --- looking at a key ---


async def test_looking_at_a_host_key_needs_no_login(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()

    key, _ = await operator.connector(node.port).fetch_host_key()

    assert HostKey.of(key) == HostKey("ssh-ed25519", HOST_KEY.get_fingerprint())
    assert node.logins == []
