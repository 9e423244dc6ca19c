"""MongoDB's wire protocol: both of its messages."""

from __future__ import annotations

import socket
import struct

from iamops.lab.standins import mongo_wire


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
