"""The stand-in for an IAM service."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator

import pytest

from iamops.lab.standins import service

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
