"""The stand-ins speak the real protocols. They are run here on loopback; nothing of the lab is needed."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from iamops.lab.standins import mongo_wire, mongodb, service
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


@pytest.mark.parametrize("name", ["hello", "isMaster", "ping", "buildInfo"])
def test_mongodb_answers_what_a_health_check_asks(name):
    document = mongodb.document_for(name)
    assert document["ok"] == 1.0
    assert "not MongoDB" in document["standIn"]


def test_mongodb_refuses_the_rest_by_name():
    assert "insert" in mongodb.document_for("insert")["errmsg"]


@pytest.fixture
def mongo_port(caplog) -> Iterator[int]:
    with mongodb.MongoServer(("127.0.0.1", 0), mongodb.Conversation) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_mongodb_answers_op_msg_and_op_query(mongo_port):
    hello = mongo_wire.encode({"isMaster": 1, "$db": "admin"})
    msg = mongo_wire.message(7, 0, mongo_wire.OP_MSG, struct.pack("<IB", 0, 0) + hello)
    legacy = struct.pack("<i", 0) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + hello
    old = mongo_wire.message(8, 0, mongo_wire.OP_QUERY, legacy)
    with socket.create_connection(("127.0.0.1", mongo_port), timeout=5) as connection:
        for request, asked, op_code in ((msg, 7, mongo_wire.OP_MSG), (old, 8, mongo_wire.OP_REPLY)):
            connection.sendall(request)
            head = connection.recv(16, socket.MSG_WAITALL)
            length, _, answers, answered_with = mongo_wire.HEADER.unpack(head)
            body = connection.recv(length - 16, socket.MSG_WAITALL)
            assert (answers, answered_with) == (asked, op_code)
            assert b"ismaster\0\1" in body
    mongo_wire.ping("127.0.0.1", mongo_port, 5)


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", struct.pack("<iiii", 21, 1, 0, 9) + b"\0\0\0\0\0"])
def test_mongodb_closes_on_what_is_not_its_protocol(mongo_port, noise):
    with socket.create_connection(("127.0.0.1", mongo_port), timeout=5) as connection:
        connection.sendall(noise)
        assert connection.recv(1) == b""


CONFIG = {
    "name": "iam-apiserver",
    "node": "iam-a",
    "health": "/healthz",
    "paths": ["/v1/users"],
    "mariadb": {"host": "127.0.0.1", "port": 1, "user": "iam", "password": "x", "database": "iam"},
}


@pytest.fixture
def service_port(monkeypatch) -> Iterator[int]:
    monkeypatch.setattr(service.Handler, "table", service.routes(CONFIG))
    monkeypatch.setattr(service.Handler, "stands_in_for", "iam-apiserver on iam-a")
    with service.ServiceServer(("127.0.0.1", 0), service.Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def ask(port: int, path: str, method: str = "GET") -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, answer.headers


def test_health_is_byte_for_byte_the_real_answer_and_the_head_says_stand_in(service_port):
    status, body, head = ask(service_port, "/healthz?x=1")
    assert (status, body) == (200, b'{"status":"ok"}')
    assert head["X-Stand-In"] == "iam-apiserver on iam-a, iamops lab"
    assert "stand-in" in head["Server"]


def test_health_stays_ok_while_a_real_request_fails_with_the_database(service_port):
    status, body, _ = ask(service_port, "/v1/users")
    assert status == 500
    assert "cannot reach MariaDB at 127.0.0.1:1" in json.loads(body)["message"]
    assert ask(service_port, "/healthz")[0] == 200


def test_other_paths_and_methods(service_port):
    assert ask(service_port, "/v1/authz")[0] == 404
    assert ask(service_port, "/healthz", "HEAD")[:2] == (200, b"")
    assert ask(service_port, "/v1/users", "POST")[0] == 500
