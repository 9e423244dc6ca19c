"""Whatever a node makes our own readers fail of, in one look at it: it costs that part of the answer, in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from iamops.accesslog.count import Columns, CountQuery
from iamops.accesslog.format import named_format
from iamops.model.state import ClusterState
from iamops.nodes.evidence import collect
from iamops.nodes.ssh.connector import SshConnector
from iamops.nodes.transport import ByteStream, CommandResult, LineStream, OwnFault, Transport
from iamops.session.config import on_disk
from iamops.session.config.on_disk import examine_files
from iamops.session.connections import connection_attempts
from iamops.session.store import Store
from iamops.session.traffic import count_traffic
from iamops.session.triage import timeline
from iamops.session.triage.inspect import InspectionReader
from iamops.session.triage.timeline import TimelineCollector
from tests.support.profiles import pair

FAULT = "a fault of iamops: RecursionError"


class Broken:
    """A node that makes every reader fail of something that nobody expects."""

    node = "iam-b"
    heard_at = 0.0

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        raise RecursionError

    @asynccontextmanager
    async def stream(self, argv: Sequence[str], *, feed: bool = False) -> AsyncIterator[LineStream]:
        raise RecursionError
        yield

    async def open_tcp(self, host: str, port: int, *, timeout_s: float) -> ByteStream:
        raise RecursionError

    async def wait_closed(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        pass


async def test_a_deep_look_of_triage():
    reader = InspectionReader(pair(), lambda: 7.0)
    await reader.node(Broken())
    look = reader.results.looks["iam-b"]
    assert not look.any
    assert FAULT in reader.results.unreadable["iam-b"]
    assert FAULT in str(reader.results.traffic["iam-b"])


async def test_a_timeline():
    tale = TimelineCollector(pair(), 3600.0, lambda: 7.0)
    await tale.node(Broken())
    untold = tale.timeline().unavailable
    assert sum(FAULT in each for each in untold) == 4
    assert any("cannot be compared" in each for each in untold)


async def test_the_requests_of_a_log():
    recipe = CountQuery(named_format("main"), Columns.NOTHING)
    counted = await count_traffic("/var/log/nginx/access.log", recipe, None, {"iam-b": Broken()})
    assert FAULT in counted["iam-b"].reason


async def test_the_evidence_of_a_bundle():
    pieces = await collect(Broken(), pair(), timeout_s=5.0, limit_bytes=1000)
    assert len(pieces) > 10
    assert all(piece.content is None and FAULT in piece.reason for piece in pieces)


async def test_the_files_before_an_action(monkeypatch: pytest.MonkeyPatch):
    store = Store(ClusterState.of(pair()))
    broken: dict[str, Transport] = {"iam-b": Broken()}
    await examine_files(pair(), broken.get, store, lambda: 7.0)
    assert FAULT in str(store.state.nodes["iam-b"].files)
    assert "not connected" in str(store.state.nodes["iam-a"].files)

    async def read(transport: Transport, profile: object) -> str:
        return "no Seen"

    monkeypatch.setattr(on_disk, "_read_node", read)
    await examine_files(pair(), broken.get, store, lambda: 7.0)
    assert "no Seen" in str(store.state.nodes["iam-b"].files)


async def test_a_connection_and_the_ledger_of_a_node(monkeypatch: pytest.MonkeyPatch):
    async def connect(self: SshConnector) -> Transport:
        raise RecursionError

    monkeypatch.setattr(SshConnector, "connect", connect)
    async with connection_attempts(pair()) as made:
        assert {type(each) for each in made.values()} == {OwnFault}
    said = await timeline.journals(pair(), None, ())
    assert all(FAULT in each.unreadable for each in said.values())
