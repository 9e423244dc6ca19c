"""What the profile and the user's configuration add up to, before anything is sent."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from iamops.model.profile import SshAccess
from iamops.nodes.ssh.host_keys import GLOBAL_FILES
from iamops.nodes.ssh.settings import SettingsError, UserFiles, hop_access, settle
from tests.support.ssh_node import Operator


def test_without_a_configuration_openssh_defaults_hold(operator: Operator) -> None:
    settings = settle("10.0.4.20", SshAccess(user="iamops"), operator.files)

    assert (settings.host, settings.port, settings.user) == ("10.0.4.20", 22, "iamops")
    assert settings.known_hosts == (operator.known_hosts, *GLOBAL_FILES)
    assert settings.keys[0] == operator.ssh / "id_ed25519"
    assert settings.jump == ()
    assert not settings.only_keys


def test_a_lab_takes_nothing_from_the_user(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    operator.has_config("Host *\n  ProxyJump bastion\n  Port 99\n  HostName evil.example\n")
    operator.has_key()
    monkeypatch.setenv("HOME", str(operator.home))
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent")
    access = SshAccess(user="iamops", key="/lab/key", known_hosts="/lab/known_hosts")

    settings = settle("10.0.4.20", access, None)

    assert (settings.host, settings.port, settings.jump, settings.agent) == ("10.0.4.20", 22, (), None)
    assert settings.keys == (Path("/lab/key"),)
    assert settings.known_hosts == (Path("/lab/known_hosts"),)
    assert not settings.proxy_command


def test_the_users_own_words_are_taken(operator: Operator) -> None:
    operator.has_config(
        "Host 10.0.4.*\n  User bob\n  Port 2222\n  IdentityFile ~/.ssh/work\n  IdentitiesOnly yes\n"
        "  IdentityAgent none\n  UserKnownHostsFile /one /two\n  GlobalKnownHostsFile /three\n"
    )
    files = dataclasses.replace(operator.files, agent="/tmp/agent")

    settings = settle("10.0.4.20", SshAccess(), files)

    assert (settings.user, settings.port, settings.agent, settings.only_keys) == ("bob", 2222, None, True)
    assert settings.keys == (Path("~/.ssh/work").expanduser(),)
    assert settings.known_hosts == (Path("/one"), Path("/two"), Path("/three"))


def test_the_agent_of_the_environment_is_the_default(operator: Operator) -> None:
    files = dataclasses.replace(operator.files, agent="/tmp/agent")

    assert settle("10.0.4.20", SshAccess(), files).agent == "/tmp/agent"
    assert settle("10.0.4.20", SshAccess(), UserFiles(operator.home, None)).agent is None


def test_a_proxy_command_is_left_to_openssh_words(operator: Operator) -> None:
    operator.has_config("Host 10.0.4.20\n  ProxyCommand nc %h %p\n")

    assert settle("10.0.4.20", SshAccess(), operator.files).proxy_command


@pytest.mark.parametrize(
    ("hop", "host", "user", "port"),
    [
        ("bastion", "bastion", None, None),
        ("bastion:2222", "bastion", None, 2222),
        ("me@bastion", "bastion", "me", None),
        ("DOMAIN\\me@corp@bastion:22", "bastion", "DOMAIN\\me@corp", 22),
        ("ssh://me@bastion:2222", "bastion", "me", 2222),
        ("fe80::1", "fe80::1", None, None),
        ("[fe80::1]:2222", "fe80::1", None, 2222),
    ],
)
def test_hops_are_read_as_openssh_reads_them(hop: str, host: str, user: str | None, port: int | None) -> None:
    name, access = hop_access(hop)

    assert (name, access.user, access.port) == (host, user, port)


@pytest.mark.parametrize("hop", ["", "me@", "bastion:ssh", "[fe80::1]:x"])
def test_a_hop_that_is_none_is_an_error(hop: str) -> None:
    with pytest.raises(SettingsError, match="ProxyJump"):
        hop_access(hop)
