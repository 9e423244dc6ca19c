"""The stand-ins miss what they need as the real services do. Run on loopback; nothing of the lab is needed."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from typing import Any

import pytest

from iamops.lab.standins import needs


def need(port: int, kind: str = "port") -> dict[str, Any]:
    login = {"user": "iam", "password": "x", "database": "iam"}
    return {"name": "it", "kind": kind, "host": "127.0.0.1", "port": port, **login}


def closed_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("kind", ["port", "mariadb", "redis", "mongodb"])
def test_what_is_not_there_is_named_with_its_address(kind: str):
    port = closed_port()
    assert f"it at 127.0.0.1:{port}: " in (needs.seek([need(port, kind)]) or "")


def test_without_it_the_process_ends_with_a_fatal_line_and_a_long_trace(capsys):
    with pytest.raises(SystemExit) as end:
        needs.require([need(closed_port())], "iam-apiserver", 0.0)
    assert end.value.code == 1
    fatal, *trace = capsys.readouterr().err.splitlines()
    assert "\t\x1b[31mFATAL\x1b[0m\tiam-apiserver\tserver.go:152\tFailed to connect to it at 127.0.0.1:" in fatal
    assert len(trace) == 25


def test_what_comes_while_it_is_awaited_is_enough(capsys):
    port = closed_port()
    waiting = threading.Thread(target=needs.await_all, args=([need(port)], "iam-authz-server"))
    waiting.start()
    needs.listen("127.0.0.1", [port])
    waiting.join(5)
    assert not waiting.is_alive()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        assert connection.recv(100) == needs.NOTE
