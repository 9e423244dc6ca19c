"""The ledger's records as runs: a drill's own verdict is how its run ended."""

from __future__ import annotations

from typing import Any

from console.cli.audit_text import run_lines, tail_lines
from console.ledger.record import Record
from console.ledger.runs import runs_of
from console.tui.view.audit import newest_first, run_row, run_story

WHO = {"run": "0bfe429c", "profile": "lab", "action": "drill seed", "who": "root@vm", "from": "local"}
A, B = ({"owners": {"VI_1": [node]}} for node in ("iam-a", "iam-b"))


def record(n: int, kind: str, **body: Any) -> Record:
    return Record(n, f"2026-11-28T21:50:0{n}.000Z", kind, "", "0" * 64, body)


def drilled(verdict: str, outcome: str = "succeeded") -> tuple[Record, ...]:
    report = {"verdict": verdict, "sentence": f"the drill {verdict}es"}
    return (
        record(1, "intent", before=A, **WHO),
        record(2, "outcome", outcome=outcome, sentence="VIP 10.0.4.99 is on iam-a", after=B, **WHO),
        record(3, "drill", run=WHO["run"], action="drill seed", who="root@vm", drill_report=report),
    )


REFUSED = (
    record(1, "refused", outcome="refused", sentence="iam-b is in FAULT", **WHO),
    record(2, "drill", run=WHO["run"], drill_report={"verdict": "refused", "sentence": "iam-b is in FAULT"}),
)


def shown(records: tuple[Record, ...]) -> str:
    run = newest_first(records)[0]
    lines = (run_row(run, 120).line, *run_story(run, 120))
    return "\n".join("".join(span.text for span in line) for line in lines)


def test_a_drill_is_one_row_and_ends_as_its_verdict_says():
    (line,) = tail_lines(drilled("pass"), 20)
    assert line.endswith("root@vm from local: drill seed -> passed: the drill passes")
    assert "● passed" in shown(drilled("pass"))
    assert "no outcome" not in shown(drilled("pass"))


def test_what_the_engine_calls_success_is_no_verdict():
    (line,) = tail_lines(drilled("fail"), 20)
    assert "-> failed: the drill fail" in line
    assert "✗ failed" in shown(drilled("fail"))


def test_a_refused_drill_is_refused_everywhere():
    (line,) = tail_lines(REFUSED, 20)
    assert "-> refused: iam-b is in FAULT" in line
    assert "▲ refused" in shown(REFUSED)
    assert "ended: refused" in run_lines(REFUSED)


def test_the_owners_before_and_after_are_those_of_the_run_whichever_record_has_them():
    assert "iam-a before, iam-b after" in shown(drilled("pass"))


def test_a_run_whose_console_was_ended_has_no_outcome():
    lost = drilled("pass")[:1]
    assert [run.outcome for run in runs_of(lost)] == [""]
    assert "no outcome recorded" in tail_lines(lost, 20)[0]
    assert "? no outcome" in shown(lost)


def test_a_run_stands_where_its_last_record_does():
    other = record(2, "refused", outcome="refused", **{**WHO, "run": "aaaa", "action": "switchover"})
    first, *rest = drilled("pass")
    lines = tail_lines((first, other, *rest), 20)
    assert [line.split()[2] for line in lines] == ["aaaa", "0bfe429c"]
