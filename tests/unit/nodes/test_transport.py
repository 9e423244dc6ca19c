"""Errors of a transport: a stable word for each, and a next step; and what a finished command left."""

from __future__ import annotations

import pytest

from iamops.nodes import transport
from iamops.nodes.transport import CommandFailed, CommandResult, ConnectFailed, LinkLost, TransportError

ERRORS = [each for each in vars(transport).values() if isinstance(each, type) and issubclass(each, TransportError)]


def test_every_error_has_a_word_of_its_own():
    words = [error.kind for error in ERRORS]
    assert len(words) == len(set(words))
    assert "host-key-changed" in words


def test_a_class_without_a_word_has_its_base_s():
    class Slower(LinkLost):
        """Of a test."""

    assert Slower.kind == LinkLost.kind


def test_an_error_names_the_node_the_reason_and_the_next_step():
    error = LinkLost("iam-a", "closed by the peer", "look at its sshd")
    assert str(error) == "iam-a: closed by the peer"
    assert (error.node, error.reason, error.next_step) == ("iam-a", "closed by the peer", "look at its sshd")


@pytest.mark.parametrize("refused", [True, False])
def test_a_closed_port_is_told_from_no_route_while_the_link_is_good(refused: bool):
    error = ConnectFailed("iam-a", "no", "look", refused=refused)
    assert error.refused is refused
    assert isinstance(error, CommandFailed)
    assert not isinstance(error, LinkLost)


@pytest.mark.parametrize(("status", "ok"), [(0, True), (1, False), (255, False), (None, False)])
def test_only_exit_status_0_is_well_and_a_signal_is_not(status: int | None, ok: bool):
    assert CommandResult(("true",), status, b"", b"").ok is ok


def test_output_that_is_no_text_is_read_all_the_same():
    assert CommandResult(("cat",), 0, b"a\xffb", b"").text == "a\N{REPLACEMENT CHARACTER}b"
