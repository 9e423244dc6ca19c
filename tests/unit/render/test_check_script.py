"""keepalived's check script, run for real against servers on loopback that answer, refuse and hang."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from iamops.render.nodefiles import ALIVE_HOST, CHECK_SCRIPT, NOTIFY_SCRIPT, render_node
from tests.support.profiles import pair

Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """A server for one connection on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(timeout=10)


def whole_request(connection: socket.socket) -> bytes:
    """bash sends it line by line."""
    asked = b""
    while not asked.endswith(b"\r\n\r\n") and (part := connection.recv(4096)):
        asked += part
    return asked


def answering(status: str, seen: list[bytes] | None = None) -> Serve:
    def serve(listening: socket.socket) -> None:
        with listening.accept()[0] as connection:
            asked = whole_request(connection)
            if seen is not None:
                seen.append(asked)
            connection.sendall(f"{status}\r\nConnection: close\r\n\r\n".encode())

    return serve


def hanging_up(listening: socket.socket) -> None:
    with listening.accept()[0] as connection:
        whole_request(connection)


def never_accepting(_listening: socket.socket) -> None:
    """The kernel completes the handshake for it, as for an nginx whose workers hang."""


def rendered(path: str, directory: Path, **changes) -> Path:
    files = render_node(pair(**changes), "iam-a", {})
    script = directory / Path(path).name
    script.write_text(next(file.content for file in files if file.path == path))
    script.chmod(0o755)
    return script


def check(directory: Path, port: int, limit_s: str = "5") -> int:
    script = rendered(CHECK_SCRIPT, directory, nginx={"port": port})
    done = subprocess.run([script, limit_s], stderr=subprocess.DEVNULL, timeout=20, check=False)
    return done.returncode


def test_an_nginx_that_answers_passes_and_is_asked_by_the_name_of_its_own_server(tmp_path):
    seen: list[bytes] = []
    with server(answering("HTTP/1.1 204 No Content", seen)) as port:
        assert check(tmp_path, port) == 0
    assert f"\r\nHost: {ALIVE_HOST}\r\n".encode() in seen[0]


@pytest.mark.parametrize("status", ["HTTP/1.1 502 Bad Gateway", "HTTP/1.1 200 OK", "SSH-2.0-OpenSSH_9.2", ""])
def test_any_other_answer_fails(tmp_path, status):
    with server(answering(status)) as port:
        assert check(tmp_path, port) == 1


def test_a_connection_closed_without_an_answer_fails(tmp_path):
    with server(hanging_up) as port:
        assert check(tmp_path, port) == 1


def test_a_hung_nginx_fails_when_its_time_is_up(tmp_path):
    with server(never_accepting) as port:
        assert check(tmp_path, port, "0.3") == 124


def test_a_stopped_nginx_fails(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert check(tmp_path, port) == 1


def test_every_transition_becomes_one_line_of_the_notify_log(tmp_path):
    script = rendered(NOTIFY_SCRIPT, tmp_path, logs={"notify": str(tmp_path / "notify.log")})
    (tmp_path / "notify.log").touch()
    for state in ("MASTER", "STOP"):
        subprocess.run([script, state], check=True, timeout=20)
    refused = subprocess.run([script, "$(reboot)"], stderr=subprocess.PIPE, timeout=20, check=False)
    lines = (tmp_path / "notify.log").read_text().splitlines()
    assert [line.split("] ")[1] for line in lines] == ["notify_master", "notify_stop"]
    assert (refused.returncode, b"usage:" in refused.stderr) == (2, True)
