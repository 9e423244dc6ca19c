"""The timeline of a cluster: what nodes and ledger tell, in order, and what is recalled of a hole."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from iamops.ledger.audit import Audit
from iamops.model.events import Noticed
from iamops.model.facts import Severity
from iamops.model.journal import TimelineEventKind
from iamops.nodes.transport import CommandResult, LinkLost
from iamops.session.store import Store
from iamops.session.triage import timeline
from iamops.session.triage.timeline import Recall
from tests.support.cluster_states import healthy
from tests.support.profiles import pair

NOW = 1_795_442_000.0


class Node:
    """Answers by what a command is for; no access log can be read."""

    def __init__(
        self, name: str, *, ahead_s: float = 0.0, journal: tuple[bytes, ...] = (), hangs: str = ""
    ) -> None:
        self.node, self._ahead_s, self._journal, self._hangs = name, ahead_s, journal, hangs

    async def run(self, argv, *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        text = " ".join(argv)
        if self._hangs and self._hangs in text:
            await asyncio.Event().wait()
        if "journalctl" in text:
            return CommandResult(tuple(argv), 0, b"\n".join(self._journal), b"")
        if "find" in text:
            return CommandResult(
                tuple(argv), 0, f"{NOW - 30 + self._ahead_s} /etc/nginx/nginx.conf\n".encode(), b""
            )
        if "iamops-config" in text:
            return CommandResult(tuple(argv), 1, b"", b"sudo: a password is required")
        told = f"\n==iamops begin clock==\n{NOW + self._ahead_s}\n==iamops end 0==\n"
        return CommandResult(tuple(argv), 0, told.encode(), b"")

    def stream(self, argv, *, feed: bool = False):
        raise LinkLost(self.node, "cut by the test", "none")


def entered(at: float, state: str) -> bytes:
    return json.dumps(
        {
            "_SYSTEMD_UNIT": "keepalived.service",
            "MESSAGE": f"(VI_1) Entering {state} STATE",
            "_SOURCE_REALTIME_TIMESTAMP": str(int(at * 1e6)),
        }
    ).encode()


async def look(tmp_path: Path, **nodes):
    collector = timeline.TimelineCollector(pair(), NOW - 3600, lambda: NOW)
    ledger = collector.here(tmp_path / "audit.jsonl")
    await asyncio.gather(ledger, *(collector.node(node) for node in nodes.values()))
    return collector.timeline()


def by_name(*nodes):
    return {node.node: node for node in nodes}


async def test_what_nodes_and_ledger_tell_is_one_list_in_order(tmp_path: Path) -> None:
    body = {"profile": "lab", "action": "switchover", "who": "ada", "run": "r"}
    Audit(tmp_path / "audit.jsonl", lambda: NOW - 90).append("intent", body)
    a = Node("iam-a", journal=(entered(NOW - 80, "BACKUP"),))
    b = Node("iam-b", journal=(entered(NOW - 79, "MASTER"),))
    found = await look(tmp_path, **by_name(a, b))
    kinds = [(each.kind, each.node) for each in found.events]
    assert kinds[:3] == [
        (TimelineEventKind.ACTION, None),
        (TimelineEventKind.VIP, "iam-a"),
        (TimelineEventKind.VIP, "iam-b"),
    ]
    assert (TimelineEventKind.CONFIG, "iam-a") in kinds


async def test_a_node_that_is_not_connected_is_named(tmp_path: Path) -> None:
    found = await look(tmp_path, **by_name(Node("iam-a")))
    assert "iam-b: not connected" in found.unavailable


async def test_a_source_that_hangs_costs_its_own_part_only(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(timeline, "SOURCE_TIMEOUT_S", 0.05)
    a = Node("iam-a", journal=(entered(NOW - 80, "MASTER"),), hangs="find")
    found = await look(tmp_path, **by_name(a))
    assert [each.kind for each in found.events] == [TimelineEventKind.VIP]
    assert any(each.startswith("iam-a: file times: no answer") for each in found.unavailable)


async def test_why_a_source_is_silent_is_told(tmp_path: Path) -> None:
    found = await look(tmp_path, **by_name(Node("iam-a")))
    assert any(each.startswith("iam-a: push history: iam-a: sudo:") for each in found.unavailable)
    assert "iam-a: the access log: cut by the test" in found.unavailable


async def test_a_nodes_times_are_put_on_our_clock(tmp_path: Path) -> None:
    a = Node("iam-a", ahead_s=100.0, journal=(entered(NOW - 80 + 100, "MASTER"),))
    found = await look(tmp_path, **by_name(a))
    (vip,) = [each for each in found.events if each.kind is TimelineEventKind.VIP]
    assert abs(vip.at - (NOW - 80)) < 1


async def test_a_tale_that_is_cut_short_says_what_is_missing(tmp_path: Path) -> None:
    tale = timeline.TimelineCollector(pair(), NOW - 3600, lambda: NOW)
    a = Node("iam-a", journal=(entered(NOW - 80, "MASTER"),), hangs="find")
    task = asyncio.create_task(tale.node(a))
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    told = tale.timeline()
    assert [each.kind for each in told.events] == [TimelineEventKind.VIP]
    assert "iam-a: file times: not told in the time there was" in told.unavailable
    assert "iam-b: not connected" in told.unavailable


def recall(store: Store, tmp_path: Path) -> Recall:
    return Recall(store.state.profile, store.apply, lambda: NOW, began=NOW, ledger=tmp_path / "audit.jsonl")


async def test_journals_seed_the_list_and_what_is_seen_is_not_recalled(tmp_path: Path) -> None:
    store = Store(healthy())
    store.apply(Noticed(NOW + 1, "iam-a", Severity.INFO, "seen"))
    mine = recall(store, tmp_path)
    moved = (entered(NOW - 500, "MASTER"), entered(NOW - 200, "BACKUP"), entered(NOW + 2, "MASTER"))
    await mine.node(Node("iam-a", journal=moved), None, NOW)
    await mine.node(Node("iam-b", journal=(entered(NOW - 199, "MASTER"),)), None, NOW)
    lines = [(each.text, each.source) for each in store.state.notices if each.at >= NOW - 1000]
    assert lines == [
        ("iam-a: VI_1 entered MASTER, VIP 10.0.4.99", "keepalived's journal"),
        ("iam-a: VI_1 entered BACKUP", "keepalived's journal"),
        ("VIP 10.0.4.99 moved iam-a -> iam-b", "keepalived's journal"),
        ("seen", ""),
    ]


async def test_after_a_hole_only_the_hole_is_recalled(tmp_path: Path) -> None:
    store = Store(healthy())
    lines = (entered(NOW - 500, "BACKUP"), entered(NOW - 3, "FAULT"), entered(NOW + 60, "MASTER"))
    await recall(store, tmp_path).node(Node("iam-a", journal=lines), NOW - 10, NOW)
    assert [each.text for each in store.state.notices if each.source] == ["iam-a: VI_1 entered FAULT"]


async def test_a_journal_that_does_not_answer_is_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("iamops.session.triage.timeline.SOURCE_TIMEOUT_S", 0.05)
    store = Store(healthy())
    await recall(store, tmp_path).node(Node("iam-a", hangs="journalctl"), None, NOW)
    assert "not recalled: iam-a: the journal: no answer within 0.05 s" in [n.text for n in store.state.notices]


async def test_what_was_seen_since_the_connection_stands_is_not_recalled_beside_it(tmp_path: Path) -> None:
    store = Store(healthy())
    lines = (entered(NOW - 3, "FAULT"), entered(NOW - 1, "BACKUP"))
    await recall(store, tmp_path).node(Node("iam-a", journal=lines), NOW - 10, NOW - 2)
    assert [each.text for each in store.state.notices if each.source] == ["iam-a: VI_1 entered FAULT"]


async def test_a_link_that_comes_and_goes_fills_neither_the_list_nor_memory(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("iamops.session.triage.timeline.FOUND_KEPT", 5)
    store = Store(healthy())
    mine = recall(store, tmp_path)
    for n in range(4):
        lines = tuple(entered(NOW - 9 + 2 * n + i / 10, "FAULT") for i in range(4))
        await mine.node(Node("iam-a", journal=lines), NOW - 10 + 2 * n, NOW - 8 + 2 * n)
    assert len(mine._found) == 5
    assert mine._found[-1].at == NOW - 3 + 0.3
    monkeypatch.setattr("iamops.session.triage.timeline.SOURCE_TIMEOUT_S", 0.01)
    for _ in range(3):
        await mine.node(Node("iam-a", hangs="journalctl"), NOW - 2, NOW)
    unread = [each.text for each in store.state.notices if each.text.startswith("not recalled")]
    assert unread == ["not recalled: iam-a: the journal: no answer within 0.01 s"]
