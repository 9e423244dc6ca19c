"""Host keys: which are on file, and which are refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from pathlib import Path

import asyncssh
import pytest

from iamops.nodes.ssh.host_keys import HostKey, KeyTrust, entry_name, known, standing_lines
from iamops.nodes.transport import HostKeyChanged, HostKeyUnknown
from tests.support.connecting import ECDSA_KEY, OTHER_KEY, failure_of, works
from tests.support.ssh_node import HOST_KEY, Operator, StartNode, public

KEY = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()

OTHER = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()


def standing_in(text: str, tmp_path: Path, host: str = "10.0.4.20", port: int = 22) -> KeyTrust:
    file = tmp_path / "known_hosts"
    file.write_text(text)
    return known([file], host, port).standing(KEY)


def hashed(name: str) -> str:
    """The name as `ssh-keygen -H` would write it."""
    salt = bytes(range(20))
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", KeyTrust.UNKNOWN),
        (f"10.0.4.20 {public(KEY)}", KeyTrust.TRUSTED),
        (f"10.0.4.20 {public(OTHER)}", KeyTrust.CHANGED),
        (f"10.0.4.20 {public(OTHER)}\n10.0.4.20 {public(KEY)}", KeyTrust.TRUSTED),
        (f"iam-a,10.0.4.20 {public(KEY)} a comment", KeyTrust.TRUSTED),
        (f"10.0.4.* {public(KEY)}", KeyTrust.TRUSTED),
        (f"*,!10.0.4.20 {public(KEY)}", KeyTrust.UNKNOWN),
        (f"{hashed('10.0.4.20')} {public(KEY)}", KeyTrust.TRUSTED),
        (f"{hashed('10.0.4.20')} {public(OTHER)}", KeyTrust.CHANGED),
        (f"{hashed('10.0.4.21')} {public(KEY)}", KeyTrust.UNKNOWN),
        (f"@revoked * {public(KEY)}\n10.0.4.20 {public(KEY)}", KeyTrust.REVOKED),
        (f"@cert-authority * {public(KEY)}", KeyTrust.UNKNOWN),
        (f"this line is broken\n\n10.0.4.20 {public(KEY)}", KeyTrust.TRUSTED),
        (f"10.0.4.20\n10.0.4.20 {public(OTHER)}", KeyTrust.CHANGED),
        (f"[10.0.4.20]:2222 {public(OTHER)}", KeyTrust.UNKNOWN),
    ],
    ids=itertools.count(),  # keys are made anew: they would be another name in every process
)
def test_standing_at_the_standard_port(text: str, expected: KeyTrust, tmp_path: Path) -> None:
    assert standing_in(text, tmp_path) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"[10.0.4.20]:2222 {public(KEY)}", KeyTrust.TRUSTED),
        (f"[10.0.4.20]:2222 {public(OTHER)}", KeyTrust.CHANGED),
        (f"{hashed('[10.0.4.20]:2222')} {public(KEY)}", KeyTrust.TRUSTED),
        # As for OpenSSH, an entry without a port vouches for the key, but does not accuse another one.
        (f"10.0.4.20 {public(KEY)}", KeyTrust.TRUSTED),
        (f"10.0.4.20 {public(OTHER)}", KeyTrust.UNKNOWN),
        (f"@revoked 10.0.4.20 {public(KEY)}\n[10.0.4.20]:2222 {public(KEY)}", KeyTrust.REVOKED),
    ],
    ids=itertools.count(),
)
def test_standing_at_another_port(text: str, expected: KeyTrust, tmp_path: Path) -> None:
    assert standing_in(text, tmp_path, port=2222) is expected


def test_names_are_compared_in_lower_case(tmp_path: Path) -> None:
    assert standing_in(f"iam-a.example {public(KEY)}", tmp_path, host="IAM-A.example") is KeyTrust.TRUSTED


def test_all_files_are_read_and_missing_ones_are_empty(tmp_path: Path) -> None:
    (tmp_path / "global").write_text(f"10.0.4.20 {public(KEY)}")

    found = known([tmp_path / "missing", tmp_path, tmp_path / "global"], "10.0.4.20", 22)

    assert found.standing(KEY) is KeyTrust.TRUSTED


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    assert standing_in("", tmp_path) is KeyTrust.UNKNOWN
    assert standing_in(f"10.0.4.20 {public(KEY)}", tmp_path) is KeyTrust.TRUSTED


def test_the_types_on_file_are_asked_for_first(tmp_path: Path) -> None:
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    file = tmp_path / "known_hosts"
    file.write_text(f"10.0.4.20 {public(rsa)}")

    algorithms = known([file], "10.0.4.20", 22).algorithms

    assert algorithms[0] == "rsa-sha2-256"
    assert "ssh-ed25519" in algorithms
    assert known([], "10.0.4.20", 22).algorithms[0] == "ssh-ed25519"


def test_lines_are_found_in_every_file_but_not_markers(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text(f"# comment\n@revoked 10.0.4.20 {public(OTHER)}\n10.0.4.20 {public(OTHER)}\n")
    two.write_text(f"{hashed('10.0.4.20')} {public(OTHER)}\n10.0.4.21 {public(OTHER)}\n")

    assert standing_lines([one, two], "10.0.4.20", 22) == ((one, 3), (two, 1))


def test_entry_names() -> None:
    assert entry_name("Iam-A", 22) == "iam-a"
    assert entry_name("iam-a", 2222) == "[iam-a]:2222"


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


async def test_looking_at_a_host_key_needs_no_login(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()

    key, _ = await operator.connector(node.port).fetch_host_key()

    assert HostKey.of(key) == HostKey("ssh-ed25519", HOST_KEY.get_fingerprint())
    assert node.logins == []
