"""What a stand-in needs before it serves: asked for as the real service would, and missed as the real one does."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from iamops.lab.standins import mongo_wire
from iamops.lab.standins.log import coloured
from iamops.lab.standins.mariadb import DatabaseError, Login, query

# TLS for the stand-ins: ports that show a certificate, and a client that checks one.

TIMEOUT_S = 2.0


def server_context(files: dict[str, str]) -> ssl.SSLContext:
    """What the node's certificate and key are now. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["certificate"], files["key"])
    return context


def greet(need: dict[str, Any]) -> None:
    """A handshake as a client that checks makes it. Raises OSError, of which ssl.SSLError is one."""
    context = ssl.create_default_context(cafile=need["ca"])
    context.check_hostname = False
    with (
        socket.create_connection((need["host"], need["port"]), timeout=TIMEOUT_S) as connection,
        context.wrap_socket(connection),
    ):
        return


class TlsListener:
    """A listening socket whose connections are TLS; the handshake is made when they are read, not when taken."""

    def __init__(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        self._listener, self._context = listener, context

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = self._listener.accept()
        connection.settimeout(TIMEOUT_S)
        try:
            return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address
        except OSError:
            connection.close()
            raise


LOOK_AGAIN_S = 0.05
TELL_AGAIN_S = 2.0
NOTE = b"stand-in of the iamops lab, not gRPC\n"
# What a real one leaves behind its reason: frames that say nothing to an operator.
_FRAMES = ("New", "buildExtraConfig", "createServer", "Run", "run.func1", "runCommand", "execute", "ExecuteC")


def seek(needs: Sequence[dict[str, Any]]) -> str | None:
    """The first need that is not met, and why; None when all are."""
    for need in needs:
        try:
            ASK[need["kind"]](need)
        except (OSError, DatabaseError, mongo_wire.BadMessage) as error:
            return f"{need['name']} at {need['host']}:{need['port']}: {error}"
    return None


def require(needs: Sequence[dict[str, Any]], name: str, patience_s: float) -> None:
    """Returns once all are met; ends the process as the real service ends where they are not in time."""
    deadline = time.monotonic() + patience_s
    while (missing := seek(needs)) is not None:
        if time.monotonic() >= deadline:
            _give_up(name, f"Failed to connect to {missing}")
        time.sleep(LOOK_AGAIN_S)


def await_all(needs: Sequence[dict[str, Any]], name: str) -> None:
    """Returns once all are met, however long that takes; says meanwhile what is missing."""
    told_at = float("-inf")
    while (missing := seek(needs)) is not None:
        if time.monotonic() - told_at >= TELL_AGAIN_S:
            told_at = time.monotonic()
            coloured("ERROR", name, "server.go:88", f"Cannot connect to {missing}, trying again")
        time.sleep(LOOK_AGAIN_S)


def listen(bind: str, ports: Sequence[int], context: ssl.SSLContext | None = None) -> None:
    """More ports of the service: each connection gets a note and is closed; over TLS with a context."""
    for port in ports:
        plain = socket.create_server((bind, port))
        listener = plain if context is None else TlsListener(plain, context)
        threading.Thread(target=_greet_for_ever, args=(listener,), daemon=True).start()


def _give_up(name: str, reason: str) -> NoReturn:
    coloured("FATAL", name, "server.go:152", reason)
    print("goroutine 1 [running]:", file=sys.stderr)
    for number in range(12):
        frame = _FRAMES[number % len(_FRAMES)]
        print(f"iam/internal/{name.removeprefix('iam-')}.{frame}(0xc0001a2000)", file=sys.stderr)
        print(f"\t/build/{name}/server.go:{40 + number} +0x1b", file=sys.stderr)
    sys.exit(1)


def _greet_for_ever(listener: socket.socket | TlsListener) -> None:
    while True:
        try:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(NOTE)
        except OSError:
            time.sleep(LOOK_AGAIN_S)


def _mariadb(need: dict[str, Any]) -> None:
    """A whole login: a client that hangs up after the greeting would be blocked after a hundred times."""
    query(Login(need["host"], need["port"], need["user"], need["password"], need["database"]), "SELECT 1")


def _redis(need: dict[str, Any]) -> None:
    with socket.create_connection((need["host"], need["port"]), timeout=TIMEOUT_S) as connection:
        connection.sendall(b"PING\r\n")
        if not connection.recv(64):
            raise ConnectionError("closed without an answer")


def _port(need: dict[str, Any]) -> None:
    with socket.create_connection((need["host"], need["port"]), timeout=TIMEOUT_S):
        return


ASK: dict[str, Callable[[dict[str, Any]], None]] = {
    "mariadb": _mariadb,
    "redis": _redis,
    "mongodb": lambda need: mongo_wire.ping(need["host"], need["port"], TIMEOUT_S),
    "port": _port,
}
