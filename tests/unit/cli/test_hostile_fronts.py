"""Every front of the command line as an edge: hostile text in every field, and nothing raw comes out."""

from __future__ import annotations

import contextlib
import csv
import html
import io
import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from iamops.cli.acting import dry_lines, progress_lines, result_lines
from iamops.cli.config.run import diff_text, lint_text
from iamops.cli.drill.run import progress_shown
from iamops.cli.drill.run import result_lines as drill_lines
from iamops.cli.errors import explain
from iamops.cli.lines import write_progress, write_stderr_lines, write_stdout, write_stdout_lines
from iamops.cli.main import main
from iamops.cli.output import Coloured, not_written, print_lines, watched
from iamops.cli.status.table import print_table
from iamops.cli.traffic.run import csv_text, traffic_lines
from iamops.cli.triage.forms import triage_lines
from iamops.judge.drill.report import DrillProgress
from iamops.judge.lint.lint import lint
from iamops.judge.rules import findings
from iamops.judge.run import RunReport, StepReport
from iamops.model.config import ConfFile, ConfTree
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.model.text import one_line, safe_lines
from iamops.nodes.transport import CommandFailed
from iamops.plan.action import Switchover
from iamops.plan.build import plan_for
from iamops.plan.config.change import node_change
from iamops.plan.denial import Denial
from iamops.report import config as lint_documents
from iamops.report import drill, triage
from iamops.report.config import config_diff_document
from iamops.report.drill import drill_document
from iamops.report.run import plan_document, run_document
from iamops.report.status import status_document
from iamops.report.text import exact_json, json_text
from iamops.report.triage import triage_document
from tests.support.cluster_states import NOW, healthy
from tests.support.drill_samples import report as drill_report
from tests.support.hostile import SEQUENCES, hostile, poisoned, raw, strings
from tests.support.profiles import pair
from tests.support.triage_samples import MOVED, troubled

# What names something that is looked up, or is measured.
KEPT = frozenset({"name", "node", "unit", "code", "kind", "instance", "profile", "action", "rule", "checked"})
# Ours: red, green, yellow, cyan, and back. Rich's in tables: bold and colours.
OWN_COLOURS = re.compile(r"\x1b\[(?:0|1|3[1236]|1;3[1236])m")
seeds = pytest.mark.parametrize("chance", [random.Random(seed) for seed in range(12)], ids=range(12))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def streams(kind: type[io.StringIO] = io.StringIO) -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """stdout and stderr as a command has them."""
    before = sys.stdout, sys.stderr
    out, err = kind(), kind()
    sys.stdout, sys.stderr = out, err
    try:
        with watched():
            yield out, err
    finally:
        sys.stdout, sys.stderr = before


def printed(print_it: Callable[[], object], kind: type[io.StringIO] = io.StringIO) -> str:
    with streams(kind) as (out, err):
        print_it()
    return out.getvalue() + err.getvalue()


def harmless(text: str) -> None:
    assert raw(text) == []


def harmless_document(text: str) -> None:
    """As a file, and as whoever reads it gets its strings."""
    harmless(text)
    assert [raw(each) for each in strings(json.loads(text)) if raw(each)] == []


def harmless_xml(text: str, cases: int | None = None) -> None:
    root = ElementTree.fromstring(text)  # noqa: S314 - our own
    for element in root.iter():
        for each in (element.text, element.tail, *element.attrib.values()):
            harmless(html.unescape(each or ""))
    assert cases is None or len(list(root.iter("testcase"))) == cases


def harmless_markdown(text: str) -> None:
    """Outside of code nothing calls anybody, is a link, or is markup that was not ours."""
    harmless(text)
    words = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "CODE", text)
    words = re.sub(r"\\.", "", words)
    assert not re.search(r"@|://|!\d|#\d|:\+1:|\[|<|^/", words, re.MULTILINE), words


# --- the streams ---


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_whatever_is_printed(sequence: str, kind: type[io.StringIO]):
    def everything() -> None:
        print(sequence, sequence, sep="\t", file=sys.stdout)
        print(sequence, file=sys.stderr)
        sys.stdout.writelines([sequence])
        write_stdout(sequence)
        write_progress(sequence)
        write_stdout_lines([sequence, sequence])
        write_stderr_lines([sequence])
        print_lines([sequence, Coloured(sequence, 31), Coloured(sequence, 31, 3)])

    text = printed(everything, kind)
    assert raw(OWN_COLOURS.sub("", text)) == []


def test_lines_of_our_own_stay_lines_and_tabs_stay_tabs():
    assert printed(lambda: print("a\n\tb\n")) == "a\n\tb\n\n"


def test_a_text_that_is_to_be_one_line_begins_no_other():
    forged = "note: x\nplan: nothing will happen"
    assert printed(lambda: print_lines([forged])).count("\n") == 1
    assert printed(lambda: write_stderr_lines([forged])).count("\n") == 1
    assert printed(lambda: write_progress(forged)).count("\n") == 1


def test_our_colour_is_ours_and_a_node_s_is_text():
    line = Coloured("CRITICAL \x1b[32mall is well", 31, 8)
    assert printed(lambda: print_lines([line]), Terminal) == "\x1b[31mCRITICAL\x1b[0m \\x1b[32mall is well\n"
    assert printed(lambda: print_lines([line])) == "CRITICAL \\x1b[32mall is well\n"


def test_no_colour_where_nobody_wants_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert printed(lambda: print_lines([Coloured("x", 31)]), Terminal) == "x\n"


@seeds
def test_arguments_that_are_echoed(chance: random.Random):
    for argv in (
        [hostile(chance)],
        ["--profile", hostile(chance), "status"],
        ["traffic", "--where", hostile(chance)],
        ["audit", "show", hostile(chance)],
        ["triage", "explain", hostile(chance)],
        ["drill", "show", hostile(chance)],
        ["watch", "--metrics", hostile(chance)],
    ):
        argv = [each.replace("\x00", "") for each in argv]

        def command(argv: list[str] = argv) -> None:
            with contextlib.suppress(SystemExit):
                assert main(argv) != ExitCode.OK

        harmless(printed(command))


@seeds
def test_failures_that_are_explained(chance: random.Random):
    for error in (CommandFailed("iam-a", hostile(chance), hostile(chance)), RuntimeError(hostile(chance))):
        told_, _ = explain(error)
        harmless(printed(lambda told_=told_: print(told_)))
    assert explain(CommandFailed("iam-a", "x\niamops: done", "y\nz"))[0].count("\n") == 1


# --- the texts and documents of each command ---


@seeds
def test_a_triage(chance: random.Random, tmp_path):
    look = poisoned(
        troubled(timeline=(MOVED,), unavailable=("iam-b",), not_inspected={"iam-b": "x"}), chance, KEPT
    )
    for kind in (io.StringIO, Terminal):
        text = printed(lambda: print_lines(triage_lines(look, width=80, since_s=60.0)), kind)
        harmless(OWN_COLOURS.sub("", text))
    cases = len(list(ElementTree.fromstring(triage.junit(troubled(), Severity.INFO)).iter("testcase")))  # noqa: S314 - our own
    harmless_xml(triage.junit(look, Severity.INFO), cases)
    harmless_markdown(triage.markdown(look))
    harmless_document(json_text(triage_document(look, 60.0)))
    for text in (triage.junit(look, None), hostile(chance)):
        assert not_written(str(tmp_path / "report"), text) is None
        harmless((tmp_path / "report").read_text())


@seeds
def test_a_drill_s_report(chance: random.Random):
    ended = poisoned(drill_report(), chance, KEPT)
    harmless(printed(lambda: write_stdout_lines(drill_lines(ended))))
    cases = len(list(ElementTree.fromstring(drill.junit(drill_report())).iter("testcase")))  # noqa: S314 - our own
    harmless_xml(drill.junit(ended), cases)
    harmless_markdown(drill.markdown(ended))
    harmless_document(json_text(drill_document(ended)))


def trees(chance: random.Random) -> list[ConfTree]:
    """Two nodes whose files are full of it, paths included."""
    wanted = {"/etc/nginx/nginx.conf": "user x;\n", "/etc/keepalived/keepalived.conf": "vrrp_instance VI_1 {\n}\n"}
    return [
        ConfTree(
            node,
            {
                path + more: ConfFile(path + more, f"# {hostile(chance)}\nuser {hostile(chance)};\n{text}")
                for path, text in wanted.items()
                for more in ("", hostile(chance))
            },
            rendered=wanted,
        )
        for node in ("iam-a", "iam-b")
    ]


@seeds
def test_a_lint(chance: random.Random):
    report = poisoned(lint(trees(chance), pair()), chance, KEPT)
    for kind in (io.StringIO, Terminal):
        harmless(OWN_COLOURS.sub("", printed(lambda: print_lines(lint_text(report)), kind)))
    harmless_xml(lint_documents.junit(report))
    harmless_document(json_text(lint_documents.sarif(report, "1")))
    harmless_document(json_text(lint_documents.lint_document(report)))


@seeds
def test_a_difference_of_files(chance: random.Random):
    changes = {each.name: node_change(each, (), exact=True) for each in trees(chance)}
    for kind in (io.StringIO, Terminal):
        text = printed(lambda: print_lines(diff_text(changes)), kind)
        assert raw(OWN_COLOURS.sub("", text)) == []
        assert "\x1b[2J" not in text
    harmless_document(json_text(config_diff_document(changes)))


@seeds
def test_a_plan_its_progress_and_its_result(chance: random.Random, monkeypatch: pytest.MonkeyPatch):
    plan = poisoned(plan_for(Switchover(), healthy(), NOW), chance, KEPT | {"argv"})
    denied = (Denial("last-backend", hostile(chance), True, "iam-b", (hostile(chance),)),)
    harmless(printed(lambda: write_stderr_lines(dry_lines(plan, denied, denied))))
    ran = RunReport("1", Switchover(), 0.0, steps=tuple(StepReport(each, began=0.0) for each in plan.steps))
    ran = poisoned(ran, chance, KEPT | {"argv", "run"})
    harmless(printed(lambda: [write_progress(each) for each in progress_lines(None, ran)]))
    harmless(printed(lambda: write_stdout_lines(result_lines(ran))))
    harmless_document(json_text(plan_document(plan)))
    harmless_document(json_text(run_document(ran, "lab")))

    def bar() -> None:
        with progress_shown(hostile(chance)) as hear:
            hear(DrillProgress("seed", ran))

    monkeypatch.setenv("TERM", "xterm")
    drawn = printed(bar, Terminal)
    for sequence in (each for each in SEQUENCES if re.search("[\x1b\x9b\x9d]", each)):
        assert sequence not in drawn
    assert raw(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn), allowed="\n\r") == []


@seeds
def test_a_status(chance: random.Random):
    state = healthy()
    document: Any = status_document(state, findings(state, NOW), NOW)
    words = {"title": "x", "severity": "critical", "evidence": ["y"], "next": "z", "code": "c", "node": "iam-a"}
    document["findings"] = [
        {
            key: poisoned(each, chance) if key in ("title", "evidence", "next") else each
            for key, each in words.items()
        }
    ]
    for node in document["nodes"].values():
        for probe in (*node["services"].values(), *node["nginx"]["http"].values()):
            for key in ("healthy", "ok"):
                probe[key] = False
            probe["error"] = hostile(chance)
    for kind in (io.StringIO, Terminal):
        harmless(OWN_COLOURS.sub("", printed(lambda: print_table(document), kind)))
    harmless_document(json_text(document))


@seeds
def test_a_table_of_traffic(chance: random.Random):
    row = {"key": "/x", "total": 1, "share": 1.0, "errors": 0, "nodes": {"iam-a": 1}}
    node = {"total": None, "total_unknown": hostile(chance)}
    rows = [
        {**row, "key": first + hostile(chance)}
        for first in ("", "\t", "\r", " ", "=", "\t=1+1", "\r@x", "\uff1d1")
    ]
    document = {"since": None, "where": hostile(chance), "by": "path", "rows": rows, "nodes": {"iam-a": node}}
    document["cluster"] = {"total": None, "total_unknown": "x"}
    harmless(printed(lambda: print_lines(traffic_lines(document))))
    text = printed(lambda: print(csv_text(document)))
    harmless(text)
    table = list(csv.reader(io.StringIO(text)))
    assert len(table) == 1 + len(rows)
    assert [
        cell for line in table for cell in line if re.match(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]", cell)
    ] == []


# --- documents ---


def test_what_is_not_finite_is_null():
    told_ = json.loads(json_text({"load": float("nan"), "rates": (float("inf"), 1.5), "x": {"y": float("-inf")}}))
    assert told_ == {"load": None, "rates": [None, 1.5], "x": {"y": None}}


def test_a_record_of_the_audit_is_printed_to_the_letter_and_inert():
    record = {"reason": "".join(SEQUENCES) + "\x7f"}
    line = exact_json(record)
    harmless(line)
    assert one_line(line) == safe_lines(line) == line
    assert json.loads(line) == record
