"""Stands in for MongoDB: answers hello, ping and buildInfo, and refuses everything else by name."""

from __future__ import annotations

import itertools
import json
import logging
import socketserver
import sys
from pathlib import Path
from typing import Any

from iamops.lab.standins.log import VERSION, open_log
from iamops.lab.standins.mongo_wire import MAX_MESSAGE, BadMessage, answer, parse, receive

IDLE_TIMEOUT_S = 60.0
NOTE = "stand-in of the iamops lab, not MongoDB: it keeps no documents"
HELLO: dict[str, Any] = {
    "helloOk": True,
    "isWritablePrimary": True,
    "ismaster": True,
    "maxBsonObjectSize": 16777216,
    "maxMessageSizeBytes": MAX_MESSAGE,
    "maxWriteBatchSize": 1000,
    "minWireVersion": 0,
    "maxWireVersion": 17,
    "readOnly": False,
}
ANSWERS: dict[str, dict[str, Any]] = {
    "hello": HELLO,
    "ismaster": HELLO,
    "ping": {},
    "buildinfo": {"version": "0.0.0-stand-in", "gitVersion": "none"},
}


def document_for(command: str) -> dict[str, Any]:
    """The answer to a command. Command names are compared without case, as drivers send both."""
    known = ANSWERS.get(command.lower())
    if known is None:
        return {"ok": 0.0, "errmsg": f"no such command: {command} ({NOTE})", "code": 59}
    return {**known, "standIn": NOTE, "ok": 1.0}


class Conversation(socketserver.BaseRequestHandler):
    """One client's connection, in a thread of its own."""

    def handle(self) -> None:
        self.request.settimeout(IDLE_TIMEOUT_S)
        own_ids = itertools.count(1)
        try:
            while (received := receive(self.request)) is not None:
                request, own_id = parse(*received), next(own_ids)
                logging.info("%s %s", self.client_address[0], request.command)
                if request.wants_answer:
                    self.request.sendall(answer(request, document_for(request.command), own_id))
        except (OSError, BadMessage) as error:
            logging.info("%s %s", self.client_address[0], error)


class MongoServer(socketserver.ThreadingTCPServer):
    """Listens; a thread per connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def main(config_path: str, *options: str) -> None:
    """Serves for ever, or tells what this is."""
    if "--version" in options:
        print(f"mongod {VERSION}: {NOTE}")
        return
    config = json.loads(Path(config_path).read_text(encoding="utf-8"))
    open_log(config["log"], config["name"])
    with MongoServer((config["bind"], config["port"]), Conversation) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
