"""The stand-in for MongoDB on a port of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from iamops.lab.standins import mongodb


@pytest.fixture
def mongo_port(caplog) -> Iterator[int]:
    with mongodb.MongoServer(("127.0.0.1", 0), mongodb.Conversation) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()
