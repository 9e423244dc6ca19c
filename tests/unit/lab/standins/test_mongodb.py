"""The stand-in for MongoDB: what it answers, refuses and closes on."""

from __future__ import annotations

import socket
import struct

import pytest

from iamops.lab.standins import mongodb


@pytest.mark.parametrize("name", ["hello", "isMaster", "ping", "buildInfo"])
def test_mongodb_answers_what_a_health_check_asks(name):
    document = mongodb.document_for(name)
    assert document["ok"] == 1.0
    assert "not MongoDB" in document["standIn"]


def test_mongodb_refuses_the_rest_by_name():
    assert "insert" in mongodb.document_for("insert")["errmsg"]


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", struct.pack("<iiii", 21, 1, 0, 9) + b"\0\0\0\0\0"])
def test_mongodb_closes_on_what_is_not_its_protocol(mongo_port, noise):
    with socket.create_connection(("127.0.0.1", mongo_port), timeout=5) as connection:
        connection.sendall(noise)
        assert connection.recv(1) == b""
