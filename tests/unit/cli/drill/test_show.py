"""`iamops drill list|show|history`: what is known without the cluster."""

from __future__ import annotations

from dataclasses import replace

from iamops.cli.drill.show import history_lines, list_lines, show_lines
from iamops.judge.drill.report import DrillRun, DrillVerdict, drill_runs
from iamops.report.drill import drill_document
from iamops.session.drills.files import load_drill
from tests.support.drill_samples import report

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


PUT_BACK = report(verdict=DrillVerdict.FAIL, interrupted=True, sentence="interrupted; now: all is well")


def test_the_history_tells_the_last_drill_as_its_result_did():
    document = drill_document(PUT_BACK)
    (line, *_) = history_lines(drill_runs([{"kind": "drill", "drill_report": document}]), None)
    assert "; last undone at " in line
