"""What nodes and ledger remember comes into the event list, and what was seen stays there."""

from __future__ import annotations

from pathlib import Path

from iamops.model.events import Noticed
from iamops.model.facts import Severity
from iamops.session.store import Store
from iamops.session.triage.timeline import Recall
from tests.support.cluster_states import healthy
from tests.unit.session.test_timeline import NOW, Node, entered


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
