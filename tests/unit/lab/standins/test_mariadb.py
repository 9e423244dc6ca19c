"""The stand-in for a client of MariaDB."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from iamops.lab.standins.mariadb import DatabaseError, Login, greeting_salt, native_password, query

# Taken from MariaDB 10.11: the greeting without its four bytes of head, and the refusal of a host.
GREETING = bytes.fromhex(
    "0a352e352e352d31302e31312e31392d4d6172696144422d302b646562313275310020010000443b3b582a66466800fef72d"
    "0200ff81150000000000001d0000005a687d5c35323b70433f525b006d7973716c5f6e61746976655f70617373776f726400"
)

REFUSED = b"\xff\x6a\x04Host '10.0.4.21' is not allowed to connect to this MariaDB server"

OK = b"\0\0\0\2\0\0\0"

EOF = b"\xfe\0\0\2\0"

NO_ACCOUNT = b"\xff\x15\x04#28000Access denied for user 'iam'@'10.0.4.21'"


def packet(payload: bytes, sequence: int) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


@contextmanager
def scripted_server(*answers: bytes) -> Iterator[tuple[Login, list[bytes]]]:
    """A server that says its lines, one after each thing it hears (the first one at once)."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            # The client may hang up in anger.
            with connection, suppress(OSError):
                for line in answers:
                    connection.sendall(line)
                    heard.append(connection.recv(4096))

        server = threading.Thread(target=serve)
        server.start()
        yield Login("127.0.0.1", listener.getsockname()[1], "iam", "iam1234", "iam"), heard
        server.join()


def test_a_query_logs_in_and_reads_the_rows():
    column = packet(b"\3def", 2)
    rows = packet(b"\x05admin\x03one", 4) + packet(b"\x05colin\xfb", 5)
    table = packet(b"\2", 1) + column + column + packet(EOF, 3) + rows + packet(EOF, 6)
    with scripted_server(packet(GREETING, 0), packet(OK, 2), table) as (login, heard):
        assert query(login, "SELECT name FROM user") == [["admin", "one"], ["colin", ""]]
    assert native_password("iam1234", greeting_salt(GREETING)) in heard[0]
    assert heard[1] == packet(b"\3SELECT name FROM user", 0)


def test_a_host_that_is_not_allowed_is_told_by_its_number():
    with scripted_server(packet(REFUSED, 0)) as (login, _), pytest.raises(DatabaseError) as refused:
        query(login, "SELECT 1")
    assert refused.value.code == 1130
    assert "is not allowed to connect" in str(refused.value)


def test_a_refused_login_is_told_by_its_number():
    with (
        scripted_server(packet(GREETING, 0), packet(NO_ACCOUNT, 2)) as (login, _),
        pytest.raises(DatabaseError) as refused,
    ):
        query(login, "SELECT 1")
    assert refused.value.code == 1045


@pytest.mark.parametrize("noise", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\0", packet(b"\x0a", 0)])
def test_what_is_no_mariadb_is_a_database_error_and_no_crash(noise):
    with scripted_server(noise) as (login, _), pytest.raises(DatabaseError) as refused:
        query(login, "SELECT 1")
    assert refused.value.code == 0


def test_the_salt_is_the_20_bytes_of_both_parts():
    assert greeting_salt(GREETING) == b"D;;X*fFhZh}\\52;pC?R["
