"""The table for people: says what the document says, and lets nothing hostile through."""

from __future__ import annotations

from rich.cells import cell_len

from iamops.cli.status import table
from iamops.cli.status.table import fitted, groups
from iamops.judge.rules import findings
from iamops.model.events import HttpProbed, Target
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.state import ClusterState
from iamops.report.status import status_document
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.profiles import pair


def shown(state: ClusterState, now: float, monkeypatch, capsys) -> str:
    monkeypatch.setenv("COLUMNS", "140")
    table.print_table(status_document(state, findings(state, now), now))
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


LONG = "iam-authz-server: bad answer: HTTP 400: Client sent an HTTP request to an HTTPS server, 域名 on port 8443"


def test_no_column_is_lost_at_any_width_however_long_an_error_is(monkeypatch, capsys):
    bad = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 400, LONG)
    state = fed(healthy(), [HttpProbed(NOW, "iam-a", "iam-a", Target.SERVICE, "iam-pump", bad)])
    document = status_document(state, findings(state, NOW + 1), NOW + 1)
    for width in range(60, 201):
        monkeypatch.setenv("COLUMNS", str(width))
        table.print_table(document)
        lines = capsys.readouterr().out.splitlines()
        assert all(cell_len(line) <= width for line in lines)
        assert any(line.split() == ["seen", "on", "iam-a", "iam-b"] for line in lines), (width, lines)
        pump = next(line for line in lines if line.split()[:1] == ["iam-pump"])
        assert "✗ bad answ" in pump
        assert "✓" in pump.partition("✗")[2], (width, pump)
        heads = next(line.split() for line in lines if line.split()[:1] == ["node"])
        assert len(heads) == 9, (width, heads)
        assert any(line.split()[:1] == ["iam-b"] for line in lines), (width, lines)


def test_of_more_nodes_than_fit_beside_each_other_there_are_several_tables(monkeypatch, capsys):
    names = [f"node-{number:02}" for number in range(12)]
    assert fitted([40, 9, 200], 60) == (40, 7, 7)
    assert fitted([90, 9, 200], 60) == (46, 4, 4)
    assert fitted([5, 5], 200) == (5, 5)
    found = groups(names, 20, 80)
    assert [name for group in found for name in group] == names
    assert all(20 + 2 + len(group) * 11 <= 80 for group in found)
    assert groups(names, 90, 80) == tuple((name,) for name in names)
