"""Drills as lines of text: nothing that was written in a file or on a node reaches the terminal raw."""

from __future__ import annotations

from dataclasses import replace

from iamops.cli.drill.run import client_line, result_lines
from iamops.cli.drill.show import history_lines, list_lines, show_lines
from iamops.judge.drill.report import ClientView, DrillRun, DrillVerdict, drill_runs
from iamops.report.drill import drill_document, markdown
from iamops.report.run import exit_code
from iamops.session.drills.files import load_drill
from tests.unit.judge.drill_samples import report

ESCAPE = "\x1b[31m"


def test_a_drill_file_cannot_colour_the_list_or_what_is_shown_of_it():
    drill = replace(load_drill("keepalived-stop"), title=ESCAPE, about=ESCAPE)
    for line in (*list_lines([drill]), *show_lines(drill, f"name: x\n# {ESCAPE}\n")):
        assert "\x1b" not in line


def test_a_ledger_cannot_colour_its_history():
    run = DrillRun("r1", ESCAPE, ESCAPE, ESCAPE, 1.0, {ESCAPE: 1.0})
    assert not any("\x1b" in line for line in history_lines([run], None))


def test_the_list_says_which_drills_take_a_machine_away():
    quiet, loud = list_lines([load_drill("reload"), load_drill("power-off")])
    assert "takes a machine away" not in quiet
    assert loud.endswith("(takes a machine away)")


def test_show_ends_with_the_drill_as_it_is_written():
    assert show_lines(load_drill("reload"), "name: x\nmethod:\n  - watch: 2 s\n")[-3:] == [
        "name: x",
        "method:",
        "  - watch: 2 s",
    ]


def test_budgets_stand_in_columns():
    rows = [line for line in result_lines(report()) if line.startswith("  ok ")]
    assert len(rows) == 3
    assert len({row.index("slack") for row in rows}) == 1


def test_a_single_failed_request_has_a_whole_sentence():
    one = ClientView(100, 1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 11.0)
    assert client_line(one) == (
        "  client: 1 failed, longest gap 0 ms (100 requests, none further apart than 11 ms)"
    )


PUT_BACK = report(verdict=DrillVerdict.FAIL, interrupted=True, sentence="interrupted; now: all is well")


def test_an_interrupted_drill_that_was_put_back_is_undone_and_not_failed():
    assert result_lines(PUT_BACK)[0] == "undone: drill keepalived-stop: interrupted; now: all is well"
    assert markdown(PUT_BACK).startswith("# ↶ UNDONE: drill")
    assert result_lines(replace(PUT_BACK, stays=True))[0].startswith("failed: drill")


def test_the_history_tells_the_last_drill_as_its_result_did():
    document = drill_document(PUT_BACK, exit_code(PUT_BACK))
    (line, *_) = history_lines(drill_runs([{"kind": "drill", "drill_report": document}]), None)
    assert "; last undone at " in line
