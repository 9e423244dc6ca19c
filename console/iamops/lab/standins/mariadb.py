"""A client of the MariaDB protocol: logs in with a password and runs one query.

Shapes from the MySQL client/server protocol, version 10 handshake, mysql_native_password.
"""

from __future__ import annotations

import hashlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

TIMEOUT_S = 2.0
MAX_PACKET = 1 << 20
NATIVE_PASSWORD = b"mysql_native_password"
# LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH
CAPABILITIES = 0x1 | 0x8 | 0x200 | 0x8000 | 0x80000
UTF8MB4 = 45
COM_QUERY = 3
OK, EOF, ERROR = 0x00, 0xFE, 0xFF


class DatabaseError(Exception):
    """The server refused, with its error code, or could not be reached (code 0)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"error {code}: {message}" if code else message)
        self.code = code


@dataclass(frozen=True)
class Login:
    host: str
    port: int
    user: str
    password: str
    database: str


def query(login: Login, statement: str) -> list[list[str]]:
    """Logs in, runs one statement and returns its rows as text. Raises DatabaseError."""
    try:
        with socket.create_connection((login.host, login.port), timeout=TIMEOUT_S) as connection:
            wire = Wire(connection)
            _log_in(wire, login)
            wire.send(bytes([COM_QUERY]) + statement.encode(), sequence=0)
            return list(_rows(wire))
    except (OSError, IndexError, ValueError) as error:
        where = f"{login.host}:{login.port}"
        raise DatabaseError(0, f"cannot reach MariaDB at {where}: {error}") from error


def native_password(password: str, salt: bytes) -> bytes:
    """The proof of the password: SHA1(password) XOR SHA1(salt + SHA1(SHA1(password)))."""
    if not password:
        return b""

    def sha1(content: bytes) -> bytes:
        return hashlib.sha1(content, usedforsecurity=False).digest()

    once = sha1(password.encode())
    return bytes(a ^ b for a, b in zip(once, sha1(salt + sha1(once)), strict=True))


def greeting_salt(packet: bytes) -> bytes:
    """The 20 bytes of salt of a version 10 handshake. Raises DatabaseError for an error packet."""
    if packet[0] == ERROR:
        raise server_error(packet)
    after_version = packet.index(0, 1) + 1
    first = packet[after_version + 4 : after_version + 12]
    rest = after_version + 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10
    return first + packet[rest : rest + 12]


def server_error(packet: bytes) -> DatabaseError:
    """An error packet; the SQL state is there only once the handshake is over."""
    code = int.from_bytes(packet[1:3], "little")
    message = packet[9:] if packet[3:4] == b"#" else packet[3:]
    return DatabaseError(code, message.decode("utf-8", "replace"))


class Wire:
    """Packets on a connection: three bytes of length, one of sequence."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.sequence = 0

    def receive(self) -> bytes:
        head = self._exactly(4)
        length = int.from_bytes(head[:3], "little")
        if not 0 < length <= MAX_PACKET:
            raise ValueError(f"a packet of {length} bytes")
        self.sequence = head[3]
        return self._exactly(length)

    def send(self, payload: bytes, *, sequence: int) -> None:
        self._connection.sendall(len(payload).to_bytes(3, "little") + bytes([sequence]) + payload)

    def _exactly(self, length: int) -> bytes:
        received = b""
        while len(received) < length:
            chunk = self._connection.recv(length - len(received))
            if not chunk:
                raise ConnectionError("connection closed")
            received += chunk
        return received


def _log_in(wire: Wire, login: Login) -> None:
    salt = greeting_salt(wire.receive())
    proof = native_password(login.password, salt)
    head = struct.pack("<IIB23x", CAPABILITIES, MAX_PACKET, UTF8MB4)
    user, database = login.user.encode() + b"\0", login.database.encode() + b"\0"
    wire.send(head + user + bytes([len(proof)]) + proof + database + NATIVE_PASSWORD + b"\0", sequence=1)
    answer = wire.receive()
    if answer[0] == EOF:
        # The account wants another method first: only the native one can be answered.
        plugin, _, salt = answer[1:].partition(b"\0")
        if plugin != NATIVE_PASSWORD:
            raise DatabaseError(0, f"the server asks for {plugin.decode('ascii', 'replace')}")
        wire.send(native_password(login.password, salt[:20]), sequence=wire.sequence + 1)
        answer = wire.receive()
    if answer[0] == ERROR:
        raise server_error(answer)


def _rows(wire: Wire) -> Iterator[list[str]]:
    head = wire.receive()
    if head[0] == ERROR:
        raise server_error(head)
    if head[0] == OK:
        return
    for _ in range(head[0] + 1):  # the column definitions and the EOF after them
        wire.receive()
    while (packet := wire.receive())[0] != EOF:
        if packet[0] == ERROR:
            raise server_error(packet)
        yield list(_texts(packet))


def _texts(packet: bytes) -> Iterator[str]:
    """Length-encoded strings. Ours are short: one byte of length, or 0xfb for NULL."""
    at = 0
    while at < len(packet):
        length = 0 if packet[at] == 0xFB else packet[at]
        yield packet[at + 1 : at + 1 + length].decode("utf-8", "replace")
        at += 1 + length
