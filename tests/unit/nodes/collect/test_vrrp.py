"""The VRRP collector: dumps that are asked for, and the journal's last word without them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from iamops.model.events import (
    KeepalivedAsked,
    Source,
    SourceLost,
    VrrpReported,
    VrrpTransition,
)
from iamops.model.facts import VrrpState
from iamops.nodes.collect import vrrp
from iamops.nodes.transport import CommandResult
from iamops.parse.journal import JournalRecord
from tests.support.answering_node import AnsweringNode, run_until, watch

DUMP = '[{"data":{"iname":"VI_1","state":2,"base_priority":100,"effective_priority":100}}]'


async def test_a_dump_is_asked_for_and_read():
    answers = {"is-active": "active", "--signum": "36", "sh -c path": "", "dd if=/tmp/keepalived.json": DUMP}
    seen, events = watch(AnsweringNode(answers))
    await run_until(vrrp.dump, seen, lambda: bool(events))
    event, answered = events
    assert isinstance(event, VrrpReported)
    assert event.report.state is VrrpState.MASTER
    assert answered == KeepalivedAsked(100.0, "iam-a", "")


async def test_a_stopped_keepalived_has_no_state_at_all():
    seen, events = watch(AnsweringNode({"is-active": "inactive"}))
    await run_until(vrrp.dump, seen, lambda: bool(events))
    assert events == [SourceLost(100.0, "iam-a", Source.VRRP, "keepalived is inactive")]


@pytest.mark.parametrize("signum", ["", "Unknown sigfunc JSON", "35"])
async def test_a_build_without_json_is_never_sent_the_signal(signum):
    """An unhandled real-time signal kills the daemon."""
    data = " VRRP Instance = VI_1\n   State = BACKUP\n   Priority = 50\n   Effective priority = 50\n"
    asked: list[str] = []
    node = AnsweringNode({"is-active": "active", "--signum": signum, "sh -c path": "", "keepalived.data": data})
    inner = node.run

    async def noting(argv: Sequence[str], **given: object) -> CommandResult:
        asked.append(" ".join(argv))
        return await inner(argv, **given)

    node.run = noting
    seen, events = watch(node)
    await run_until(vrrp.dump, seen, lambda: bool(events))
    assert not any("--signal=36" in line for line in asked)
    assert events[0].report.source == "data"


async def test_without_any_dump_the_journals_last_word_stands():
    said = (
        b'{"_SYSTEMD_UNIT":"keepalived.service","__REALTIME_TIMESTAMP":"99000000","MESSAGE":"'
        b'(VI_1) Entering MASTER STATE"}'
    )
    answers = {"is-active": "active", "--signum": "36", "sh -c path": 1, "journalctl": said.decode()}
    seen, events = watch(AnsweringNode(answers))
    await run_until(vrrp.dump, seen, lambda: bool(events))
    why = "no dump: sudo: a password is required"
    assert events == [VrrpTransition(100.0, "iam-a", "VI_1", VrrpState.MASTER, 99.0, True, why)]


async def test_the_echo_of_a_dump_asks_for_no_other():
    seen, events = watch(AnsweringNode({}))
    for message in (
        "keepalived.service: Sent signal SIGRTMIN+2 to main process 41 (keepalived) on client request.",
        "Printing VRRP as json for process(42) on signal",
    ):
        vrrp._journal_record(seen, JournalRecord(1.0, "keepalived", message, by_systemd=False))
    assert not seen.vrrp_changed.is_set()
    assert events == []
