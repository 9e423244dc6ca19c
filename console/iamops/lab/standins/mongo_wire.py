"""The least of MongoDB's wire protocol: BSON documents out, the command's name in, OP_MSG and OP_QUERY."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
CHECKSUM_PRESENT, MORE_TO_COME = 1, 2
MAX_MESSAGE = 1 << 20
HEADER = struct.Struct("<iiii")


class BadMessage(Exception):
    """What came is not MongoDB's protocol."""


@dataclass(frozen=True)
class Request:
    """One request: its id, how it was asked, and the first key of its document, which is the command."""

    request_id: int
    op_code: int
    command: str
    wants_answer: bool = True


def encode(document: Mapping[str, Any]) -> bytes:
    """A BSON document of strings, numbers, booleans and documents (bsonspec.org, version 1.1)."""
    body = b"".join(_element(key, value) for key, value in document.items())
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def first_key(document: bytes) -> str:
    """The name of a document's first element. Raises BadMessage."""
    end = document.find(b"\0", 5)
    if len(document) < 7 or end < 0:
        raise BadMessage("not a BSON document")
    return document[5:end].decode("utf-8", "replace")


def parse(request_id: int, op_code: int, body: bytes) -> Request:
    """Reads a request's body. Raises BadMessage."""
    if op_code == OP_MSG and len(body) > 5 and body[4] == 0:
        flags = int.from_bytes(body[:4], "little")
        return Request(request_id, op_code, first_key(body[5:]), not flags & MORE_TO_COME)
    if op_code == OP_QUERY and (end := body.find(b"\0", 4)) > 0:
        return Request(request_id, op_code, first_key(body[end + 9 :]))
    raise BadMessage(f"operation {op_code} is not spoken here")


def answer(request: Request, document: Mapping[str, Any], own_id: int) -> bytes:
    """The reply to a request, in the way it was asked."""
    bson = encode(document)
    if request.op_code == OP_MSG:
        return message(own_id, request.request_id, OP_MSG, struct.pack("<IB", 0, 0) + bson)
    return message(own_id, request.request_id, OP_REPLY, struct.pack("<iqii", 0, 0, 0, 1) + bson)


def message(own_id: int, answers: int, op_code: int, body: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(body), own_id, answers, op_code) + body


def receive(connection: socket.socket) -> tuple[int, int, bytes] | None:
    """One message: its id, operation and body. None at the end. Raises BadMessage, OSError."""
    head = _exactly(connection, HEADER.size)
    if head is None:
        return None
    length, request_id, _, op_code = HEADER.unpack(head)
    if not HEADER.size < length <= MAX_MESSAGE:
        raise BadMessage(f"a message of {length} bytes")
    body = _exactly(connection, length - HEADER.size)
    return None if body is None else (request_id, op_code, body)


def ping(host: str, port: int, timeout_s: float) -> None:
    """Asks a server for a sign of life. Raises OSError or BadMessage."""
    with socket.create_connection((host, port), timeout=timeout_s) as connection:
        document = encode({"ping": 1, "$db": "admin"})
        connection.sendall(message(1, 0, OP_MSG, struct.pack("<IB", 0, 0) + document))
        if receive(connection) is None:
            raise BadMessage("closed without an answer")


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    received = b""
    while len(received) < length:
        chunk = connection.recv(length - len(received))
        if not chunk:
            return None
        received += chunk
    return received


def _element(key: str, value: Any) -> bytes:
    name = key.encode() + b"\0"
    match value:
        case bool():
            return b"\x08" + name + bytes([value])
        case int():
            return b"\x10" + name + struct.pack("<i", value)
        case float():
            return b"\x01" + name + struct.pack("<d", value)
        case str():
            text = value.encode() + b"\0"
            return b"\x02" + name + struct.pack("<i", len(text)) + text
        case Mapping():
            return b"\x03" + name + encode(value)
    raise TypeError(f"no BSON for {type(value).__name__}")
