"""The table for people: says what the document says, and lets nothing hostile through."""

from __future__ import annotations

from console.cli import status_table
from console.cli.status_document import status_document
from console.judge.rules import findings
from console.model.events import HttpProbed, Target
from console.model.facts import ProbeOutcome, ProbeReport
from console.model.state import ClusterState
from tests.profiles import pair
from tests.scenes import NOW, fed, healthy


def shown(state: ClusterState, now: float, monkeypatch, capsys) -> str:
    monkeypatch.setenv("COLUMNS", "140")
    status_table.print_table(status_document(state, findings(state, now), now))
    return capsys.readouterr().out


def test_the_owner_and_every_service_are_shown(monkeypatch, capsys):
    text = shown(healthy(), NOW + 1, monkeypatch, capsys)
    assert "VIP 10.0.4.99 -> iam-a" in text
    assert "MASTER" in text
    assert "iam-authz-server" in text
    assert "mariadb" in text


def test_unknown_is_a_question_mark_and_a_word(monkeypatch, capsys):
    text = shown(ClusterState.of(pair()), NOW, monkeypatch, capsys)
    assert "-> UNKNOWN" in text
    assert "? unknown" in text
    assert "stopped" not in text


def test_markup_in_a_service_answer_is_printed_as_text(monkeypatch, capsys):
    bad = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 200, "says status '[bold red]pwned[/]'")
    state = fed(healthy(), [HttpProbed(NOW, "iam-a", "iam-a", Target.SERVICE, "iam-pump", bad)])
    text = shown(state, NOW + 1, monkeypatch, capsys)
    assert "[bold red]pwned[/]" in text
    assert "\x1b" not in text
