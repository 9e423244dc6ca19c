"""TLS for the stand-ins: ports that show a certificate, and a client that checks one."""

from __future__ import annotations

import socket
import ssl
from typing import Any

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
