"""The ledger's records as runs: a drill's own verdict is how its run ended."""

from __future__ import annotations

from typing import Any

import pytest

from iamops.cli.audit.run import run_lines, tail_lines
from iamops.judge.triage.timeline import of_ledger
from iamops.ledger.record import Record
from iamops.ledger.verify import runs_of
from iamops.tui.audit import AuditList, run_story

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
    run = runs_of(records)[-1]
    lines = (AuditList("list").row(run, 120).line, *run_story(run, 120))
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


STEPS = [
    {"stage": "done", "title": "stop keepalived on iam-a", "took_s": 1.0},
    {"stage": "observing", "title": "start keepalived on iam-a", "took_s": None},
    {"stage": "waiting", "title": "watch that the VIP stays", "took_s": None},
]


def interrupted(**changes: Any) -> tuple[Record, ...]:
    """A run that was interrupted and put back."""
    ended = {"outcome": "failed", "interrupted": True, "restored_by": "console", "steps": STEPS}
    sentence = "interrupted; now: VIP 10.0.4.99 is on iam-a"
    return (
        record(1, "intent", before=A, **WHO),
        record(2, "outcome", **{**WHO, **ended, "sentence": sentence, "after": A, **changes}),
    )


def test_an_interrupted_run_that_was_put_back_is_undone_in_every_view_of_the_ledger():
    (line,) = tail_lines(interrupted(), 20)
    assert "-> undone: interrupted; now:" in line
    lines = run_lines(interrupted())
    assert lines[-1] == "ended: undone"
    assert "  outcome: undone" in lines
    assert "↶ undone" in shown(interrupted())
    (_, happening) = of_ledger(((r.at, r.kind, r.raw) for r in interrupted()), "lab")
    assert happening.text == "drill seed: undone (root@vm)"


@pytest.mark.parametrize(
    "left",
    [
        {"restored_by": "nobody"},
        {"restored_by": None, "not_undone": ["reload nginx on iam-a"]},
        {"interrupted": False},
    ],
)
def test_what_was_not_undone_is_not_called_so(left: dict[str, Any]):
    records = interrupted(**left)
    assert "-> failed: " in tail_lines(records, 20)[0]
    assert "✗ failed" in shown(records)


@pytest.mark.parametrize(("code", "word"), [(130, "undone"), (1, "failed")])
def test_an_interrupted_drill_ends_as_its_exit_code_said(code: int, word: str):
    report = {"verdict": "fail", "sentence": "interrupted; now: x", "interrupted": True, "exit_code": code}
    records = (*interrupted(), record(3, "drill", run=WHO["run"], drill_report=report))
    assert f"-> {word}: interrupted; now: x" in tail_lines(records, 20)[0]


def test_steps_that_an_ended_run_has_left_are_stopped_or_not_done():
    lines = run_lines(interrupted())
    assert "  stopped start keepalived on iam-a" in lines
    assert "  not done watch that the VIP stays" in lines
    assert "  done (1.0 s) stop keepalived on iam-a" in lines
    story = shown(interrupted())
    assert not any(word in story for word in ("observing", "waiting"))
    assert "stopped " in story
    assert "not done " in story


@pytest.mark.parametrize(
    "odd",
    [
        {"steps": 5, "undone": "x", "client": [1], "overrides": 7},
        {"steps": ["a"], "undone": [None], "client": "none"},
        {"steps": [{"took_s": "1", "stage": [], "title": {}}], "client": {"longest_gap_ms": "9"}},
        {"steps": [{"took_s": float("inf")}], "client": {"longest_gap_ms": {}, "not_measured_ms": "x"}},
        {"steps": {"stage": "done", "title": "t"}, "undone": {"title": 1}, "restored_by": [], "sentence": 4},
        {"before": {"owners": {"VI_1": 4}}, "after": {"owners": [1]}, "outcome": ["x"], "reason": {}},
        {"steps": [{"took_s": 10**400}], "client": {"longest_gap_ms": True}},
    ],
)
def test_a_record_with_odd_values_is_shown_as_it_is(odd: dict[str, Any]):
    records = (record(1, "intent", **WHO), record(2, "outcome", **{**WHO, "outcome": "failed", **odd}))
    lines = (*run_lines(records), *tail_lines(records, 20), shown(records))
    for value in (v for v in odd.values() if isinstance(v, str) and v):
        assert any(value in line for line in lines)


@pytest.mark.parametrize("report", [{"verdict": [], "budgets": 3, "client": 4}, {"drill": "seed"}, "x", [1]])
def test_a_drill_record_with_odd_values_is_shown_as_it_is(report: Any):
    records = (record(1, "drill", run=WHO["run"], drill_report=report),)
    assert run_lines(records)
    assert tail_lines(records, 20)
    assert shown(records)


def test_what_a_ledger_says_cannot_steer_a_terminal():
    raw = Record(1, "\x1b[2J", "\x1b[3J", "", "0" * 64, {**WHO, "run": "\x1b[1A", "steps": ["\x1b[5m"]})
    assert "\x1b" not in "".join((*run_lines((raw,)), *tail_lines((raw,), 20), shown((raw,))))
